"""Nodes over the API: found, shown, changed."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import models
from django.db.models import prefetch_related_objects
from django.shortcuts import get_object_or_404
from django.utils import timezone

from oemupdates.api.frame import paging
from oemupdates.api.frame.call import Call, Listed
from oemupdates.api.frame.fields import Body, Text
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.frame.problems import Fault, Unprocessable
from oemupdates.api.nodes.node_shapes import HeldNodeShape, NodeShape
from oemupdates.api.nodes.nodes_asked import NodesAsked, meaningful, query
from oemupdates.api.nodes.nodes_then import (
    NodeThenShape,
    OneNodeThenShape,
    PastPages,
    ThenAsked,
    moment,
    node_then,
    nodes_then,
)
from oemupdates.domain.access import Permission, Reach
from oemupdates.models import Node, VersionInterval
from oemupdates.services.finding.finding import Found, find
from oemupdates.services.nodes import nodes as verbs


class NodeChange(Body):
    """What is to be changed of a node."""

    name = Text(
        required=False,
        allow_blank=True,
        max_length=256,
        help_text="A name of the operators' own; an empty one takes it away.",
    )


@dataclass(frozen=True, slots=True)
class NodePages:
    """The nodes that a query means, page by page."""

    found: Found

    def page(self, *, scope: str, cursor: str, limit: int) -> paging.Page[Node]:
        """A page; it may have fewer rows than there is room for while the search goes on."""
        order = paging.NEWEST_FIRST
        direction, key = paging.FORWARD, [0]
        if cursor:
            direction, key = paging.read(cursor, order, Node, scope=scope)
        if direction == paging.BACKWARD:
            page = paging.page(self.found.nodes, order, scope=scope, cursor=cursor, limit=limit)
            _complete(page.rows)
            return page
        part = self.found.page(key[0], size=limit)
        _complete(part.rows)
        first = [part.rows[0].pk] if part.rows and cursor else []
        return paging.Page(
            part.rows,
            paging.write(paging.FORWARD, [part.last], scope=scope) if part.last else "",
            paging.write(paging.BACKWARD, first, scope=scope) if first else "",
        )

    def chunks(self) -> Iterator[list[Node]]:
        """All of them, some at a time."""
        part = self.found.page(0, size=paging.FIRST_ROWS)
        while part.rows or part.last:
            _complete(part.rows)
            yield part.rows
            if not part.last:
                return
            part = self.found.page(part.last, size=paging.STREAM_ROWS)


def _complete(nodes: list[Node]) -> None:
    """Read what is shown of nodes beside their own rows, for all of them at once."""
    prefetch_related_objects(nodes, "group", "labels__label")


def within(reach: Reach) -> models.QuerySet[Node]:
    """The nodes that somebody may see, archived ones among them."""
    found = Node.objects.select_related("group").prefetch_related("labels__label")
    return found if reach.is_everywhere else found.filter(group_id__in=reach.groups)


def seen(call: Call, pk: int) -> Node:
    """A node that whoever asks may see."""
    return get_object_or_404(within(call.where()), pk=pk)


def operated(call: Call, pk: int) -> Node:
    """A node that whoever asks may operate and has read as it is; kept so until the commit."""
    get_object_or_404(within(call.where()).select_for_update(of=("self",), no_key=True), pk=pk)
    node = seen(call, pk)
    call.require(Permission.OPERATE_NODES, group=node.group_id)
    call.check_version(node, NodeShape)
    return node


class Nodes(Resource):
    """All nodes."""

    tag = "nodes"

    @operation(
        "list_nodes",
        needs=Permission.READ_FLEET,
        gives=NodeShape,
        gives_then=NodeThenShape,
        asks=NodesAsked,
        lists=True,
    )
    def get(self, call: Call) -> NodePages | PastPages:
        """List the nodes that meet every parameter, the newest first; with `at` as they were.

        A page may hold fewer rows than `limit`, even none, while `next` goes on: the search stops
        now and then so that no request takes long.
        """
        if (at := moment(call)) is not None:
            return nodes_then(call, at)
        found = find(query(call.asked), call.where(), now=timezone.now())
        meaningful(lambda: found.nodes)
        return NodePages(found)


class OneNode(Resource):
    """One node."""

    tag = "nodes"

    @operation(
        "get_node",
        needs=Permission.READ_FLEET,
        gives=NodeShape,
        gives_then=OneNodeThenShape,
        asks=ThenAsked,
    )
    def get(self, call: Call, pk: int) -> Node | VersionInterval:
        """Show a node; with `at` what it ran and heard at that time."""
        node, at = seen(call, pk), moment(call)
        return node if at is None else node_then(node, at)

    @operation(
        "change_node",
        needs=Permission.OPERATE_NODES,
        gives=NodeShape,
        takes=NodeChange,
        is_conditional=True,
    )
    def patch(self, call: Call, pk: int) -> Node:
        """Change what operators say of a node; what is left out stays as it is."""
        node = operated(call, pk)
        if "name" in call.said:
            verbs.rename(node, by=call.by, name=call.said["name"])
        return seen(call, pk)


class Holds(Resource):
    """All holds."""

    tag = "holds"

    @operation("list_holds", needs=Permission.READ_FLEET, gives=HeldNodeShape, lists=True)
    def get(self, call: Call) -> Listed[Node]:
        """List the nodes that are held, the newest node first; holds that have ended too."""
        return Listed(within(call.where()).filter(is_held=True, is_archived=False))


def refuse(where: str, words: str) -> Unprocessable:
    """A refusal of something that a body names."""
    return Unprocessable("See errors for what is wrong.", faults=[Fault(where, words)])
