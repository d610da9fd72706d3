"""Secrets of the update endpoint: made, rotated with an overlap, ended, revoked."""

import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils import timezone

from oemupdates.models import Group, Operator, UpdateSecret
from oemupdates.services.checkins.passes import PLAIN, PURPOSE, digest, of_settings
from oemupdates.services.shared import activity
from oemupdates.services.shared.configuration import changing
from oemupdates.services.shared.sealing import seal

OVERLAP_DAYS, MAX_DAYS = 30, 366
# From then on the overview says that a secret is old, and from then on that one ends.
OLD, ENDS_SOON = timedelta(days=365), timedelta(days=7)
PLAIN_NAME = "No secret"
_SECRET_BYTES = 24
_MAX_NAME = 100
_Kind = UpdateSecret.Kind


class CannotMakeSecret(activity.Refused):
    """The secret would be nameless, or the plain address is open already."""


class CannotChangeSecret(activity.Refused):
    """The secret is revoked or on its way out already, or has no successor to make."""


class LastSecret(activity.Refused):
    """No secret would be left that lets every node in for good."""


class Made(NamedTuple):
    """A secret, and what nodes put behind the endpoint's path."""

    secret: UpdateSecret
    value: str


def create(name: str, *, by: Operator, group: Group | None = None, why: str = "") -> Made:
    """Make a secret for all nodes, or for those of a group; raises `CannotMakeSecret`.

    The first one cuts nobody off: the plain address stays, until somebody ends it.
    """
    name = activity.wording(name, what="The name", most=_MAX_NAME)
    if not name:
        raise CannotMakeSecret("A secret needs a name: say what it is for.")
    with changing():
        if not of_settings() and not UpdateSecret.objects.kept_here().exists():
            _plain_row(by)
        made = _new(name, group, by)
        after = {"group": str(group) if group else "every group"}
        activity.record(verb="secret.created", subject=made.secret, by=by, after=after, why=why)
    return made


def rotate(secret: UpdateSecret, *, by: Operator, days: int = OVERLAP_DAYS, why: str = "") -> Made:
    """Make the successor of a secret, valid at once; the former is valid for `days` more.

    Raises `CannotChangeSecret`.
    """
    _check_days(days)
    with changing():
        row = UpdateSecret.objects.get(pk=secret.pk)
        if row.kind != _Kind.SECRET:
            raise CannotChangeSecret(f"{row} has no successor: make a secret instead.")
        if row.revoked_at or row.ends_at:
            raise CannotChangeSecret(f"{row} is on its way out already.")
        made = _new(row.name, row.group, by, is_limited=row.is_limited_to_group)
        row.ends_at = timezone.now() + timedelta(days=days)
        row.save(update_fields=["ends_at"])
        activity.record(
            verb="secret.rotated",
            subject=row,
            by=by,
            after={"former_valid_until": row.ends_at},
            why=why,
        )
    return made


def set_end(
    secret: UpdateSecret, *, days: int | None, by: Operator, why: str = ""
) -> UpdateSecret:
    """Let a secret be valid for so many days from now, or for good; raises `LastSecret`."""
    if days is not None:
        _check_days(days)
    with changing():
        row = _held(secret)
        before, row.ends_at = row.ends_at, _in(days)
        row.save(update_fields=["ends_at"])
        _keep_a_lasting_one()
        activity.record(
            verb="secret.end_set",
            subject=row,
            by=by,
            before={"valid_until": before},
            after={"valid_until": row.ends_at},
            why=why,
        )
    return row


def revoke(secret: UpdateSecret, *, by: Operator, why: str = "") -> UpdateSecret:
    """End a secret at once and for ever; raises `CannotChangeSecret` and `LastSecret`."""
    with changing():
        row = _held(secret)
        row.revoked_at = timezone.now()
        row.save(update_fields=["revoked_at"])
        _keep_a_lasting_one()
        activity.record(verb="secret.revoked", subject=row, by=by, why=why)
    return row


def open_plain(*, by: Operator, days: int | None = None, why: str = "") -> UpdateSecret:
    """Let nodes without a secret in, for so many days or for good; raises `CannotMakeSecret`."""
    if days is not None:
        _check_days(days)
    with changing():
        if not UpdateSecret.objects.kept_here().exists() and not of_settings():
            raise CannotMakeSecret("Nodes need no secret yet.")
        if UpdateSecret.objects.valid(timezone.now()).filter(digest=PLAIN).exists():
            raise CannotMakeSecret("Nodes without a secret are let in already.")
        row = _plain_row(by, ends_at=_in(days))
        after = {"valid_until": row.ends_at}
        activity.record(verb="secret.plain_opened", subject=row, by=by, after=after, why=why)
    return row


def _plain_row(by: Operator, ends_at: datetime | None = None) -> UpdateSecret:
    """The row of the plain address, valid again; there is never more than one."""
    values = {
        "name": PLAIN_NAME,
        "kind": _Kind.PLAIN,
        "created_at": timezone.now(),
        "created_by": by,
        "ends_at": ends_at,
        "revoked_at": None,
    }
    return UpdateSecret.objects.update_or_create(digest=PLAIN, defaults=values)[0]


def _new(name: str, group: Group | None, by: Operator, *, is_limited: bool = False) -> Made:
    value = secrets.token_urlsafe(_SECRET_BYTES)
    row = UpdateSecret.objects.create(
        name=name,
        digest=digest(value),
        sealed=seal(value, purpose=PURPOSE),
        is_limited_to_group=is_limited or group is not None,
        group=group,
        created_at=timezone.now(),
        created_by=by,
    )
    return Made(row, value)


def _held(secret: UpdateSecret) -> UpdateSecret:
    row = UpdateSecret.objects.get(pk=secret.pk)
    if row.kind == _Kind.SETTING:
        raise CannotChangeSecret("Take it out of FLEET_UPDATE_SECRETS, and start the server anew.")
    if row.revoked_at:
        raise CannotChangeSecret(f"{row} is revoked already.")
    return row


def _keep_a_lasting_one() -> None:
    if not of_settings() and not UpdateSecret.objects.lasting().exists():
        raise LastSecret(
            "No secret would be left that lets every node in for good: make another first."
        )


def _check_days(days: int) -> None:
    if not 0 <= days <= MAX_DAYS:
        raise CannotChangeSecret(f"A former secret is valid for 0 to {MAX_DAYS} days more.")


def _in(days: int | None) -> datetime | None:
    return None if days is None else timezone.now() + timedelta(days=days)
