"""Reading long lists in the order of their keys, for a moment and no longer."""

import time
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model, QuerySet

from oemupdates.models import Node, NodeLabel
from oemupdates.models.node_queries import NodeQuerySet

Row = TypeVar("Row", bound=Model)

# Keys that are looked through at first, and for how long a page looks further.
FIRST_WINDOW = 4_000
PATIENCE_SECONDS = 0.03
# Nodes with a label that are looked at together.
CARRIERS = 500


@dataclass(frozen=True, slots=True)
class Slice(Generic[Row]):
    """Some of the rows, newest first; the next are those with smaller keys than `last`.

    `last` is 0 at the end. A slice that is not `is_full` and not at the end stopped because it
    had `searched` so many nodes without finding enough: it goes on from `last`.
    """

    rows: list[Row]
    last: int = 0
    searched: int = 0

    @property
    def stopped(self) -> bool:
        """Whether the search gave up for now."""
        return bool(self.searched and self.last)


def walk_carriers(
    found: NodeQuerySet[Node], carriers: QuerySet[NodeLabel], after: int, size: int
) -> Slice[Node]:
    """Look at the nodes with a label, until the page is full or time is up."""
    began = time.monotonic()
    rows, top, looked = list[Node](), after, 0
    while True:
        below = carriers.filter(node__lt=top) if top else carriers
        keys = list(below.order_by("-node").values_list("node", flat=True)[:CARRIERS])
        looked += len(keys)
        part = found.filter(pk__in=keys).order_by("-pk")
        rows += part[: size + 1 - len(rows)]
        if len(rows) > size:
            return cut(rows, size)
        if len(keys) < CARRIERS:
            return Slice(rows)
        top = keys[-1]
        if time.monotonic() - began > PATIENCE_SECONDS:
            return Slice(rows, top, looked)


def cut(rows: list[Row], size: int, key: str = "pk") -> Slice[Row]:
    """As many rows as a page holds, and whether there is one more."""
    more = len(rows) > size
    return Slice(rows[:size], getattr(rows[size - 1], key) if more else 0)


def walk(
    found: QuerySet[Row],
    after: int,
    size: int,
    *,
    first: int = 1,
    last: int | None = None,
    key: str = "pk",
) -> Slice[Row]:
    """Read on from a key through windows of keys, until the page is full or time is up.

    The rows meant have keys from `first` to `last`, where that is known. `key` is another column
    that is unique among them, and has an index.
    """
    if last is None:
        every = found.model._default_manager.order_by("-pk")  # noqa: SLF001 - Django's
        last = every.values_list("pk", flat=True).first() or 0
    began = before = time.monotonic()
    top = start = min(after or last + 1, last + 1)
    window, rows = FIRST_WINDOW, list[Row]()
    while top > first:
        bottom = max(top - window, first)
        within = {f"{key}__lt": top, f"{key}__gte": bottom}
        part = found.filter(**within).order_by(f"-{key}")
        rows += part[: size + 1 - len(rows)]
        if len(rows) > size:
            return cut(rows, size, key)
        now = time.monotonic()
        took, top, before = now - before, bottom, now
        if now - began + took > PATIENCE_SECONDS:
            break
        # Not so many at once that this look takes longer than all that there is time for.
        if now - began + 2 * took < PATIENCE_SECONDS:
            window *= 2
    return Slice(rows, top if top > first else 0, start - top)
