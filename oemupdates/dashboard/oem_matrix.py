"""The matrix of OEMs and OS versions, and how much of it was observed; all from the counters."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from oemupdates.dashboard.drawing import Cell, HeatMap, Row, Stage, percent
from oemupdates.dashboard.tags import nodes_url
from oemupdates.domain.checkin import DERIVED, NO_BASIS, OBSERVED, REPORTED
from oemupdates.domain.oem import NO_OEM
from oemupdates.domain.version import sort_key
from oemupdates.models import NodeCount, Oem
from oemupdates.models.count_queries import NodeCountQuerySet
from oemupdates.services import tools

ROWS, COLUMNS = 20, 10
_BASES = (
    (OBSERVED, "Observed", "good"),
    (DERIVED, "Derived", "busy"),
    (REPORTED, "Reported at birth alone", "wait"),
    (NO_BASIS, "Not known", "calm"),
)


@dataclass(slots=True)
class Sums:
    """The nodes of one OEM on one OS version: all, those out of step, and the builds observed."""

    nodes: int = 0
    apart: int = 0
    builds: Counter[str] = field(default_factory=Counter)


class Matrix(NamedTuple):
    """The heat map, the shares by basis with the observed one in words, and what is not shown."""

    heat: HeatMap
    bases: list[Stage]
    observed: str
    more_oems: int
    more_versions: int


def matrix(cells: NodeCountQuerySet[NodeCount]) -> Matrix | None:
    """What runs where, the most common OEMs and OS versions of it; None without any OEM."""
    sums, bases = _sum(cells)
    oems: Counter[str] = Counter()
    versions: Counter[str] = Counter()
    for (oem, version), one in sums.items():
        oems[oem] += one.nodes
        versions[version] += one.nodes
    if not oems:
        return None
    shown = [oem for oem, _nodes in oems.most_common(ROWS)]
    columns = sorted(dict(versions.most_common(COLUMNS)), key=sort_key, reverse=True)
    agents = set(Oem.objects.exclude(tools="").values_list("oem_id", flat=True))
    inside = tools.first_versions(columns)
    rows = []
    for oem in shown:
        drawn = [
            _cell(oem, version, sums.get((oem, version), Sums()), inside.get((oem, version), ""))
            for version in columns
        ]
        # What an image without an agent calls itself is no version of a tool.
        found = drawn if oem in agents else [cell._replace(note="") for cell in drawn]
        rows.append(Row(oem, nodes_url(oem=oem), found))
    return Matrix(
        HeatMap("OEM by OS version", [version or "not told" for version in columns], rows),
        [
            Stage(label, bases[basis], tone, nodes_url(basis=basis) if basis else "")
            for basis, label, tone in _BASES
        ],
        percent(bases[OBSERVED], bases.total()),
        len(oems) - len(shown),
        len(versions) - len(columns),
    )


def _sum(
    cells: NodeCountQuerySet[NodeCount],
) -> tuple[dict[tuple[str, str], Sums], Counter[str]]:
    """By OEM and OS version, and all nodes with an OEM by basis."""
    sums: defaultdict[tuple[str, str], Sums] = defaultdict(Sums)
    bases: Counter[str] = Counter()
    columns = ("oem", "version", "oem_version", "oem_build", "oem_basis")
    for oem, version, oem_version, build, basis, nodes in cells.by(*columns):
        if oem in NO_OEM:
            continue
        one = sums[oem, version]
        one.nodes += nodes
        bases[basis] += nodes
        if oem_version != version and basis in {OBSERVED, DERIVED}:
            one.apart += nodes
        if build and basis == OBSERVED:
            one.builds[build] += nodes
    return sums, bases


def _cell(oem: str, version: str, found: Sums, tool: str) -> Cell:
    """One cell; `tool` is the version that the first tool should have, if none was observed."""
    return Cell(
        found.nodes,
        nodes_url(oem=oem, version=version),
        note=max(found.builds, key=found.builds.__getitem__, default=tool) if found.nodes else "",
        warning=f"{found.apart} out of step" if found.apart else "",
    )
