"""The counters in memory: every facet of a list from one read and one pass."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from django.db import connection

from oemupdates.domain.access import Reach
from oemupdates.domain.exposure import Ran
from oemupdates.models.count import NodeCount
from oemupdates.models.count_queries import Value
from oemupdates.models.ran import as_text
from oemupdates.models.sysext import sysext_of

# What every list of nodes has facets of; the other columns are read where a query names them.
FACETS = (
    "state",
    "group",
    "version",
    "oem",
    "oem_basis",
    "architecture",
    "is_dark",
    "drift",
)
Cell = tuple[tuple[Value, ...], int]

_CELL = ", ".join(f'"{name}"' for name in NodeCount.CELL)
_SUMS = (
    f"SELECT {_CELL}, CAST(SUM(nodes) AS bigint) FROM oemupdates_nodecount"  # noqa: S608 - columns
    f" GROUP BY {_CELL} HAVING SUM(nodes) > 0"
)
_READ = (*NodeCount.CELL, "sysext", "ran")
_VERSION, _OEM_VERSION, _BASIS = map(_READ.index, ("version", "oem_version", "oem_basis"))
_ran = itemgetter(*map(_READ.index, Ran._fields))


@dataclass(frozen=True, slots=True)
class Test:
    """What a cell's column must be, or must not be; tests of one name are given up together."""

    name: str
    column: str
    values: Collection[Value]
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class Tally:
    """How many nodes meet all tests, and how many meet all but those of one name.

    `values` has a count for each value of a column under the tests of all other names, and
    `matching_values` under all tests.
    """

    values: Mapping[str, Counter[Value]]
    matching_values: Mapping[str, Counter[Value]]
    without: Mapping[str, int]
    matching: int


@dataclass(frozen=True, slots=True)
class Cells:
    """The counters' cells, summed over the columns that nobody asks about."""

    columns: tuple[str, ...] = FACETS
    rows: list[Cell] = field(default_factory=list)

    def distinct(self, column: str) -> set[Value]:
        """The values of a column."""
        at = self.columns.index(column)
        return {values[at] for values, _nodes in self.rows}

    def tally(self, tests: Iterable[Test]) -> Tally:
        """Count the nodes of all cells, once."""
        checks = [
            (test.name, self.columns.index(test.column), set(test.values), test.is_negated)
            for test in tests
        ]
        # Cells that fail the same are counted together: of most there are none.
        failing: dict[str, list[Cell]] = {"": []}
        for cell in self.rows:
            failed = _failed(cell[0], checks)
            if failed is not None:
                failing.setdefault(failed, []).append(cell)
        matching = {column: self._sum(column, failing[""]) for column in self.columns}
        total = sum(nodes for _values, nodes in failing[""])
        values = dict(matching)
        without = {name: total for name, *_ in checks}
        for name, cells in failing.items():
            if name:
                without[name] += sum(nodes for _values, nodes in cells)
            if name in values:
                values[name] = values[name] + self._sum(name, cells)
        return Tally(values, matching, without, total)

    def within(self, reach: Reach) -> "Cells":
        """The cells that somebody may see."""
        if reach.is_everywhere:
            return self
        at = self.columns.index("group")
        return Cells(self.columns, [cell for cell in self.rows if cell[0][at] in reach.groups])

    def by(self, *columns: str) -> list[tuple[Any, ...]]:
        """The number of nodes by the values of two columns or more, as `(*values, nodes)`."""
        picked = itemgetter(*map(self.columns.index, columns))
        sums: Counter[tuple[Value, ...]] = Counter()
        for values, nodes in self.rows:
            sums[picked(values)] += nodes
        rows = [(*values, nodes) for values, nodes in sums.items()]
        return sorted(rows, key=lambda row: (-row[-1], row))

    def drifts(self) -> list[tuple[str, int]]:
        """The number of nodes by what is remembered of their drift."""
        return [(str(drift), nodes) for drift, nodes in self._sum("drift", self.rows).items()]

    def nodes(self, column: str = "", values: Collection[Value] = ()) -> int:
        """How many nodes have one of the values of a column; all nodes without a column."""
        if not column:
            return sum(nodes for _values, nodes in self.rows)
        sums = self._sum(column, self.rows)
        return sum(sums[value] for value in values)

    def _sum(self, column: str, cells: list[Cell]) -> Counter[Value]:
        at = self.columns.index(column)
        sums: Counter[Value] = Counter()
        for values, nodes in cells:
            sums[values[at]] += nodes
        return sums


def _failed(
    values: tuple[Value, ...], checks: list[tuple[str, int, set[Value], bool]]
) -> str | None:
    """The name of the tests that alone fail a cell; empty if none does, None if several do."""
    failed = ""
    for name, at, wanted, is_negated in checks:
        if (values[at] in wanted) is is_negated and name != failed:
            if failed:
                return None
            failed = name
    return failed


def read_cells(*, also: Collection[str] = ()) -> Cells:
    """Read the counters, with some columns `also`."""
    columns = (*FACETS, *(name for name in also if name not in FACETS))
    picked = itemgetter(*(_READ.index(name) for name in columns))
    sums: Counter[tuple[Value, ...]] = Counter()
    for values, nodes in _read(with_ran="ran" in columns):
        sums[picked(values)] += nodes
    return Cells(columns, list(sums.items()))


def _read(*, with_ran: bool) -> Iterator[Cell]:
    """Every cell, over its shards, in the order of their index, with its sysext beside it.

    There may be ten thousand of them, and models would cost more than all else of a page.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SUMS)
        cells = cursor.fetchall()
    known: dict[tuple[str, str, str], str] = {}
    for *values, is_dark, nodes in cells:
        ran = (values[_BASIS], values[_OEM_VERSION], values[_VERSION])
        if (sysext := known.get(ran)) is None:
            sysext = known[ran] = sysext_of(*ran)
        texts = as_text(Ran(*_ran(values))) if with_ran else ""
        yield (*values, bool(is_dark), sysext, texts), nodes
