"""Where a group's nodes stand against their target, from the counters alone."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from oemupdates.domain.node import UNDER_WAY, State
from oemupdates.domain.version import BadVersion, parse
from oemupdates.models.count import NodeCount
from oemupdates.models.count_queries import Value, Wanted


class Standing(StrEnum):
    """The three numbers of a group."""

    ON_TARGET = "on_target"
    IN_PROGRESS = "in_progress"
    BEHIND = "behind"


@dataclass(frozen=True, slots=True)
class Standings:
    """How many nodes of a group run its target or something newer, are on their way, or wait."""

    on_target: int = 0
    in_progress: int = 0
    behind: int = 0

    @property
    def nodes(self) -> int:
        """All nodes of the group."""
        return self.on_target + self.in_progress + self.behind


def standing(version: str, state: str, *, target: str) -> Standing:
    """Where nodes of one version and state stand; without a readable version, behind."""
    if _reaches(version, target):
        return Standing.ON_TARGET
    return Standing.IN_PROGRESS if state in UNDER_WAY else Standing.BEHIND


def _reaches(version: str, target: str) -> bool:
    try:
        return bool(target) and parse(version) >= parse(target)
    except BadVersion:
        return False


def standings(targets: dict[int, str]) -> dict[int, Standings]:
    """The three numbers of each group, given their target versions (empty: none)."""
    sums = {group: dict.fromkeys(Standing, 0) for group in targets}
    cells = NodeCount.objects.of({"group": targets.keys()}).by("group", "version", "state")
    for group, version, state, nodes in cells:
        sums[group][standing(version, state, target=targets[group])] += nodes
    return {group: Standings(**found) for group, found in sums.items()}


def wanted_by_standing(group: int, target: str, wanted: Standing) -> Wanted:
    """The versions and states by which the nodes of a group with a standing are found."""
    versions = [version for version, _nodes in _versions(group)]
    reaching = [version for version in versions if _reaches(version, target)]
    if wanted is Standing.ON_TARGET:
        return {"version": reaching}
    under_way: Iterable[Value] = [state.value for state in UNDER_WAY]
    others = [state.value for state in State if state not in UNDER_WAY]
    return {
        "version": [version for version in versions if version not in reaching],
        "state": list(under_way) if wanted is Standing.IN_PROGRESS else others,
    }


def _versions(group: int) -> list[tuple[str, int]]:
    return NodeCount.objects.of({"group": [group]}).by("version")
