"""Finding activity: what somebody may read of it, narrowed to what they ask for.

Pages, exports and the API ask here, so that all mean the same rows. No index knows every mixture
of filters: a page is looked for from the newest row on, through windows of keys, for a moment.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import NamedTuple

from django.db.models import Q, QuerySet

from oemupdates.domain.access import Reach
from oemupdates.models import Activity
from oemupdates.models.activity import BY_PEOPLE
from oemupdates.services.finding.walking import Slice, walk
from oemupdates.services.news.feed import about_groups, visible

PAGE_ROWS = 50
# Rows are in the order of their ids, and nearly in that of their times: who waits for the chain's
# lock has its time already. No transaction waits for so long.
_DISORDER = timedelta(minutes=15)


class Wanted(NamedTuple):
    """What is asked for: everything that is not None narrows it, and all of it must be so.

    `by_people` tells what somebody did from what the system did; `actor` is somebody's key.
    """

    by_people: bool | None = None
    actor: int | None = None
    verb: str | None = None
    kind: str | None = None
    subject: int | None = None
    group: int | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Found:
    """The activity that is meant; nothing is asked before it is used."""

    rows: QuerySet[Activity]
    since: datetime | None = None
    until: datetime | None = None

    def page(self, after: int = 0, *, size: int = PAGE_ROWS) -> Slice[Activity]:
        """Some of the rows, newest first, with smaller keys than `after`."""
        first, last = self._keys
        return walk(self.rows, after, size, first=first, last=last)

    @property
    def bounded(self) -> QuerySet[Activity]:
        """The rows, narrowed by key besides, so that no others are read for the wanted time."""
        first, last = self._keys
        rows = self.rows.filter(pk__gte=first)
        return rows if last is None else rows.filter(pk__lte=last)

    @cached_property
    def _keys(self) -> tuple[int, int | None]:
        """Between which keys the rows of the wanted time are."""
        first, last = 1, None
        every = Activity.objects.all()
        if self.since is not None:
            before = every.filter(at__lt=self.since - _DISORDER).order_by("-at", "-pk")
            first = (before.values_list("pk", flat=True).first() or 0) + 1
        if self.until is not None:
            behind = every.filter(at__gt=self.until + _DISORDER).order_by("at", "pk")
            key = behind.values_list("pk", flat=True).first()
            last = key - 1 if key is not None else None
        return first, last


def find(wanted: Wanted, reach: Reach, *, reads_security: bool) -> Found:
    """What somebody with this reach means."""
    rows = visible(reach, reads_security=reads_security).select_related("actor", "token")
    conditions = Q()
    if wanted.by_people is not None:
        conditions &= BY_PEOPLE if wanted.by_people else ~BY_PEOPLE
    same = {
        "actor": wanted.actor,
        "verb": wanted.verb,
        "subject_kind": wanted.kind,
        "subject_id": wanted.subject,
        "at__gte": wanted.since,
        "at__lte": wanted.until,
    }
    conditions &= Q(**{name: value for name, value in same.items() if value is not None})
    if wanted.group is not None:
        conditions &= about_groups([wanted.group])
    return Found(rows.filter(conditions), wanted.since, wanted.until)
