"""The OEMs of the fleet: by basis, how their sysexts stand to their OS, and by state."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from oemupdates.dashboard import words
from oemupdates.dashboard.drawing import Cell, HeatMap, Row
from oemupdates.dashboard.tags import nodes_url
from oemupdates.domain.checkin import DERIVED, OBSERVED
from oemupdates.domain.node import UNDER_WAY, State
from oemupdates.domain.oem import NO_OEM
from oemupdates.models.sysext import Sysext

ROWS_SHOWN = 12


@dataclass(slots=True)
class OemRow:
    """The nodes of one OEM: by basis, and how their sysext stands to their OS."""

    oem: str
    bases: Counter[str] = field(default_factory=Counter)
    same: int = 0
    different: int = 0
    not_merged: int = 0

    @property
    def nodes(self) -> int:
        """All nodes of the OEM."""
        return self.bases.total()

    @property
    def has_sysext(self) -> bool:
        """Whether its nodes run anything of an OEM; those booted over the network do not."""
        return self.oem not in NO_OEM


@dataclass(frozen=True, slots=True)
class Difference:
    """Nodes whose OEM sysext was built for another OS version than they run; empty: not merged."""

    oem: str
    oem_version: str
    version: str
    nodes: int

    @property
    def sysext(self) -> Sysext:
        """By which filter these nodes are found."""
        return Sysext.DIFFERENT if self.oem_version else Sysext.NOT_MERGED


def rows(
    by_oem: Iterable[tuple[str, str, str, str, str, int]],
) -> tuple[list[OemRow], list[Difference]]:
    """A row an OEM, and the sysexts that do not match their OS, both the most common first.

    `by_oem` are nodes by OEM, basis, OEM version, OS version and architecture.
    """
    found: dict[str, OemRow] = {}
    apart: Counter[tuple[str, str, str]] = Counter()
    for oem, basis, oem_version, version, _architecture, nodes in by_oem:
        row = found.setdefault(oem, OemRow(oem))
        row.bases[basis] += nodes
        if basis not in {OBSERVED, DERIVED}:
            continue
        if oem_version == version and version:
            row.same += nodes
            continue
        apart[oem, oem_version, version] += nodes
        if oem_version:
            row.different += nodes
        else:
            row.not_merged += nodes
    differences = [Difference(*what, nodes) for what, nodes in apart.most_common()]
    return sorted(found.values(), key=lambda row: -row.nodes), differences


# The columns of the heat map: states that mean the same to who looks at an OEM.
_STATES: tuple[tuple[str, tuple[State, ...]], ...] = (
    (words.STATES[State.UP_TO_DATE].label, (State.UP_TO_DATE,)),
    ("Under way", tuple(state for state in State if state in UNDER_WAY)),
    (words.STATES[State.WAITING].label, (State.WAITING,)),
    (words.STATES[State.FAILED].label, (State.FAILED,)),
    (words.STATES[State.ROLLED_BACK].label, (State.ROLLED_BACK,)),
    ("Others", (State.NEW, State.UNASSIGNED)),
)


def by_state(sums: Iterable[tuple[str, str, int]]) -> HeatMap:
    """The most common OEMs by state, given nodes by OEM and state."""
    nodes: dict[str, Counter[str]] = {}
    for oem, state, number in sums:
        nodes.setdefault(oem, Counter())[state] += number
    common = sorted(nodes, key=lambda oem: (-nodes[oem].total(), oem))[:ROWS_SHOWN]
    return HeatMap(
        "Nodes by OEM and state",
        [label for label, _states in _STATES],
        [
            Row(
                oem or "No OEM",
                nodes_url(oem=oem),
                [
                    Cell(
                        sum(nodes[oem][state] for state in states),
                        nodes_url(oem=oem, state=[state.value for state in states]),
                    )
                    for _label, states in _STATES
                ],
            )
            for oem in common
        ],
    )
