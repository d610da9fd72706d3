"""The pages' questions to the counters: how many nodes share some values."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple, Protocol, Self, TypeVar

from django.db import models
from django.db.models import F, Q, Sum

from oemupdates.domain.access import Reach
from oemupdates.domain.node import State
from oemupdates.models.sysext import SYSEXT

# The model that asks; naming it here would lead in a circle.
Row = TypeVar("Row", bound=models.Model)


Value = str | int | bool
# The states of a node whose update went wrong.
FAILING = (State.FAILED.value, State.ROLLED_BACK.value)
# Keys are taken modulo this, so that no product of them leaves 64 bits.
_PRIME = 1_000_003
# The values wanted of some of the counters' columns; an empty collection is met by no node.
Wanted = Mapping[str, Collection[Value]]


class Summed(Protocol):
    """Counters that can be summed: in the database, or as `cells.Cells` in memory."""

    def by(self, *columns: str) -> list[tuple[Any, ...]]:
        """The number of nodes by the values of some columns, as `(*values, nodes)`."""


class Troubles(NamedTuple):
    """How many nodes a group has, how many of them failed to update, and how many are dark."""

    nodes: int = 0
    failing: int = 0
    dark: int = 0


class NodeCountQuerySet(models.QuerySet[Row]):
    """Sums over the counters' cells; a million nodes are a few thousand of them."""

    def of(self, wanted: Wanted) -> Self:
        """The cells that have one of the wanted values in every column."""
        cells = self.alias(sysext=SYSEXT) if "sysext" in wanted else self
        return cells.filter(**{f"{name}__in": values for name, values in wanted.items()})

    def within(self, reach: Reach) -> Self:
        """The cells that somebody may see."""
        return self if reach.is_everywhere else self.filter(group__in=reach.groups)

    def by(self, *columns: str) -> list[tuple[Any, ...]]:
        """The number of nodes by the values of some columns, as `(*values, nodes)`."""
        cells = self.annotate(sysext=SYSEXT) if "sysext" in columns else self
        rows = cells.values_list(*columns).annotate(sum=Sum("nodes")).filter(sum__gt=0)
        return list(rows.order_by("-sum", *columns))

    def troubles(self) -> dict[int, "Troubles"]:
        """All nodes of each group, and those in trouble; one pass, however many groups."""
        rows = (
            self.order_by()
            .values_list("group")
            .annotate(
                sum=Sum("nodes"),
                failing=Sum("nodes", filter=Q(state__in=FAILING), default=0),
                dark=Sum("nodes", filter=Q(is_dark=True), default=0),
            )
        )
        return {group: Troubles(*map(int, numbers)) for group, *numbers in rows}

    def total(self) -> int:
        """The number of nodes in all cells."""
        return self.aggregate(sum=Sum("nodes"))["sum"] or 0

    def fingerprints(self) -> dict[int, tuple[int, int, int]]:
        """A number of nodes by group, and two sums that differ once any of them moved.

        Two sums of different degree: two moves at once cancel each other out in both only where
        each takes back the other.
        """
        key = F("id") % _PRIME
        rows = (
            self.order_by()
            .values_list("group")
            .annotate(
                sum=Sum("nodes"),
                first=Sum(F("nodes") * key),
                second=Sum(F("nodes") * ((key * key) % _PRIME)),
            )
        )
        return {group: (int(a), int(b), int(c)) for group, a, b, c in rows}
