"""Nodes over the API: found, shown, changed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import models
from django.db.models import prefetch_related_objects
from django.shortcuts import get_object_or_404
from django.utils import timezone
from rest_framework import serializers

from oemupdates.api import paging
from oemupdates.api.call import Call, Listed
from oemupdates.api.choices import ARCHITECTURES, BASES, NODE_STATES
from oemupdates.api.fields import Asked, Body, Plain, Shape, Text, Words
from oemupdates.api.operation import Resource, operation
from oemupdates.api.problems import Fault, Unprocessable
from oemupdates.api.shapes import GroupRef
from oemupdates.domain.access import Permission, Reach
from oemupdates.domain.query import EMPTY, BadQuery, Flag, Key, Query, Term, Value
from oemupdates.domain.query_parameters import PARAMETERS, read_parameters
from oemupdates.models import Node
from oemupdates.models.node_queries import BadSearch
from oemupdates.models.standing import Standing
from oemupdates.models.sysext import Sysext
from oemupdates.services import nodes as verbs
from oemupdates.services.finding import Found, find

YES = ("true", "1")
_CHUNK = 1000
T = TypeVar("T")


class HoldShape(Plain):
    """Why a node is withheld every update, by whom, and until when (null: until released)."""

    because = serializers.CharField(source="held_because")
    by = serializers.CharField(source="held_by")
    until = serializers.DateTimeField(source="held_until", allow_null=True)

    def to_representation(self, instance: Node) -> Any:
        """Nothing of a node that is not held."""
        return super().to_representation(instance) if instance.is_held else None


class LabelsOfNode(serializers.DictField):
    """The labels of a node, values by keys."""

    child = serializers.CharField()

    def to_representation(self, value: Any) -> dict[str, str]:
        """Read them from the rows that join labels to nodes."""
        return {row.key: row.label.value for row in value.all()}


class NodeShape(Shape):
    """A node: one machine as one application sees it, as it was last heard.

    `oem_version` is the OS version that its OEM sysext was built for, and `oem_basis` says how
    that is known; `birth_version` is what stock nodes report for ever.
    """

    group = GroupRef(allow_null=True)
    architecture = serializers.ChoiceField(["", *ARCHITECTURES])
    state = serializers.ChoiceField(NODE_STATES)
    oem_basis = serializers.ChoiceField(BASES)
    hold = HoldShape(source="*", allow_null=True)
    labels = LabelsOfNode(help_text="Values by keys; empty for a label that is a word alone.")

    # The rest changes by itself, and is no reason to refuse a change.
    changeable = ("name", "group", "labels", "is_archived", "hold")

    class Meta:
        model = Node
        fields = (
            "id",
            "machine_id",
            "application",
            "name",
            "alias",
            "group",
            "track",
            "architecture",
            "version",
            "target_version",
            "state",
            "is_dark",
            "is_archived",
            "is_pxe",
            "oem",
            "oem_version",
            "oem_build",
            "oem_basis",
            "birth_version",
            "aleph_version",
            "address",
            "updater",
            "hold",
            "labels",
            "answer",
            "offered_at",
            "rolled_back_version",
            "download_failures",
            "postinst_failures",
            "last_error_code",
            "last_event",
            "first_seen_at",
            "last_seen_at",
            "check_in_count",
        )


def _texts(most: int) -> serializers.ListField:
    return serializers.ListField(child=Words(max_length=most), required=False, max_length=50)


def _choices(*values: str) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.ChoiceField([value or EMPTY for value in values]),
        required=False,
        max_length=50,
    )


def _flag(words: str) -> serializers.ChoiceField:
    return serializers.ChoiceField(["true", "false", "1"], required=False, help_text=words)


class NodesAsked(Asked):
    """Which nodes to list: those that meet every parameter, by any of its values.

    `-` stands for an empty value.
    """

    q = Words(
        required=False,
        max_length=2000,
        help_text="As in the query box: `oem:azure os:<4593.2 seen:>6h group:berlin web-`.",
    )
    state = _choices(*NODE_STATES)
    group = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=10**18 - 1),
        required=False,
        max_length=50,
        help_text="Groups' ids.",
    )
    version = _texts(64)
    oem = _texts(64)
    basis = _choices(*BASES)
    architecture = _choices("", *ARCHITECTURES)
    sysext = _choices(*Sysext.values)
    oem_version = _texts(128)
    oem_build = _texts(128)
    standing = serializers.ChoiceField(
        [standing.value for standing in Standing],
        required=False,
        help_text="Against the target of one group, which `group` names.",
    )
    held = _flag("Those with a hold, or without.")
    dark = _flag("Those that fell silent, or did not.")
    unassigned = _flag("Those that belong to no group, or to one.")
    archived = _flag("Those that were put away; they are left out of any other list.")


class HeldNodeShape(Shape):
    """A node that is held, and why."""

    group = GroupRef(allow_null=True)
    hold = HoldShape(source="*")

    class Meta:
        model = Node
        fields = ("id", "machine_id", "name", "alias", "group", "version", "hold")


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
        part = self.found.page(0, size=_CHUNK)
        while part.rows or part.last:
            _complete(part.rows)
            yield part.rows
            if not part.last:
                return
            part = self.found.page(part.last, size=_CHUNK)


def _complete(nodes: list[Node]) -> None:
    """Read what is shown of nodes beside their own rows, for all of them at once."""
    prefetch_related_objects(nodes, "group", "labels__label")


def query(asked: dict[str, Any]) -> Query:
    """The query that the parameters of a URL say; `Unprocessable` if it has no meaning."""
    texts: dict[str, list[str]] = {
        name: [str(text) for text in asked[name]] for name in PARAMETERS if name in asked
    }
    for name in ("q", "standing"):
        if name in asked:
            texts[name] = [asked[name]]
    read, problems = read_parameters(texts)
    if problems:
        raise Unprocessable(" ".join(problems))
    flags = tuple(
        Term(Key.IS, (Value(flag.value),), is_negated=asked[flag.value] not in YES)
        for flag in Flag
        if flag.value in asked
    )
    return Query((*read.terms, *flags))


def meaningful(ask: Callable[[], T]) -> T:
    """What somebody asks of a query; `Unprocessable` if it names what there is not."""
    try:
        return ask()
    except (BadQuery, BadSearch) as error:
        raise Unprocessable(str(error)) from error


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
        "list_nodes", needs=Permission.READ_FLEET, gives=NodeShape, asks=NodesAsked, lists=True
    )
    def get(self, call: Call) -> NodePages:
        """List the nodes that meet every parameter, the newest first.

        A page may hold fewer rows than `limit`, even none, while `next` goes on: the search stops
        now and then so that no request takes long.
        """
        found = find(query(call.asked), call.where(), now=timezone.now())
        meaningful(lambda: found.nodes)
        return NodePages(found)


class OneNode(Resource):
    """One node."""

    tag = "nodes"

    @operation("get_node", needs=Permission.READ_FLEET, gives=NodeShape)
    def get(self, call: Call, pk: int) -> Node:
        """Show a node."""
        return seen(call, pk)

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
