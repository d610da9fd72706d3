"""The counters' cells, whose texts each process reads once.

There may be ten thousand of them, and to read their texts costs more than all else of a page. A
counter never becomes another's: what it counts is kept by its key, and only how many nodes it has
is read each time.
"""

from collections.abc import Collection
from operator import itemgetter
from threading import Lock
from typing import Any

from django.db import connection

from oemupdates.domain.exposure import Ran
from oemupdates.models.count import NodeCount
from oemupdates.models.count_queries import Value
from oemupdates.models.ran import as_text
from oemupdates.models.sysext import sysext_of

Cell = tuple[tuple[Value, ...], int]

_COLUMNS = (*NodeCount.CELL, "sysext", "ran")
_ran = itemgetter(*map(_COLUMNS.index, Ran._fields))
_NUMBERS = "SELECT id, nodes FROM oemupdates_nodecount WHERE nodes <> 0"
# So many counters are asked for by their keys; where more are new, all are read.
_NAMED = 500
# Sets of columns that are kept: lists of nodes ask for one, the overview for another.
_MOST_SETS = 4


class _Picked:
    """What each counter counts by some columns: the place of its values among all that occur."""

    def __init__(self, columns: tuple[str, ...]) -> None:
        self._wanted = itemgetter(*map(_COLUMNS.index, columns))
        self._known: dict[Any, int] = {}
        self._lock = Lock()
        self.values: list[Any] = []
        self.places: dict[int, int] = {}

    def learn(self, keys: Collection[int]) -> None:
        """Read what some counters count; those that were deleted meanwhile have no place."""
        rows = NodeCount.objects.order_by().values_list("id", *NodeCount.CELL)
        if len(keys) <= _NAMED:
            rows = rows.filter(pk__in=keys)
        found = [(key, self._wanted(_with_worked_out(values))) for key, *values in rows]
        with self._lock:
            for key, values in found:
                place = self._known.setdefault(values, len(self.values))
                if place == len(self.values):
                    self.values.append(values)
                self.places[key] = place


_picked: dict[tuple[str, ...], _Picked] = {}


def read(columns: tuple[str, ...]) -> list[Cell]:
    """The number of nodes by some columns, as it is now, over all shards."""
    with connection.cursor() as cursor:
        cursor.execute(_NUMBERS)
        numbers = cursor.fetchall()
    picked = _of(columns)
    places = picked.places
    if new := [key for key, _nodes in numbers if key not in places]:
        picked.learn(new)
    elif len(places) > 2 * len(numbers):
        _picked.pop(columns, None)
    sums = [0] * len(picked.values)
    for key, nodes in numbers:
        if (place := places.get(key)) is not None:
            sums[place] += nodes
    return [cell for cell in zip(picked.values, sums, strict=False) if cell[1] > 0]


def forget() -> None:
    """Read all texts anew: it is another database."""
    _picked.clear()


def _of(columns: tuple[str, ...]) -> _Picked:
    picked = _picked.setdefault(columns, _Picked(columns))
    for oldest in list(_picked)[:-_MOST_SETS]:
        _picked.pop(oldest, None)
    return picked


def _with_worked_out(values: list[Any]) -> tuple[Any, ...]:
    ran = Ran(*_ran(values))
    return (*values, sysext_of(ran.oem_basis, ran.oem_version, ran.version), as_text(ran))
