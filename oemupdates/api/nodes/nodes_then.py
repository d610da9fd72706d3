"""Nodes over the API as they were: what they ran at a moment of the past, and what they heard."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import models
from django.utils import timezone
from rest_framework import serializers

from oemupdates.api.frame import paging
from oemupdates.api.frame.call import Call
from oemupdates.api.frame.choices import BASES
from oemupdates.api.frame.fields import Asked, Moment, Shape
from oemupdates.api.frame.parameters import AT
from oemupdates.api.frame.problems import Fault, Unprocessable
from oemupdates.api.frame.shapes import GroupRef
from oemupdates.api.nodes.answers import PastAnswerShape, read_reasons
from oemupdates.api.nodes.nodes_asked import meaningful, query
from oemupdates.models import Node, VersionInterval
from oemupdates.services.nodes import looking_back

_FIRST_YEAR = 2000
_BY_NODE = paging.Order(("node_id",))


class NodeThenShape(Shape):
    """What a node ran at a moment of the past, from when to when; null if it still does.

    Its state, group and labels of that time nobody wrote down: `group` is that of today.
    """

    id = serializers.IntegerField(source="node_id")
    machine_id = serializers.CharField(source="node.machine_id")
    application = serializers.CharField(source="node.application")
    name = serializers.CharField(source="node.name")
    alias = serializers.CharField(source="node.alias")
    group = GroupRef(source="node.group", allow_null=True)
    oem_basis = serializers.ChoiceField(BASES)

    class Meta:
        model = VersionInterval
        fields: tuple[str, ...] = (
            "id",
            "machine_id",
            "application",
            "name",
            "alias",
            "group",
            "version",
            "oem",
            "oem_version",
            "oem_build",
            "oem_basis",
            "started_at",
            "ended_at",
        )


class OneNodeThenShape(NodeThenShape):
    """What a node ran at a moment of the past, and what it heard; null if nobody kept that."""

    heard = PastAnswerShape(allow_null=True)

    class Meta(NodeThenShape.Meta):
        fields = (*NodeThenShape.Meta.fields, "heard")


class ThenAsked(Asked):
    """Which moment to look back at."""

    at = Moment(required=False, help_text="As it was at this time, instead of as it is.")


@dataclass(frozen=True, slots=True)
class PastPages:
    """What the nodes that a query means ran at a moment, page by page."""

    found: models.QuerySet[VersionInterval]

    def page(self, *, scope: str, cursor: str, limit: int) -> paging.Page[VersionInterval]:
        """A page; it may have fewer rows than there is room for while the search goes on."""
        direction, key = paging.FORWARD, [0]
        if cursor:
            direction, key = paging.read(cursor, _BY_NODE, VersionInterval, scope=scope)
        if direction == paging.BACKWARD:
            return paging.page(self.found, _BY_NODE, scope=scope, cursor=cursor, limit=limit)
        part = looking_back.page(self.found, after=key[0], size=limit)
        first = [part.rows[0].node_id] if part.rows and cursor else []
        return paging.Page(
            part.rows,
            paging.write(paging.FORWARD, [part.last], scope=scope) if part.last else "",
            paging.write(paging.BACKWARD, first, scope=scope) if first else "",
        )

    def chunks(self) -> Iterator[list[VersionInterval]]:
        """All of it, some at a time."""
        part = looking_back.page(self.found, after=0, size=paging.FIRST_ROWS)
        while part.rows or part.last:
            yield part.rows
            if not part.last:
                return
            part = looking_back.page(self.found, after=part.last, size=paging.STREAM_ROWS)


def moment(call: Call) -> datetime | None:
    """The moment of the past that is asked for, if one is; `Unprocessable` if it is none."""
    at: datetime | None = call.asked.get(AT)
    if at is None:
        return None
    if at > timezone.now():
        raise refuse("That is still to come: leave it out to see what is now.")
    if at.year < _FIRST_YEAR:
        raise refuse("No node is as old as that.")
    return at


def refuse(words: str) -> Unprocessable:
    """A refusal to look back at a moment."""
    return Unprocessable("See errors for what is wrong.", faults=[Fault(AT, words)])


def nodes_then(call: Call, at: datetime) -> PastPages:
    """The nodes that a URL means, as they were."""
    wanted = query(call.asked)
    return PastPages(meaningful(lambda: looking_back.find(at, wanted, call.where())))


def node_then(node: Node, at: datetime) -> VersionInterval:
    """A node as it was; `Unprocessable` if nobody had heard of it yet."""
    ran = looking_back.of(node, at)
    if ran is None:
        first = f"{node.first_seen_at:%Y-%m-%d at %H:%M} UTC"
        raise refuse(f"It was not heard of yet: its first check-in was on {first}.")
    heard = node.answers.filter(at__lte=at).order_by("-at", "-pk").first()
    if heard is not None:
        read_reasons([heard])
    ran.heard = heard  # type: ignore[attr-defined]
    return ran
