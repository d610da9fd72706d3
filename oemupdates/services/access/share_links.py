"""What operators do to share links, and who is let in with one."""

import hashlib
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from oemupdates.models import Group, Operator, ShareLink
from oemupdates.services.shared import activity
from oemupdates.services.shared.sealing import seal, unseal

_PURPOSE = "share link"
_SECRET_BYTES = 32
# How long a secret is in an address: what is no secret is no address.
SECRET_LENGTH = 43
_MAX_NAME = 100
# All of them stand on one page.
MOST_WALLBOARDS = 200
# How often it is written down that a link was used, at most.
_QUIET = timedelta(hours=1)


class CannotMakeLink(activity.Refused):
    """The link would have no name, or be one too many."""


class NoLink(activity.Refused):
    """The link is gone already."""


def make_badge(group: Group, *, by: Operator | None, now: datetime) -> ShareLink:
    """Give a group a badge; one that it has gets a new address, and the old one is dead."""
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    values = _values(secret, by, now)
    with transaction.atomic():
        _badge, is_new = ShareLink.objects.update_or_create(
            group=group, kind=ShareLink.Kind.BADGE, defaults=values
        )
        verb = "group.badge_made" if is_new else "group.badge_renewed"
        activity.record(verb=verb, subject=group, by=by)
    return ShareLink.objects.select_related("group").get(group=group, kind=ShareLink.Kind.BADGE)


def revoke_badge(group: Group, *, by: Operator | None, why: str = "") -> None:
    """Let a group's badge be seen no more; raises `NoLink`."""
    with transaction.atomic():
        removed, _ = ShareLink.objects.filter(group=group, kind=ShareLink.Kind.BADGE).delete()
        if not removed:
            raise NoLink(f"{group} has no badge.")
        activity.record(verb="group.badge_revoked", subject=group, by=by, why=why)


def make_wallboard(
    name: str, *, group: Group | None, by: Operator | None, now: datetime
) -> ShareLink:
    """Make a link to the wallboard of a group, or of the fleet; raises `CannotMakeLink`."""
    name = activity.wording(name, what="The name", most=_MAX_NAME)
    if not name:
        raise CannotMakeLink("A link needs a name: say which screen it is for.")
    if ShareLink.objects.wallboards().count() >= MOST_WALLBOARDS:
        raise CannotMakeLink(f"There are {MOST_WALLBOARDS} links for screens: revoke some first.")
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    with transaction.atomic():
        link = ShareLink.objects.create(
            kind=ShareLink.Kind.WALLBOARD, name=name, group=group, **_values(secret, by, now)
        )
        shows = str(group) if group else "the fleet"
        activity.record(verb="wallboard.linked", subject=_named(link), by=by, after={"of": shows})
    return link


def revoke_wallboard(link: ShareLink, *, by: Operator | None, why: str = "") -> None:
    """Let a link to the wallboard show nothing more; raises `NoLink`."""
    with transaction.atomic():
        removed, _ = ShareLink.objects.wallboards().filter(pk=link.pk).delete()
        if not removed:
            raise NoLink(f"Someone else took the link {link} away just now.")
        activity.record(verb="wallboard.unlinked", subject=_named(link), by=by, why=why)


def secret_of(link: ShareLink) -> str:
    """The secret of a link, to show its address again; raises `sealing.Unreadable`."""
    return unseal(link.sealed_secret, purpose=_PURPOSE)


def let_in(kind: str, secret: str) -> ShareLink | None:
    """The link with this secret, with its group and the group's target; None if there is none.

    It is found by the secret's hash, so that the time it takes says nothing of those there are.
    """
    links = ShareLink.objects.select_related("group__channel__target")
    return links.filter(kind=kind, secret_hash=_digest(secret)).first()


def mark_used(link: ShareLink, now: datetime) -> None:
    """Write down that a link was used, at most once an hour."""
    if link.last_used_at is None or link.last_used_at <= now - _QUIET:
        quiet = Q(last_used_at=None) | Q(last_used_at__lte=now - _QUIET)
        ShareLink.objects.filter(quiet, pk=link.pk).update(last_used_at=now)


def _values(secret: str, by: Operator | None, now: datetime) -> dict[str, object]:
    return {
        "secret_hash": _digest(secret),
        "sealed_secret": seal(secret, purpose=_PURPOSE),
        "made_at": now,
        "made_by": by,
        "last_used_at": None,
    }


def _named(link: ShareLink) -> activity.Named:
    return activity.Named("wallboard", link.name, link.pk)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
