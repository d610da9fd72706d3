"""Samples: what the counters said at a time, so that charts and the past need no raw rows."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Self, TypeVar

from django.db import models

from oemupdates.domain.access import Reach

# The model that asks; naming it here would lead in a circle.
Row = TypeVar("Row", bound=models.Model)

# The `group` of what is summed over the whole fleet.
WHOLE_FLEET = 0
# The value under which those beyond the bound of a dimension are summed.
OTHERS = "others"
KEEPS_HOURS = timedelta(days=35)
KEEPS_DAYS = timedelta(days=2 * 365)

Counts = Counter[str]


class Dimension(models.TextChoices):
    """By what nodes are counted in a sample."""

    NODES = "nodes", "All nodes, and the dark ones"
    VERSION = "version", "OS version"
    STATE = "state", "State"
    OEM = "oem", "OEM, and how its sysext stands to the OS"
    BASIS = "basis", "Basis of what is known of the OEM"
    DRIFT = "drift", "Class of drift; a node may have several"
    OEM_DRIFT = "oem_drift", "OEM, and the class of its drift"


# The values of `Dimension.NODES`.
ALL, DARK = "all", "dark"


class SampleQuerySet(models.QuerySet[Row]):
    """The charts' questions to the samples."""

    def within(self, reach: Reach) -> Self:
        """The samples that together cover what somebody may see."""
        groups = [WHOLE_FLEET] if reach.is_everywhere else reach.groups - {WHOLE_FLEET}
        return self.filter(group__in=groups)

    def daily(self) -> Self:
        """One sample a day: the first that was taken on it."""
        return self.filter(is_first_of_day=True)

    def series(
        self, dimension: Dimension, reach: Reach, *, since: datetime, until: datetime
    ) -> list[tuple[datetime, Counts]]:
        """How many nodes had each value at each time from `since` to `until`, oldest first."""
        found = self.within(reach).filter(dimension=dimension, at__range=(since, until))
        return _summed(found.order_by("at").values_list("at", "counts"))

    def as_of(self, moment: datetime, reach: Reach) -> tuple[datetime, dict[str, Counts]] | None:
        """The last sample up to a moment, by dimension, and when it was taken."""
        mine = self.within(reach)
        last = mine.filter(at__lte=moment).order_by("-at").values("at")[:1]
        rows = mine.filter(at=models.Subquery(last)).values_list("at", "dimension", "counts")
        found: dict[str, Counts] = {name: Counter() for name in Dimension.values}
        taken_at = None
        for at, dimension, counts in rows:
            found[dimension].update(counts)
            taken_at = at
        return (taken_at, found) if taken_at else None

    def outdated_hours(self, before: datetime) -> Self:
        """The hours that are kept no longer; the first of each day stays."""
        return self.filter(is_first_of_day=False, at__lt=before)

    def outdated_days(self, before: datetime) -> Self:
        """The days that are kept no longer."""
        return self.filter(at__lt=before)


def _summed(rows: Iterable[tuple[datetime, dict[str, int]]]) -> list[tuple[datetime, Counts]]:
    """The counts of all groups at each time; rows come in order of time."""
    found: dict[datetime, Counts] = {}
    for at, counts in rows:
        found.setdefault(at, Counter()).update(counts)
    return list(found.items())


class Sample(models.Model):
    """How many nodes of a group, or of the fleet, had each value of a dimension in an hour.

    `at` is the full hour that the sample stands for; what is taken late stands for it too.
    `counts` maps a value to its nodes: few values each, the rest of them under `OTHERS`.
    """

    at = models.DateTimeField()
    group = models.BigIntegerField(default=WHOLE_FLEET)
    dimension = models.CharField(max_length=16, choices=Dimension)
    counts = models.JSONField()
    is_first_of_day = models.BooleanField()

    objects = SampleQuerySet.as_manager()

    class Meta:
        ordering = ("at", "group", "dimension")
        constraints = (
            # In the order by which charts read: one group, one dimension, from here to there.
            models.UniqueConstraint(fields=("group", "dimension", "at"), name="sample_is_unique"),
            models.CheckConstraint(
                condition=models.Q(dimension__in=Dimension.values),
                name="sample_dimension_is_known",
            ),
        )
        indexes = (
            models.Index(fields=("at",), name="sample_at"),
            models.Index(
                fields=("at",), condition=models.Q(is_first_of_day=False), name="sample_hourly"
            ),
        )

    def __str__(self) -> str:
        return f"{self.dimension} of {self.group or 'the fleet'} at {self.at}"
