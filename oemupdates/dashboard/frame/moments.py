"""Moments that somebody looks back at, as an address carries them."""

from datetime import UTC, datetime

from django.utils import timezone

_YEARS = range(2000, 2200)


class BadMoment(ValueError):
    """A text that is no moment to look back at; its text is for whoever wrote it."""


def read(text: str) -> datetime:
    """A moment as a URL, or a browser's field without a zone, writes it; then it is UTC."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.year not in _YEARS:
        raise BadMoment("This is no date and time that can be looked back at.")
    # PostgreSQL knows no zone that is sixteen hours off or more.
    return at.astimezone(UTC) if at.tzinfo is not None else at.replace(tzinfo=UTC)


def past(text: str) -> datetime:
    """A moment that the fleet can be shown as of; raises `BadMoment` for one to come too."""
    at = read(text)
    if at > timezone.now():
        raise BadMoment("That is still to come: leave it out to see what is now.")
    return at
