"""What is done to a node over the API."""

from collections.abc import Callable
from typing import Any

from oemupdates.api.call import Call
from oemupdates.api.fields import Body, Moment, Reasoned, Text
from oemupdates.api.nodes import NodeShape, operated, seen
from oemupdates.api.operation import Resource, operation
from oemupdates.domain.access import Permission
from oemupdates.models import Node
from oemupdates.services import nodes as verbs

Verb = Callable[..., Any]


class NewHold(Body):
    """Why a node is held, and until when; until somebody releases it if that is left out."""

    because = Text(max_length=500)
    until = Moment(required=False, allow_null=True)


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
