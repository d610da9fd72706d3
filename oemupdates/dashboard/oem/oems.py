"""The OEMs of the fleet: by basis, in step with their OS or not, and by state."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from oemupdates.dashboard.frame import words
from oemupdates.dashboard.frame.drawing import Cell, HeatMap, Row
from oemupdates.dashboard.frame.tags import nodes_url
from oemupdates.domain.drift import first_of
from oemupdates.domain.drift_words import APART, IN_STEP
from oemupdates.domain.node import UNDER_WAY, State
from oemupdates.domain.oem import NO_OEM

ROWS_SHOWN = 12


@dataclass(slots=True)
class OemRow:
    """The nodes of one OEM: by basis, and those whose OEM is in step with their OS, or apart."""

    oem: str
    bases: Counter[str] = field(default_factory=Counter)
    in_step: int = 0
    apart: int = 0

    @property
    def nodes(self) -> int:
        """All nodes of the OEM."""
        return self.bases.total()

    @property
    def has_sysext(self) -> bool:
        """Whether its nodes run anything of an OEM; those booted over the network do not."""
        return self.oem not in NO_OEM


class Difference(NamedTuple):
    """Nodes of an OEM on an OS version that are out of step in the same way."""

    oem: str
    drift: str
    version: str
    nodes: int


def rows(
    by_oem: Iterable[tuple[str, str, str, str, str, int]],
) -> tuple[list[OemRow], list[Difference]]:
    """A row an OEM, and what is out of step, both the most common first.

    `by_oem` are nodes by OEM, basis, drift, OS version and architecture.
    """
    found: dict[str, OemRow] = {}
    apart: Counter[tuple[str, str, str]] = Counter()
    for oem, basis, drift, version, _architecture, nodes in by_oem:
        row = found.setdefault(oem, OemRow(oem))
        row.bases[basis] += nodes
        first = first_of(drift)
        if first in IN_STEP:
            row.in_step += nodes
        elif first in APART:
            row.apart += nodes
            apart[oem, first, version] += nodes
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
