"""What may be done to a node, as values: one node's verb and a change of a million share them.

A change sets some fields of a node, or refuses it in a sentence. What the fields held before is
all that it takes to undo it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from oemupdates.domain.node import State
from oemupdates.models import Group, Node
from oemupdates.services.shared.activity import Refused


class CannotHold(Refused):
    """The node is held already, or the hold would end before it begins."""


class CannotRelease(Refused):
    """The node is not held."""


class CannotArchive(Refused):
    """The node is archived already."""


class CannotUnarchive(Refused):
    """The node is not archived."""


class CannotRetry(Refused):
    """Nothing stands against the node that a retry would take away."""


class CannotMove(Refused):
    """The node cannot be in that group, or is where its track says."""


class CannotUndo(Refused):
    """Somebody changed the node since."""


Values = dict[str, Any]
Guard = Callable[[Node, datetime], None]


@dataclass(frozen=True, slots=True)
class Change:
    """What a verb sets of a node; `guard` raises a kind of `Refused` where it must not."""

    verb: str
    fields: tuple[str, ...]
    guard: Guard
    values: Mapping[str, Any] = field(default_factory=dict)
    work: Callable[[Node], None] | None = None

    @property
    def moves_drift(self) -> bool:
        """Whether nodes are to be measured again after it."""
        return not _MEASURED_BY.isdisjoint(self.fields)

    def apply(self, node: Node, now: datetime) -> Values:
        """Change a node in memory; what its fields held before."""
        self.guard(node, now)
        before = {name: getattr(node, name) for name in self.fields}
        for name, value in self.values.items():
            setattr(node, name, value)
        if self.work is not None:
            self.work(node)
        if before.get("state", node.state) != node.state and "state_at" not in self.values:
            node.state_at = now
        return before


HOLD = ("is_held", "held_because", "held_by", "held_until")
MOVE = ("group_id", "moved_to_id", "moved_because", "moved_by", "moved_until")
RETRY = (
    "download_failures",
    "postinst_failures",
    "last_error_code",
    "rolled_back_version",
    "state",
    "state_at",
)
# What a node is measured by: a change of any of these may change how far it is out of step.
_MEASURED_BY = {"group_id", "state", "postinst_failures"}


def hold(*, by: str, because: str, until: datetime | None) -> Change:
    """Withhold every update from a node; a hold that has ended by itself may be replaced."""
    values = {"is_held": True, "held_because": because, "held_by": by, "held_until": until}
    return Change("node.held", HOLD, _may_hold(until), values)


def _may_hold(until: datetime | None) -> Guard:
    def guard(node: Node, now: datetime) -> None:
        if until is not None and until <= now:
            raise CannotHold("The hold would end in the past.")
        if node.is_held and (node.held_until is None or node.held_until > now):
            raise CannotHold(f"{node} is held already, by {node.held_by}: {node.held_because}")

    return guard


def release_hold() -> Change:
    """Take a node's hold off, ended or not."""
    values = {"is_held": False, "held_because": "", "held_by": "", "held_until": None}
    return Change("node.hold_released", HOLD, _may_release, values)


def _may_release(node: Node, now: datetime) -> None:
    if not node.is_held:
        raise CannotRelease(f"{node} is not held.")


def archive() -> Change:
    """Put a node away, out of every count."""
    return Change("node.archived", ("is_archived",), _may_archive, {"is_archived": True})


def _may_archive(node: Node, now: datetime) -> None:
    if node.is_archived:
        raise CannotArchive(f"{node} is archived already.")


def unarchive() -> Change:
    """Bring an archived node back."""
    return Change("node.unarchived", ("is_archived",), _may_unarchive, {"is_archived": False})


def _may_unarchive(node: Node, now: datetime) -> None:
    if not node.is_archived:
        raise CannotUnarchive(f"{node} is not archived.")


def retry() -> Change:
    """Forget a node's failures and its rollback."""
    values = dict.fromkeys(RETRY[:3], 0) | {"rolled_back_version": ""}
    return Change("node.retried", RETRY, _may_retry, values, _wait)


def _may_retry(node: Node, now: datetime) -> None:
    if not (node.download_failures or node.postinst_failures or node.rolled_back_version):
        raise CannotRetry(f"No failure and no rollback stands against {node}.")


def _wait(node: Node) -> None:
    if node.state in {State.FAILED, State.ROLLED_BACK}:
        node.state = State.WAITING


def move(group: Group, *, by: str, because: str, until: datetime | None) -> Change:
    """Put a node into a group, whatever its track says."""
    values = {
        "group_id": group.pk,
        "moved_to_id": group.pk,
        "moved_because": because,
        "moved_by": by,
        "moved_until": until,
    }
    return Change("node.moved", MOVE, _may_move(group, until), values)


def _may_move(group: Group, until: datetime | None) -> Guard:
    application = group.application
    names = {str(application.uuid), application.product_id.lower()} - {""}

    def guard(node: Node, now: datetime) -> None:
        if until is not None and until <= now:
            raise CannotMove("The move would end in the past.")
        if node.application not in names:
            raise CannotMove(f"{node} is a node of another application than {group}.")
        if node.architecture not in {"", group.architecture}:
            raise CannotMove(f"{node} is {node.architecture}, and {group} is not.")
        if node.moved_to_id == group.pk and node.moved_until == until:
            raise CannotMove(f"{node} was moved to {group} already, by {node.moved_by}.")
        if node.moved_to_id is None and node.group_id == group.pk:
            raise CannotMove(f"{node} is in {group} already: its track says so.")

    return guard


def move_back(group_of: Callable[[Node], int | None]) -> Change:
    """Let a node's track say again where it belongs; `group_of` knows what it says."""

    def work(node: Node) -> None:
        node.group_id = group_of(node)

    values = {"moved_to_id": None, "moved_because": "", "moved_by": "", "moved_until": None}
    return Change("node.moved_back", MOVE, _may_move_back, values, work)


def _may_move_back(node: Node, now: datetime) -> None:
    if node.moved_to_id is None:
        raise CannotMove(f"{node} is where its track says.")


def undo(change: Change, before: Values) -> Change:
    """Give a node back what a change took, unless somebody changed it since."""

    def guard(node: Node, now: datetime) -> None:
        if any(getattr(node, name) != value for name, value in change.values.items()):
            raise CannotUndo(f"Somebody changed {node} since.")

    return Change(f"{change.verb}_undone", change.fields, guard, before)
