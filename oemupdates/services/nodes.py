"""What operators do to a node: hold, rename, archive, retry."""

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from oemupdates.domain.node import State
from oemupdates.models import Node, Operator
from oemupdates.services import activity
from oemupdates.services.counters import Moves

SYSTEM = "the system"
_MAX_NAME = 256


class CannotHold(activity.Refused):
    """The node is held already, or the hold would end before it begins."""


class CannotRelease(activity.Refused):
    """The node is not held."""


class CannotArchive(activity.Refused):
    """The node is archived already."""


class CannotUnarchive(activity.Refused):
    """The node is not archived."""


class CannotRetry(activity.Refused):
    """Nothing stands against the node that a retry would take away."""


def hold(node: Node, *, by: Operator | None, because: str, until: datetime | None = None) -> Node:
    """Withhold every update from a node until an operator releases it, or until a time.

    Raises `CannotHold`; a hold that has ended by itself may be replaced.
    """
    because = activity.reason(because)
    now = timezone.now()
    if until is not None and until <= now:
        raise CannotHold("The hold would end in the past.")
    with transaction.atomic():
        node = _lock(node)
        if node.is_held and (node.held_until is None or node.held_until > now):
            raise CannotHold(f"{node} is held already, by {node.held_by}: {node.held_because}")
        node.is_held = True
        node.held_because = because
        node.held_by = by.username if by else SYSTEM
        node.held_until = until
        node.save(update_fields=["is_held", "held_because", "held_by", "held_until"])
        after: dict[str, activity.Value] = {"held_until": until} if until else {}
        activity.record(verb="node.held", subject=node, by=by, after=after, why=because)
    return node


def release_hold(node: Node, *, by: Operator | None, why: str = "") -> Node:
    """Take the hold off a node, ended or not; raises `CannotRelease`."""
    with transaction.atomic():
        node = _lock(node)
        if not node.is_held:
            raise CannotRelease(f"{node} is not held.")
        before: dict[str, activity.Value] = {
            "held_because": node.held_because,
            "held_by": node.held_by,
            "held_until": node.held_until,
        }
        node.is_held = False
        node.held_because = node.held_by = ""
        node.held_until = None
        node.save(update_fields=["is_held", "held_because", "held_by", "held_until"])
        activity.record(verb="node.hold_released", subject=node, by=by, before=before, why=why)
    return node


def rename(node: Node, *, by: Operator | None, name: str) -> Node:
    """Give a node a name of the operators' own; an empty one takes it away."""
    name = activity.wording(name, what="The name", most=_MAX_NAME)
    with transaction.atomic():
        node = _lock(node)
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


def archive(node: Node, *, by: Operator | None, why: str = "") -> Node:
    """Put a node away: out of every count and, with it, out of its group's limit.

    Its history stays, and its next check-in brings it back. Raises `CannotArchive`.
    """
    with transaction.atomic():
        node = _lock(node)
        if node.is_archived:
            raise CannotArchive(f"{node} is archived already.")
        moves = Moves()
        moves.leave(node)
        node.is_archived = True
        node.save(update_fields=["is_archived"])
        moves.write()
        activity.record(verb="node.archived", subject=node, by=by, why=why)
    return node


def unarchive(node: Node, *, by: Operator | None, why: str = "") -> Node:
    """Bring an archived node back before it checks in; raises `CannotUnarchive`."""
    with transaction.atomic():
        node = _lock(node)
        if not node.is_archived:
            raise CannotUnarchive(f"{node} is not archived.")
        moves = Moves()
        node.is_archived = False
        moves.enter(node)
        node.save(update_fields=["is_archived"])
        moves.write()
        activity.record(verb="node.unarchived", subject=node, by=by, why=why)
    return node


def retry(node: Node, *, by: Operator | None, why: str = "") -> Node:
    """Forget a node's failures and rollback, so that its next check-in may offer the same again.

    Raises `CannotRetry`.
    """
    with transaction.atomic():
        node = _lock(node)
        before: dict[str, activity.Value] = {
            "download_failures": node.download_failures,
            "postinst_failures": node.postinst_failures,
            "rolled_back_version": node.rolled_back_version,
        }
        if not any(before.values()):
            raise CannotRetry(f"No failure and no rollback stands against {node}.")
        moves = Moves()
        moves.leave(node)
        node.download_failures = node.postinst_failures = node.last_error_code = 0
        node.rolled_back_version = ""
        if node.state in {State.FAILED, State.ROLLED_BACK}:
            node.state = State.WAITING
        moves.enter(node)
        node.save(
            update_fields=[
                "download_failures",
                "postinst_failures",
                "last_error_code",
                "rolled_back_version",
                "state",
            ]
        )
        moves.write()
        activity.record(verb="node.retried", subject=node, by=by, before=before, why=why)
    return node


def _lock(node: Node) -> Node:
    """The node as it is now, kept so until the transaction ends."""
    return Node.objects.select_for_update(no_key=True).get(pk=node.pk)
