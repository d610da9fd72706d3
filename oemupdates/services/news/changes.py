"""What changed since the last look: asked once for everybody who watches."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from oemupdates.models import Node, NodeCount
from oemupdates.services.news.feed import Entry, Tail


class NodeFacts(NamedTuple):
    """What of a node is watched: everything that a check-in, the clock or a verb changes."""

    group_id: int | None
    state: str
    last_seen_at: datetime
    is_dark: bool
    is_held: bool
    held_until: datetime | None
    is_archived: bool
    name: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What differs from the look before: groups by key (0: no group), nodes as they are now."""

    nodes_by_group: dict[int, int] = field(default_factory=dict)
    groups: frozenset[int] = frozenset()
    nodes: dict[int, NodeFacts] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)


class Lookout:
    """Looks at the database again and again; a look costs the same however many watch."""

    def __init__(self) -> None:
        self.tail = Tail()
        self._counts: dict[int, tuple[int, int, int]] | None = None
        self._nodes: dict[int, NodeFacts] = {}

    def look(self, nodes: Collection[int]) -> Changes:
        """Compare the fleet, and these nodes, with how they were; the first look finds nothing."""
        counts = NodeCount.objects.fingerprints()
        before = counts if self._counts is None else self._counts
        self._counts = counts
        moved = {
            group
            for group in counts.keys() | before.keys()
            if counts.get(group) != before.get(group)
        }
        entries = self.tail.read()
        told = {entry.subject for entry in entries if entry.kind == "node"}
        found = _facts(nodes)
        changed = {
            key: facts
            for key, facts in found.items()
            if key in told or self._nodes.get(key, facts) != facts
        }
        self._nodes = found
        totals = {group: sums[0] for group, sums in counts.items()}
        return Changes(totals, frozenset(moved), changed, entries)


def _facts(nodes: Collection[int]) -> dict[int, NodeFacts]:
    if not nodes:
        return {}
    rows = Node.objects.filter(pk__in=nodes).values_list("pk", *NodeFacts._fields)
    return {key: NodeFacts(*values) for key, *values in rows}
