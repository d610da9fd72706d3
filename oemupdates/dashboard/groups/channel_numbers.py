"""Where a channel's nodes stand, each number with the list behind it."""

from collections.abc import Sequence
from typing import NamedTuple

from oemupdates.dashboard.frame.tags import nodes_url
from oemupdates.domain.node import UNDER_WAY, State
from oemupdates.models.standing import Standings

_UNDER_WAY = [state.value for state in State if state in UNDER_WAY]


class Numbered(NamedTuple):
    """How many nodes there are of a kind, and where they are listed."""

    nodes: int
    url: str


class Numbers(NamedTuple):
    """The nodes of some groups of one channel, and the three numbers that they add up to."""

    all: Numbered
    on_target: Numbered
    in_progress: Numbered
    behind: Numbered


def numbers(found: Standings, *, groups: Sequence[int], target: str) -> Numbers:
    """Link the numbers of some groups to their nodes; without a target there is but one."""
    everybody = Numbered(found.nodes, nodes_url(group=groups))
    if not target:
        nobody = Numbered(0, everybody.url)
        return Numbers(everybody, nobody, nobody, everybody)
    # Not "older": a version that nobody can read is behind too.
    behind = f"-os:>={target}"
    others = f"{behind} -state:{','.join(_UNDER_WAY)}"
    return Numbers(
        everybody,
        Numbered(found.on_target, nodes_url(group=groups, q=f"os:>={target}")),
        Numbered(found.in_progress, nodes_url(group=groups, state=_UNDER_WAY, q=behind)),
        Numbered(found.behind, nodes_url(group=groups, q=others)),
    )
