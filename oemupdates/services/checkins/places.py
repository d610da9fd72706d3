"""Places under groups' limits, as a batch of check-ins takes and leaves them."""

from collections.abc import Mapping

from oemupdates.domain.node import Node
from oemupdates.domain.policy import Group
from oemupdates.services.counters.counters import holds_place


class Places:
    """How many nodes of each group are under way: as a store read it, and as a batch makes it."""

    def __init__(self, read: Mapping[int, int]) -> None:
        self._read = read
        self._now = dict(read)
        self._limits: dict[int, int] = {}

    def know(self, group: Group | None) -> None:
        """Count from now on the places of a group that has a limit."""
        if group is not None and group.max_under_way is not None:
            self._limits[group.id] = group.max_under_way

    def left(self, before: Node | None, group: Group | None) -> int | None:
        """How many places a node finds in its group; None where there is no limit."""
        if group is None or group.max_under_way is None:
            return None
        left = group.max_under_way - self._now.get(group.id, 0)
        # A node that holds a place keeps it, also when its state was just found to be another.
        holds = before is not None and before.group_id == group.id and holds_place(before)
        return left + 1 if holds else left

    def move(self, before: Node | None, node: Node) -> None:
        """Count a node from the place that it held to the one that it holds."""
        was = before.group_id if before is not None and holds_place(before) else None
        is_now = node.group_id if holds_place(node) else None
        if was == is_now:
            return
        if was is not None and was in self._now:
            self._now[was] -= 1
        if is_now is not None and is_now in self._limits:
            self._now[is_now] = self._now.get(is_now, 0) + 1

    def changes(self) -> dict[int, tuple[int, int]]:
        """By group, in order, what is to be added to its places, and its limit."""
        return {
            group_id: (now - self._read.get(group_id, 0), self._limits.get(group_id, 0))
            for group_id, now in sorted(self._now.items())
            if now != self._read.get(group_id, 0)
        }
