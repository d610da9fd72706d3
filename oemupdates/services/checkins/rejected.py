"""Remembering requests that the update endpoint refused, for operators to see what to mend."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime

from django.db import connection, transaction

_COLUMNS = ("day", "reason", "source", "times", "first_at", "last_at", "detail", "sample")
_MAX_LENGTHS = {"reason": 32, "source": 64, "detail": 500, "sample": 4000}
# Another process may have written the row since, and may be ahead of or behind this one.
_ADD = (
    f"INSERT INTO oemupdates_rejectedrequest ({', '.join(_COLUMNS)})"  # noqa: S608 - ours
    f" VALUES ({', '.join(['%s'] * len(_COLUMNS))})"
    " ON CONFLICT (day, reason, source) DO UPDATE SET"
    " times = oemupdates_rejectedrequest.times + excluded.times,"
    " first_at = CASE WHEN excluded.first_at < oemupdates_rejectedrequest.first_at"
    "  THEN excluded.first_at ELSE oemupdates_rejectedrequest.first_at END,"
    + ",".join(
        f" {name} = CASE WHEN excluded.last_at >= oemupdates_rejectedrequest.last_at"
        f"  THEN excluded.{name} ELSE oemupdates_rejectedrequest.{name} END"
        for name in ("detail", "sample", "last_at")
    )
)


@dataclass(frozen=True, slots=True)
class Rejection:
    """How often one source was refused for one reason on a day, and the last of it, redacted."""

    day: date
    reason: str
    source: str
    times: int
    first_at: datetime
    last_at: datetime
    detail: str = ""
    sample: str = ""

    @property
    def key(self) -> tuple[date, str, str]:
        """By what a row is found."""
        return self.day, self.reason, self.source


def record(batch: Iterable[Rejection]) -> None:
    """Add to what is known of refused requests, in one transaction.

    Texts are cut to what is kept; what a stranger sent never makes this fail.
    """
    merged: dict[tuple[date, str, str], Rejection] = {}
    for rejection in batch:
        one = _tidy(rejection)
        known = merged.get(one.key)
        merged[one.key] = _join(known, one) if known else one
    rows = [_row(merged[key]) for key in sorted(merged)]
    if rows:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(_ADD, rows)


def _row(one: Rejection) -> list[str | int | date | datetime | None]:
    """Values in the order of `_COLUMNS`; SQLite keeps times in a form of Django's own."""
    adapt = connection.ops
    return [
        adapt.adapt_datefield_value(one.day),
        one.reason,
        one.source,
        one.times,
        adapt.adapt_datetimefield_value(one.first_at),
        adapt.adapt_datetimefield_value(one.last_at),
        one.detail,
        one.sample,
    ]


def _tidy(rejection: Rejection) -> Rejection:
    """Texts that both databases can keep: no NUL, no half of a character, not too long."""
    texts = {
        name: getattr(rejection, name)
        .replace("\x00", "\ufffd")
        .encode(errors="replace")
        .decode()[:most]
        for name, most in _MAX_LENGTHS.items()
    }
    return replace(rejection, **texts)


def _join(one: Rejection, other: Rejection) -> Rejection:
    last = max(one, other, key=lambda rejection: rejection.last_at)
    return replace(
        last,
        times=one.times + other.times,
        first_at=min(one.first_at, other.first_at),
    )
