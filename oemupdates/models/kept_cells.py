"""The counters' cells, whose texts each process reads once.

There may be ten thousand of them, and to read their texts costs more than all else of a page. A
counter never becomes another's: what it counts is kept by its key, and only how many nodes it has
is read each time.
"""

from collections import Counter
from collections.abc import Collection
from operator import itemgetter
from typing import Any

from oemupdates.domain.exposure import Ran
from oemupdates.models.count import NodeCount
from oemupdates.models.count_queries import Value
from oemupdates.models.ran import as_text
from oemupdates.models.sysext import sysext_of

Values = tuple[Any, ...]
Cell = tuple[tuple[Value, ...], int]

_COLUMNS = (*NodeCount.CELL, "sysext", "ran")
_ran = itemgetter(*map(_COLUMNS.index, Ran._fields))
# So many counters are asked for by their keys; where more are new, all are read.
_NAMED = 500

# What each counter counts, by its key.
_kept: dict[int, Values] = {}


def read(columns: tuple[str, ...]) -> list[Cell]:
    """The number of nodes by some columns, as it is now, over all shards."""
    counters = list(NodeCount.objects.order_by().values_list("id", "nodes"))
    texts = _texts([key for key, _nodes in counters])
    wanted = itemgetter(*map(_COLUMNS.index, columns))
    sums: Counter[tuple[Value, ...]] = Counter()
    for key, nodes in counters:
        # One that was deleted meanwhile had no nodes.
        if nodes and key in texts:
            sums[wanted(texts[key])] += nodes
    return [(values, nodes) for values, nodes in sums.items() if nodes > 0]


def forget() -> None:
    """Read all texts anew: it is another database, or most of what is kept is gone from it."""
    _kept.clear()


def _texts(keys: Collection[int]) -> dict[int, Values]:
    """What these counters count; other threads may forget and learn at the same time."""
    texts = _kept.copy()
    if new := [key for key in keys if key not in texts]:
        found = _read(new)
        texts.update(found)
        _kept.update(found)
    elif len(texts) > 2 * len(keys):
        forget()
    return texts


def _read(keys: Collection[int]) -> dict[int, Values]:
    rows = NodeCount.objects.order_by().values_list("id", *NodeCount.CELL)
    if len(keys) <= _NAMED:
        rows = rows.filter(pk__in=keys)
    return {key: _with_worked_out(values) for key, *values in rows}


def _with_worked_out(values: list[Any]) -> Values:
    ran = Ran(*_ran(values))
    return (*values, sysext_of(ran.oem_basis, ran.oem_version, ran.version), as_text(ran))
