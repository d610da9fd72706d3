"""What is done to a node over the API."""

from collections.abc import Callable
from typing import Any

from django.shortcuts import get_object_or_404

from oemupdates.api.frame.call import Call
from oemupdates.api.frame.fields import Body, Moment, Reasoned, Text, key
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.groups.groups import within as groups_within
from oemupdates.api.nodes.node_shapes import NodeShape
from oemupdates.api.nodes.nodes import operated, refuse, seen, within
from oemupdates.domain.access import EVERYWHERE, Permission
from oemupdates.models import Node
from oemupdates.services.nodes import nodes as verbs

Verb = Callable[..., Any]


class NewHold(Body):
    """Why a node is held, and until when; until somebody releases it if that is left out."""

    because = Text(max_length=500)
    until = Moment(required=False, allow_null=True)


class Move(NewHold):
    """To which group a node is moved, why, and until when; for good if that is left out."""

    group = key(help_text="A group's id.")


def _act(call: Call, pk: int, verb: Verb, **said: Any) -> Node:
    """Do something to a node, and show it as it is then."""
    verb(operated(call, pk), by=call.by, **said)
    return seen(call, pk)


class Holding(Resource):
    """Holding a node."""

    tag = "nodes"

    @operation("hold_node", needs=Permission.OPERATE_NODES, gives=NodeShape, takes=NewHold)
    def post(self, call: Call, pk: int) -> Node:
        """Withhold every update from a node; it hears so at its next check-in."""
        return _act(call, pk, verbs.hold, **call.said)


class Releasing(Resource):
    """Releasing a node's hold."""

    tag = "nodes"

    @operation("release_node", needs=Permission.OPERATE_NODES, gives=NodeShape, takes=Reasoned)
    def post(self, call: Call, pk: int) -> Node:
        """Take the hold off a node."""
        return _act(call, pk, verbs.release_hold, **call.said)


class Retrying(Resource):
    """Retrying a node."""

    tag = "nodes"

    @operation("retry_node", needs=Permission.OPERATE_NODES, gives=NodeShape, takes=Reasoned)
    def post(self, call: Call, pk: int) -> Node:
        """Forget a node's failures and rollback, so that it may be offered the same again."""
        return _act(call, pk, verbs.retry, **call.said)


class Archiving(Resource):
    """Archiving a node."""

    tag = "nodes"

    @operation("archive_node", needs=Permission.OPERATE_NODES, gives=NodeShape, takes=Reasoned)
    def post(self, call: Call, pk: int) -> Node:
        """Put a node away, out of every count, until it checks in again."""
        return _act(call, pk, verbs.archive, **call.said)


class Unarchiving(Resource):
    """Unarchiving a node."""

    tag = "nodes"

    @operation("unarchive_node", needs=Permission.OPERATE_NODES, gives=NodeShape, takes=Reasoned)
    def post(self, call: Call, pk: int) -> Node:
        """Bring an archived node back before it checks in."""
        return _act(call, pk, verbs.unarchive, **call.said)


class Moving(Resource):
    """Moving a node."""

    tag = "nodes"

    @operation("move_node", needs=Permission.OPERATE_NODES, gives=NodeShape, takes=Move)
    def post(self, call: Call, pk: int) -> Node:
        """Put a node into a group, whatever its track says; you must operate both groups."""
        node = operated(call, pk)
        target = groups_within(call.where()).filter(pk=call.said["group"]).first()
        if target is None:
            raise refuse("/group", "There is no group with this id.")
        call.require(Permission.OPERATE_NODES, group=target.pk)
        because, until = call.said["because"], call.said.get("until")
        verbs.move(node, target, by=call.by, because=because, until=until)
        return seen(call, pk)


class MovingBack(Resource):
    """Ending the move of a node."""

    tag = "nodes"

    @operation("move_node_back", needs=Permission.OPERATE_NODES, gives=NodeShape, takes=Reasoned)
    def post(self, call: Call, pk: int) -> Node:
        """Let a node's track say again where it belongs."""
        verbs.move_back(operated(call, pk), by=call.by, **call.said)
        return get_object_or_404(within(EVERYWHERE), pk=pk)
