"""The pages' questions to the counters: how many nodes share some values."""

from collections.abc import Collection, Mapping
from typing import Any, Self, TypeVar

from django.db import models
from django.db.models import Q, Sum

from oemupdates.models.sysext import SYSEXT

# The model that asks; naming it here would lead in a circle.
Row = TypeVar("Row", bound=models.Model)


Value = str | int | bool
# The values wanted of some of the counters' columns; an empty collection is met by no node.
Wanted = Mapping[str, Collection[Value]]


class NodeCountQuerySet(models.QuerySet[Row]):
    """Sums over the counters' cells; a million nodes are a few thousand of them."""

    def of(self, wanted: Wanted) -> Self:
        """The cells that have one of the wanted values in every column."""
        cells = self.alias(sysext=SYSEXT) if "sysext" in wanted else self
        return cells.filter(**{f"{name}__in": values for name, values in wanted.items()})

    def by(self, *columns: str) -> list[tuple[Any, ...]]:
        """The number of nodes by the values of some columns, as `(*values, nodes)`."""
        cells = self.annotate(sysext=SYSEXT) if "sysext" in columns else self
        rows = cells.values_list(*columns).annotate(sum=Sum("nodes")).filter(sum__gt=0)
        return list(rows.order_by("-sum", *columns))

    def total(self) -> int:
        """The number of nodes in all cells."""
        return self.aggregate(sum=Sum("nodes"))["sum"] or 0

    def reach(self, wanted: Wanted) -> dict[str, int]:
        """How many nodes have the wanted values of each column, whatever the others; all by ''."""
        sums = {
            f"reach_of_{name}": Sum("nodes", filter=Q(**{f"{name}__in": values}), default=0)
            for name, values in wanted.items()
        }
        found = self.aggregate(fleet=Sum("nodes", default=0), **sums)
        return dict(zip(["", *wanted], found.values(), strict=True))
