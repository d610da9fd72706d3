"""Which OEMs of the fleet a release has no payload for: their nodes could not update to it."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from oemupdates.domain import oem as oems
from oemupdates.domain.access import Reach
from oemupdates.domain.version import sort_key
from oemupdates.models import NodeCount, Release
from oemupdates.services.oem import catalogue


class Gap(NamedTuple):
    """Nodes of an OEM that need a payload which the release does not have.

    They run any older version, or `versions` alone. `is_dropped` says that Flatcar builds this
    payload no more, so that none can be imported.
    """

    oem: str
    nodes: int
    is_dropped: bool
    versions: tuple[str, ...] = ()

    @property
    def payload(self) -> str:
        """The name of the payload that is missing."""
        return oems.payload_name(self.oem)


@dataclass(slots=True)
class _Line:
    """The nodes of one OEM and architecture by the order of their versions, oldest first."""

    orders: list[str] = field(default_factory=list)
    versions: list[str] = field(default_factory=list)
    nodes: list[int] = field(default_factory=list)
    sums: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Carriers:
    """The nodes that carry OEMs, by OEM, architecture and version: read once for many releases."""

    _oems: oems.Catalogue
    _lines: dict[tuple[str, str], _Line]
    _nodes: Counter[tuple[str, str]]

    def nodes(self, architecture: str) -> dict[str, int]:
        """The nodes of each OEM on one architecture, the most common first."""
        found = {oem: n for (oem, board), n in self._nodes.items() if board == architecture}
        return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0])))

    def ships(self, oem: str, release: Release) -> bool:
        """Whether a release of its version has a payload of an OEM, as far as is known."""
        return self._oems.is_shipped(
            oem, version=release.version, architecture=release.architecture
        )

    def gaps(self, release: Release, names: Collection[str]) -> list[Gap]:
        """The OEMs that lack their payload in a release with payloads of these names."""
        found = []
        for (oem, architecture), line in self._lines.items():
            if architecture == release.architecture and oems.payload_name(oem) not in names:
                found += _gaps(self._oems, oem, line, release)
        return sorted(found, key=lambda gap: (-gap.nodes, gap.oem))


def _gaps(known: oems.Catalogue, oem: str, line: _Line, release: Release) -> list[Gap]:
    """None or one: what a node needs depends on its own version where the release's says no."""
    behind = bisect_left(line.orders, release.order)
    if not behind:
        return []
    is_dropped = known.is_dropped(oem, target=release.version)
    if _is_mandatory(known, oem, release.version, release):
        return [Gap(oem, line.sums[behind - 1], is_dropped)]
    needing = [n for n in range(behind) if _is_mandatory(known, oem, line.versions[n], release)]
    if not needing:
        return []
    nodes = sum(line.nodes[n] for n in needing)
    return [Gap(oem, nodes, is_dropped, tuple(line.versions[n] for n in needing))]


def _is_mandatory(known: oems.Catalogue, oem: str, running: str, release: Release) -> bool:
    return known.is_mandatory(
        oem, running=running, target=release.version, architecture=release.architecture
    )


def read(reach: Reach) -> Carriers:
    """Read the counters of the nodes that somebody may see."""
    by_oem: defaultdict[tuple[str, str], list[tuple[str, str, int]]] = defaultdict(list)
    nodes: Counter[tuple[str, str]] = Counter()
    cells = NodeCount.objects.within(reach).exclude(oem__in=oems.NO_OEM)
    for oem, architecture, version, number in cells.by("oem", "architecture", "version"):
        nodes[oem, architecture] += number
        # What is no version is offered nothing at all.
        if order := sort_key(version):
            by_oem[oem, architecture].append((order, version, number))
    return Carriers(catalogue.load(), {key: _line(rows) for key, rows in by_oem.items()}, nodes)


def _line(rows: list[tuple[str, str, int]]) -> _Line:
    rows.sort()
    numbers = [row[2] for row in rows]
    return _Line(
        [row[0] for row in rows], [row[1] for row in rows], numbers, list(accumulate(numbers))
    )
