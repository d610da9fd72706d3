"""What operators do to a node: hold, rename, label, move, archive, retry."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from oemupdates.domain.policy import Group as Policy
from oemupdates.models import Group, Node, Operator
from oemupdates.services.checkins import snapshot
from oemupdates.services.checkins.measuring import Measuring
from oemupdates.services.counters.counters import Moves
from oemupdates.services.drift import remeasuring
from oemupdates.services.nodes import node_changes
from oemupdates.services.nodes.node_changes import (
    CannotArchive,
    CannotHold,
    CannotMove,
    CannotRelease,
    CannotRetry,
    CannotUnarchive,
    Change,
)
from oemupdates.services.shared import activity

__all__ = [
    "CannotArchive",
    "CannotHold",
    "CannotMove",
    "CannotRelease",
    "CannotRetry",
    "CannotUnarchive",
    "archive",
    "hold",
    "move",
    "move_back",
    "release_hold",
    "rename",
    "retry",
    "unarchive",
]

SYSTEM = "the system"
_MAX_NAME = 256


def hold(node: Node, *, by: Operator | None, because: str, until: datetime | None = None) -> Node:
    """Withhold every update from a node until an operator releases it, or until a time.

    Raises `CannotHold`; a hold that has ended by itself may be replaced.
    """
    because = activity.reason(because)
    change = node_changes.hold(by=name_of(by), because=because, until=until)
    return _do(node, change, by=by, why=because, told_after=("held_until",))


def release_hold(node: Node, *, by: Operator | None, why: str = "") -> Node:
    """Take the hold off a node, ended or not; raises `CannotRelease`."""
    told = ("held_because", "held_by", "held_until")
    return _do(node, node_changes.release_hold(), by=by, why=why, told_before=told)


def rename(node: Node, *, by: Operator | None, name: str) -> Node:
    """Give a node a name of the operators' own; an empty one takes it away."""
    name = activity.wording(name, what="The name", most=_MAX_NAME)
    with transaction.atomic():
        node = lock(node)
        before = node.name
        if name != before:
            node.name = name
            node.save(update_fields=["name"])
            activity.record(
                verb="node.renamed",
                subject=node,
                by=by,
                before={"name": before},
                after={"name": name},
            )
    return node


def move(
    node: Node, group: Group, *, by: Operator | None, because: str, until: datetime | None = None
) -> Node:
    """Put a node into a group, whatever its track says, for good or until a time.

    Its next check-ins keep it there. Raises `CannotMove`.
    """
    because = activity.reason(because)
    change = node_changes.move(group, by=name_of(by), because=because, until=until)
    return _do(node, change, by=by, why=because, told_after=("group", "moved_until"))


def move_back(node: Node, *, by: Operator | None, why: str = "") -> Node:
    """Let a node's track say again where it belongs; raises `CannotMove`."""
    change = node_changes.move_back(Tracks().group_of)
    return _do(node, change, by=by, why=why, told_before=("group",), told_after=("group",))


def archive(node: Node, *, by: Operator | None, why: str = "") -> Node:
    """Put a node away: out of every count and, with it, out of its group's limit.

    Its history stays, and its next check-in brings it back. Raises `CannotArchive`.
    """
    return _do(node, node_changes.archive(), by=by, why=why)


def unarchive(node: Node, *, by: Operator | None, why: str = "") -> Node:
    """Bring an archived node back before it checks in; raises `CannotUnarchive`."""
    return _do(node, node_changes.unarchive(), by=by, why=why)


def retry(node: Node, *, by: Operator | None, why: str = "") -> Node:
    """Forget a node's failures and rollback, so that its next check-in may offer the same again.

    Raises `CannotRetry`.
    """
    told = ("download_failures", "postinst_failures", "rolled_back_version")
    return _do(node, node_changes.retry(), by=by, why=why, told_before=told)


class Tracks:
    """Which group a node's track leads to, as the configuration stands."""

    def __init__(self) -> None:
        self.config = snapshot.load()

    def group_of(self, node: Node) -> int | None:
        """The key of the group that a node asks for; None for none."""
        application = self.config.applications.get(node.application)
        if application is None:
            return None
        architecture = node.architecture or ("amd64" if node.is_pxe else "")
        group: Policy | None = self.config.group(application, architecture, node.track)
        return group.id if group else None


def name_of(by: Operator | None) -> str:
    """Who did it, as a node remembers it."""
    return by.username if by else SYSTEM


def lock(node: Node) -> Node:
    """The node as it is now, kept so until the transaction ends."""
    return Node.objects.select_for_update(no_key=True).get(pk=node.pk)


def _do(
    node: Node,
    change: Change,
    *,
    by: Operator | None,
    why: str,
    told_before: tuple[str, ...] = (),
    told_after: tuple[str, ...] = (),
) -> Node:
    """Change one node, and write down what activity shall tell of it."""
    with transaction.atomic():
        node = lock(node)
        moves = Moves()
        moves.leave(node)
        was = _told(node, told_before)
        now = timezone.now()
        change.apply(node, now)
        moves.enter(node)
        node.save(update_fields=change.fields)
        moves.write()
        if change.moves_drift:
            remeasuring.settle([node.pk], Measuring(snapshot.load(), now), by="an operator")
        after = {name: value for name, value in _told(node, told_after).items() if value}
        activity.record(verb=change.verb, subject=node, by=by, before=was, after=after, why=why)
    return node


def _told(node: Node, names: tuple[str, ...]) -> dict[str, activity.Value]:
    told: dict[str, activity.Value] = {}
    for name in names:
        value = getattr(node, name)
        told[name] = (str(value) if value else "none") if name == "group" else value
    return told
