"""Taking check-ins: what a batch of them changes, worked out in memory.

A batch is one transaction: its nodes are read and locked, `take` decides, and what changed is
written (`store_postgres`, `store_sqlite`). A node is answered only after that has committed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from oemupdates.domain.checkin import CheckIn
from oemupdates.domain.decision import Decision, decide, settle
from oemupdates.domain.hearing import Hearing, hear
from oemupdates.domain.node import Node, State, starts_interval
from oemupdates.domain.policy import Group
from oemupdates.domain.reason import Reason, Why
from oemupdates.services.checkins.kept import dump_reasons
from oemupdates.services.checkins.measuring import Closed, Measuring, Opened
from oemupdates.services.checkins.places import Places
from oemupdates.services.checkins.snapshot import Snapshot
from oemupdates.services.counters.counters import Cell, cell

Key = tuple[str, str]

# What the check-in path reads of a node's row, in the order of the statement.
READ = tuple(Node.__dataclass_fields__)
# What it may write: holds and moves are the operators' alone, what was reported or taken is not.
WRITTEN = tuple(
    name
    for name in READ
    if name
    not in {
        "id",
        "machine_id",
        "application",
        "first_seen_at",
        "is_held",
        "held_because",
        "held_until",
        "moved_to_id",
        "moved_until",
        "needs",
        "reported",
        "fallback_at",
        "boot_fetched_at",
    }
)
# What it writes of a node that is new.
CREATED = ("id", "machine_id", "application", *WRITTEN, "first_seen_at")


class StaleConfiguration(Exception):
    """The configuration changed since this process read it: read it and decide again."""


class Conflict(Exception):
    """Another process wrote the same at the same moment: decide the batch again."""


class Unavailable(Exception):
    """The database did not answer, or not in time: nothing was acknowledged."""


class Unwritable(Exception):
    """The database refused the values of the batch: one check-in in it is to blame."""


@dataclass(frozen=True, slots=True)
class Known:
    """What a store read: the epoch, the batch's nodes under lock, and every group's budget."""

    epoch: int
    nodes: dict[Key, Node]
    under_way: dict[int, int]
    next_id: Callable[[], int]


class Verdict(NamedTuple):
    """What one check-in hears, and which node: no decision where it did not ask."""

    group: Group | None
    decision: Decision | None
    application_is_known: bool = True
    node_id: int = 0


@dataclass(slots=True)
class Writes:
    """What a batch changes. `touched` are the ids of nodes that only gave a sign of life."""

    at: datetime
    touched: list[int] = field(default_factory=list)
    changed: list[tuple[Node, int]] = field(default_factory=list)
    created: list[tuple[Node, int]] = field(default_factory=list)
    intervals: list[Node] = field(default_factory=list)
    opened: list[Opened] = field(default_factory=list)
    closed: list[Closed] = field(default_factory=list)
    events: list[dict[str, object]] = field(default_factory=list)
    answers: list[tuple[Node, CheckIn]] = field(default_factory=list)
    counts: dict[Cell, int] = field(default_factory=dict)
    budgets: dict[int, tuple[int, int]] = field(default_factory=dict)

    @property
    def is_routine(self) -> bool:
        """Whether nothing but signs of life came in."""
        return not (self.changed or self.created)


def key_of(said: CheckIn) -> Key:
    """By what a node's row is found."""
    return said.machine_id, said.application


def take(
    batch: Sequence[CheckIn], known: Known, snapshot: Snapshot, now: datetime
) -> tuple[list[Verdict], Writes]:
    """Hear a batch, decide each, and work out what is to be written.

    Raises `StaleConfiguration` when the store's epoch is not the snapshot's.
    """
    if known.epoch != snapshot.epoch:
        raise StaleConfiguration
    taking = _Taking(known, snapshot, now)
    verdicts = [taking.take(said) for said in batch]
    return verdicts, taking.finish()


def _group_of(said: CheckIn, node: Node, snapshot: Snapshot, now: datetime) -> Group | None:
    """Where a node belongs: where an operator put it, else where its track says."""
    application = snapshot.applications.get(said.application)
    if application is None:
        return None
    architecture = node.architecture
    moved_to = snapshot.groups_by_id.get(node.moved_to(now) or 0)
    if moved_to is not None and architecture in {"", moved_to.architecture}:
        return moved_to
    if not architecture and said.is_pxe:
        # The PXE stub does not tell its architecture, and asks for nothing that depends on it.
        architecture = "amd64"
    return snapshot.group(application, architecture, said.track)


class _Taking:
    """One batch on its way: nodes as read, nodes as they become, and the groups' places."""

    def __init__(self, known: Known, snapshot: Snapshot, now: datetime) -> None:
        self.known = known
        self.snapshot = snapshot
        self.now = now
        self.nodes: dict[Key, Node] = {}
        self.times: dict[Key, int] = {}
        self.places = Places(known.under_way)
        self.writes = Writes(now)
        self.measuring = Measuring(snapshot, now)

    def take(self, said: CheckIn) -> Verdict:
        key = key_of(said)
        before = self.nodes.get(key) or self.known.nodes.get(key)
        now = self.now
        if before is not None and before.last_seen_at is not None and before.last_seen_at > now:
            now = before.last_seen_at  # another process's clock, or lock, was ahead of ours
        hearing = hear(before, said, now, self.snapshot.oems)
        node = hearing.node
        application = self.snapshot.applications.get(said.application)
        group = _group_of(said, node, self.snapshot, now)
        node.group_id = group.id if group else None
        self.places.know(group)
        decision = None
        if said.asks:
            decision = self._decide(said, before, node, group, now)
        elif group is None:
            node.state = State.UNASSIGNED
        elif node.state == State.UNASSIGNED:
            node.state = State.NEW
        self.places.move(before, node)
        if before is None:
            node.id = self.known.next_id()
        self.nodes[key] = node
        self.times[key] = self.times.get(key, 0) + 1
        if hearing.events:
            self._note_events(hearing, said, before, now)
        return Verdict(group, decision, application is not None, node.id)

    def _decide(
        self,
        said: CheckIn,
        before: Node | None,
        node: Node,
        group: Group | None,
        now: datetime,
    ) -> Decision:
        application = self.snapshot.applications.get(said.application)
        if application is None:
            reason = Reason(Why.UNKNOWN_APPLICATION, node.application)
            decision = Decision(None, (reason,), State.UNASSIGNED)
        else:
            decision = decide(
                node,
                group,
                releases=self.snapshot.releases_for(application, node.architecture),
                places_left=self.places.left(before, group),
                now=now,
            )
        settle(node, decision, now)
        answer = decision.answer
        reasons = dump_reasons(decision.reasons)
        if answer != node.answer or reasons != node.reasons:
            node.answer, node.reasons = answer, reasons
            self.writes.answers.append((node, said))
        return decision

    def _note_events(
        self, hearing: Hearing, said: CheckIn, before: Node | None, now: datetime
    ) -> None:
        target = before.target_version if before else ""
        self.writes.events.extend(
            {
                "node_id": hearing.node.id,
                "at": now,
                "meaning": heard.meaning.value,
                "type": heard.event.type,
                "result": heard.event.result,
                "code": heard.code,
                "flags": ", ".join(heard.flags),
                "version": said.version,
                "previous_version": heard.event.previous_version,
                "target_version": target,
                "boot_id": said.boot_id,
            }
            for heard in hearing.events
        )

    def finish(self) -> Writes:
        """Compare the nodes with what was read, and collect what has to be written."""
        writes = self.writes
        for key in sorted(self.nodes):
            node, before, times = self.nodes[key], self.known.nodes.get(key), self.times[key]
            if before is not None and times == 1 and _is_same(before, node):
                writes.touched.append(node.id)
                continue
            opened, closed = self.measuring.settle(before, node, at=node.last_seen_at or self.now)
            writes.opened += opened
            writes.closed += closed
            if before is None:
                writes.created.append((node, times))
            else:
                writes.changed.append((node, times))
            if starts_interval(before, node):
                writes.intervals.append(node)
            self._count(before, node)
        # One node may have been answered twice in a batch: its last answer is what counts.
        writes.answers = list({node.id: (node, said) for node, said in writes.answers}.values())
        writes.budgets = self.places.changes()
        return writes

    def _count(self, before: Node | None, node: Node) -> None:
        was = cell(before) if before is not None else None
        is_now = cell(node)
        if was == is_now:
            return
        counts = self.writes.counts
        if was is not None:
            counts[was] = counts.get(was, 0) - 1
        if is_now is not None:
            counts[is_now] = counts.get(is_now, 0) + 1


def _is_same(before: Node, after: Node) -> bool:
    """Whether nothing but the time of the last check-in differs."""
    seen, after.last_seen_at = after.last_seen_at, before.last_seen_at
    same = before.__dict__ == after.__dict__
    after.last_seen_at = seen
    return same


def row(node: Node, names: Sequence[str]) -> list[object]:
    """A node's values by name, for a statement."""
    values: Mapping[str, object] = node.__dict__
    return [values[name] for name in names]
