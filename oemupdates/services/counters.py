"""The counters that the pages read: what a node counts as."""

from typing import Protocol

from oemupdates.domain.node import UNDER_WAY, State

Cell = tuple[int, str, str, str, str, str, str, str, bool]


class Countable(Protocol):
    """What a node's cell is made of: `models.Node` and `domain.node.Node` both have it."""

    group_id: int | None
    architecture: str
    version: str
    oem: str
    oem_version: str
    oem_build: str
    oem_basis: str
    state: str
    is_dark: bool
    is_archived: bool


def cell(node: Countable) -> Cell | None:
    """The cell of `NodeCount` that a node is counted in (`NodeCount.CELL`); None if archived."""
    if node.is_archived:
        return None
    return (
        node.group_id or 0,
        node.architecture,
        node.version,
        node.oem,
        node.oem_version,
        node.oem_build,
        node.oem_basis,
        str(node.state),
        node.is_dark,
    )


def holds_place(node: Countable) -> bool:
    """Whether a node counts against its group's limit: between offer and reboot, dark or not."""
    return not node.is_archived and State(node.state) in UNDER_WAY
