"""What is kept for how long: the defaults, what somebody chose, and how much there is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from oemupdates.models import (
    Answer,
    Event,
    Heartbeat,
    NodeDownload,
    Operator,
    RejectedRequest,
    Retention,
    Sample,
    WebhookDelivery,
)
from oemupdates.models.sample import KEEPS_DAYS, KEEPS_HOURS
from oemupdates.services.shared import activity

# How often the clock cleans up, and under which name it says so.
EVERY, TASK = timedelta(hours=1), "forget_old_history"
REJECTED_DAYS = DELIVERY_DAYS = 30


class Kind(StrEnum):
    """What is kept for a time and then deleted."""

    HISTORY = "history"
    REJECTED = "rejected"
    DELIVERIES = "deliveries"
    HOURLY = "hourly-samples"
    DAILY = "daily-samples"


class CannotKeepSo(activity.Refused):
    """It would be kept for fewer days than it is needed, or for more than makes sense."""


class Bounds(NamedTuple):
    """Between which numbers of days something is kept."""

    least: int
    most: int


BOUNDS = {
    Kind.HISTORY: Bounds(7, 3650),
    Kind.REJECTED: Bounds(1, 366),
    # A delivery is given up within two days, and a webhook switched off within three.
    Kind.DELIVERIES: Bounds(7, 366),
    # The charts of 30 days are made of them.
    Kind.HOURLY: Bounds(31, 366),
    Kind.DAILY: Bounds(90, 3650),
}


@dataclass(frozen=True, slots=True)
class _Table:
    """Rows that age by one of their times; their number is worked out from the ends of an index.

    Keys are given out in the order of time. Where rows come as many at once, `each` so long, the
    last of these are counted. What is never many is counted as it is.
    """

    rows: QuerySet[Any]
    at: str = "at"
    each: timedelta | None = None
    is_small: bool = False

    def oldest_at(self) -> datetime | None:
        """The time of the oldest row."""
        found: datetime | None = (
            self.rows.order_by(self.at).values_list(self.at, flat=True).first()
        )
        return found

    def number(self, *, before: datetime | None = None) -> int:
        """About how many rows there are, or are older than a time."""
        rows = self.rows.filter(**{f"{self.at}__lt": before}) if before else self.rows
        if self.is_small:
            return rows.count()
        first = rows.order_by(self.at, "pk").values_list(self.at, "pk").first()
        last = rows.order_by(f"-{self.at}", "-pk").values_list(self.at, "pk").first()
        if not first or not last:
            return 0
        if self.each:
            at_once: int = rows.filter(**{self.at: last[0]}).count()
            return at_once * int((last[0] - first[0]) // self.each + 1)
        return max(int(last[1] - first[1]), 0) + 1


class Kept(NamedTuple):
    """How one kind of thing is kept: the days, the default, and how much there is.

    `rows` is about right, and costs the same for any number.
    """

    kind: Kind
    days: int
    default: int
    bounds: Bounds
    rows: int
    oldest_at: datetime | None
    changed_at: datetime | None
    changed_by: Operator | None


class Changed(NamedTuple):
    """What a change came to: how many rows the next cleaning deletes for it, about."""

    kept: Kept
    deletes: int


def defaults() -> dict[Kind, int]:
    """For how many days each kind is kept unless somebody chose otherwise."""
    return {
        Kind.HISTORY: settings.EVENT_RETENTION_DAYS,
        Kind.REJECTED: REJECTED_DAYS,
        Kind.DELIVERIES: DELIVERY_DAYS,
        Kind.HOURLY: KEEPS_HOURS.days,
        Kind.DAILY: KEEPS_DAYS.days,
    }


def days() -> Mapping[Kind, int]:
    """For how many days each kind is kept."""
    chosen = dict(Retention.objects.values_list("kind", "days"))
    return {kind: chosen.get(kind.value, default) for kind, default in defaults().items()}


def kept() -> list[Kept]:
    """How each kind is kept, for those who administer."""
    chosen = {row.kind: row for row in Retention.objects.select_related("changed_by")}
    return [_kept(kind, chosen.get(kind.value)) for kind in Kind]


def next_cleaning(now: datetime) -> datetime | None:
    """When the clock cleans up next; None if it never has."""
    last = Heartbeat.objects.filter(name=TASK).values_list("at", flat=True).first()
    return max(last + EVERY, now) if last else None


def change(kind: Kind, number: int, *, by: Operator, why: str = "") -> Changed:
    """Keep a kind of thing for so many days; the next cleaning deletes what is older.

    Raises `CannotKeepSo`.
    """
    bounds, now = BOUNDS[kind], timezone.now()
    if not bounds.least <= number <= bounds.most:
        raise CannotKeepSo(f"It is kept for {bounds.least} to {bounds.most} days, not {number}.")
    with transaction.atomic():
        before = days()[kind]
        row, _ = Retention.objects.update_or_create(
            kind=kind.value, defaults={"days": number, "changed_at": now, "changed_by": by}
        )
        activity.record(
            verb="retention.changed",
            subject=activity.Named("retention", kind.value),
            by=by,
            before={"days": before},
            after={"days": number},
            why=why,
        )
    older = sum(table.number(before=now - timedelta(days=number)) for table in _tables(kind))
    return Changed(_kept(kind, row), older)


def _kept(kind: Kind, row: Retention | None) -> Kept:
    default = defaults()[kind]
    tables = _tables(kind)
    return Kept(
        kind,
        row.days if row else default,
        default,
        BOUNDS[kind],
        sum(table.number() for table in tables),
        min((at for table in tables if (at := table.oldest_at())), default=None),
        row.changed_at if row else None,
        row.changed_by if row else None,
    )


def _tables(kind: Kind) -> list[_Table]:
    """What a kind is made of."""
    match kind:
        case Kind.HISTORY:
            return [
                _Table(Event.objects.all()),
                _Table(Answer.objects.all()),
                _Table(NodeDownload.objects.all(), "last_at"),
            ]
        case Kind.REJECTED:
            return [_Table(RejectedRequest.objects.all(), "last_at", is_small=True)]
        case Kind.DELIVERIES:
            return [_Table(WebhookDelivery.objects.all(), "made_at")]
        case Kind.HOURLY:
            rows = Sample.objects.filter(is_first_of_day=False)
            return [_Table(rows, each=timedelta(hours=1))]
        case Kind.DAILY:
            return [_Table(Sample.objects.filter(is_first_of_day=True), each=timedelta(days=1))]
