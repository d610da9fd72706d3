"""What runs where: nodes by OEM and OS version, with the version of the tools; from counters."""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from oemupdates.domain.checkin import DERIVED, NO_BASIS, OBSERVED
from oemupdates.domain.drift import count, first_of
from oemupdates.domain.drift_facts import Basis
from oemupdates.domain.oem import NO_OEM
from oemupdates.models import Oem
from oemupdates.models.count_queries import Summed
from oemupdates.services.oem import tools
from oemupdates.services.oem.tools import Tool

# What is asked of the counters for this.
COLUMNS = ("oem", "version", "oem_build", "drift_basis", "drift")
OBSERVED_BY = (Basis.REPORT.value, Basis.BEACON.value)


@dataclass(slots=True)
class Sums:
    """The nodes of one OEM on one OS version: all, those observed, by class, and their builds."""

    nodes: int = 0
    observed: int = 0
    drifts: Counter[str] = field(default_factory=Counter)
    builds: Counter[str] = field(default_factory=Counter)

    @property
    def build(self) -> str:
        """The build that the most of them have, which need not be a tool's version."""
        return max(self.builds, key=self.builds.__getitem__, default="")


class Found(NamedTuple):
    """The sums by OEM and OS version, and of all nodes with an OEM by basis and class of drift."""

    cells: dict[tuple[str, str], Sums]
    bases: Counter[str]
    drifts: Counter[str]


def read(counters: Summed) -> Found:
    """Sum up the nodes that have an OEM."""
    cells: defaultdict[tuple[str, str], Sums] = defaultdict(Sums)
    bases: Counter[str] = Counter()
    drifts: Counter[str] = Counter()
    for oem, version, build, basis, drift, nodes in counters.by(*COLUMNS):
        if oem in NO_OEM:
            continue
        one = cells[oem, version]
        one.nodes += nodes
        one.drifts[first_of(drift)] += nodes
        one.observed += nodes * (basis in OBSERVED_BY)
        bases[basis] += nodes
        drifts.update(count([(drift, nodes)]))
        if build:
            one.builds[build] += nodes
    return Found(dict(cells), bases, drifts)


class FirstTools:
    """The first tool of each OEM on some OS versions: as beacons observed it, else derived."""

    def __init__(self, versions: Collection[str]) -> None:
        self._inside = tools.first_versions(versions)
        rows = list(Oem.objects.filter(kind=Oem.Kind.OEM).exclude(alpha_since=""))
        self._names = {row.oem_id: row.tools.split(", ")[0] for row in rows}
        self._told = {row.oem_id for row in rows if row.build_tool == self._names[row.oem_id]}

    def has_none(self, oem: str) -> bool:
        """Whether it is configuration only: what its image calls itself is no tool's version."""
        return self._names.get(oem) == ""

    def of(self, oem: str, version: str, found: Sums) -> Tool:
        """The tool that the most of some nodes have; without a version it is not known."""
        name = self._names.get(oem, "")
        if self.has_none(oem) or not found.nodes:
            return Tool(name, "", NO_BASIS)
        if found.build and oem in self._told:
            return Tool(name, found.build, OBSERVED)
        derived = self._inside.get((oem, version), "")
        return Tool(name, derived, DERIVED if derived else NO_BASIS)
