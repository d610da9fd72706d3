"""The counters in memory: every facet of a list from one read and one pass."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from oemupdates.domain.access import Reach
from oemupdates.models import kept_cells
from oemupdates.models.count_queries import Value
from oemupdates.models.kept_cells import Cell

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


@dataclass(frozen=True)
class Cells:
    """The counters' cells, summed over the columns that nobody asks about."""

    columns: tuple[str, ...] = FACETS
    rows: list[Cell] = field(default_factory=list)
    _known: dict[tuple[str, ...], Counter[Any]] = field(default_factory=dict)

    def distinct(self, column: str) -> set[Value]:
        """The values of a column."""
        return set(self._columns[column])

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
        found = Cells(self.columns, failing[""]) if checks else self
        matching = {column: found.sums(column) for column in self.columns}
        total = found.nodes()
        values = dict(matching)
        without = {name: total for name, *_ in checks}
        for name, cells in failing.items():
            if name:
                without[name] += sum(nodes for _values, nodes in cells)
            if name in values:
                values[name] = values[name] + Cells(self.columns, cells).sums(name)
        return Tally(values, matching, without, total)

    def within(self, reach: Reach) -> "Cells":
        """The cells that somebody may see."""
        if reach.is_everywhere:
            return self
        at = self.columns.index("group")
        return Cells(self.columns, [cell for cell in self.rows if cell[0][at] in reach.groups])

    def by(self, *columns: str) -> list[tuple[Any, ...]]:
        """The number of nodes by the values of some columns, as `(*values, nodes)`."""
        sums = self.sums(*columns).items()
        if len(columns) == 1:
            rows: list[tuple[Any, ...]] = list(sums)
        else:
            rows = [(*values, nodes) for values, nodes in sums]
        return sorted(rows, key=lambda row: (-row[-1], row))

    def drifts(self) -> list[tuple[str, int]]:
        """The number of nodes by what is remembered of their drift."""
        return [(str(drift), nodes) for drift, nodes in self.sums("drift").items()]

    def nodes(self, column: str = "", values: Collection[Value] = ()) -> int:
        """How many nodes have one of the values of a column; all nodes without a column."""
        if not column:
            return sum(self._numbers)
        sums = self.sums(column)
        return sum(sums[value] for value in values)

    def sums(self, *columns: str) -> Counter[Any]:
        """The number of nodes by the value of a column, or by those of several; summed once."""
        if columns not in self._known:
            picked = [self._columns[column] for column in columns]
            keys: Iterable[Any] = picked[0] if len(picked) == 1 else zip(*picked, strict=True)
            sums: defaultdict[Any, int] = defaultdict(int)
            for key, nodes in zip(keys, self._numbers, strict=True):
                sums[key] += nodes
            self._known[columns] = Counter(sums)
        return self._known[columns]

    # A page sums ten thousand cells ten times over: that is quicker column by column.
    @cached_property
    def _columns(self) -> dict[str, tuple[Value, ...]]:
        values = zip(*(values for values, _nodes in self.rows), strict=True)
        return dict.fromkeys(self.columns, ()) | dict(zip(self.columns, values, strict=False))

    @cached_property
    def _numbers(self) -> list[int]:
        return [nodes for _values, nodes in self.rows]


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
    columns = (*FACETS, *sorted(name for name in also if name not in FACETS))
    return Cells(columns, kept_cells.read(columns))
