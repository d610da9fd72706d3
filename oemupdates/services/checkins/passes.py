"""What lets nodes in at the update endpoint, and what new nodes are told."""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from oemupdates.models import UpdateSecret
from oemupdates.services.shared.sealing import Unreadable, unseal

PURPOSE = "update-secret"
NO_GROUP = 0


class Pass(NamedTuple):
    """One secret as the door compares it; without an end, and for any group, if those are None."""

    group: int | None = None
    ends_at: datetime | None = None
    is_counted: bool = True


class Used(NamedTuple):
    """That a secret let a node in: when, and from where."""

    digest: str
    at: datetime
    address: str


def digest(secret: str) -> str:
    """What a secret is known by; slashes around it say nothing."""
    return hashlib.sha256(secret.strip("/").encode(errors="surrogatepass")).hexdigest()


PLAIN = digest("")


def of_settings() -> list[str]:
    """The secrets of FLEET_UPDATE_SECRETS."""
    return [secret.strip("/") for secret in settings.UPDATE_SECRETS if secret.strip("/")]


def passes() -> dict[str, Pass]:
    """All that lets nodes in, by digest; the plain address while no secret was ever made."""
    found = {digest(secret): Pass() for secret in of_settings()}
    rows = UpdateSecret.objects.kept_here()
    for row in rows.filter(revoked_at=None):
        group = (row.group_id or NO_GROUP) if row.is_limited_to_group else None
        found.setdefault(row.digest, Pass(group, row.ends_at))
    if not found and not rows.exists():
        return {PLAIN: Pass(is_counted=False)}
    return found


def holding(now: datetime) -> dict[str, Pass]:
    """What of it lets somebody in at a time."""
    return {key: one for key, one in passes().items() if one.ends_at is None or one.ends_at > now}


def for_new_nodes(group: int | None = None) -> str | None:
    """The secret that new nodes of a group are told: the group's own, or the fleet's newest.

    Empty if they need none; None if there is one that cannot be read any more.
    """
    wanted = Q(is_limited_to_group=False)
    if group is not None:
        wanted |= Q(group=group)
    rows = UpdateSecret.objects.valid(timezone.now()).filter(wanted)
    newest = rows.exclude(kind=UpdateSecret.Kind.PLAIN).order_by("-pk")
    found = sorted(newest, key=lambda row: (not row.is_limited_to_group, row.ends_at is not None))
    if found:
        try:
            return unseal(found[0].sealed, purpose=PURPOSE)
        except Unreadable:
            return None
    return next(iter(of_settings()), "")


def note(uses: Iterable[Used]) -> None:
    """Write down when secrets last let somebody in, and from where."""
    named = {digest(secret): number for number, secret in enumerate(of_settings(), start=1)}
    for use in uses:
        values = {"last_used_at": use.at, "last_used_from": use.address}
        row = UpdateSecret.objects.filter(digest=use.digest)
        older = row.filter(Q(last_used_at=None) | Q(last_used_at__lt=use.at))
        if older.update(**values) or use.digest not in named or row.exists():
            continue
        UpdateSecret.objects.bulk_create(
            [
                UpdateSecret(
                    name=f"Setting {named[use.digest]}",
                    kind=UpdateSecret.Kind.SETTING,
                    digest=use.digest,
                    created_at=use.at,
                    **values,
                )
            ],
            ignore_conflicts=True,
        )
