"""Changes of many nodes over the API: begun, watched, stopped, taken back."""

from typing import Any

from django.db import models
from django.shortcuts import get_object_or_404
from django.utils import timezone
from rest_framework import serializers

from oemupdates.api.frame.call import Call, Listed
from oemupdates.api.frame.choices import BULK_STATES, BULK_VERBS
from oemupdates.api.frame.fields import Body, Moment, Reasoned, Shape, Text, key
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.frame.shapes import OperatorRef
from oemupdates.api.nodes.nodes import refuse, within
from oemupdates.api.nodes.nodes_asked import meaningful
from oemupdates.domain.access import Permission
from oemupdates.domain.query import Query
from oemupdates.domain.query_reading import read
from oemupdates.models import ApiToken, BulkChange
from oemupdates.services.access import access
from oemupdates.services.finding.finding import find
from oemupdates.services.nodes import bulk as verbs

MOST_NODES = 500


class BulkShape(Shape):
    """A change of many nodes: what is done to which, and how far it has come."""

    by = OperatorRef()
    verb = serializers.ChoiceField(BULK_VERBS)
    state = serializers.ChoiceField(BULK_STATES)
    arguments = serializers.DictField(child=serializers.CharField(allow_null=True))
    refusals = serializers.DictField(
        child=serializers.IntegerField(),
        help_text="Why nodes were left as they are, and how many.",
    )
    refused_nodes = serializers.DictField(
        child=serializers.ListField(child=serializers.IntegerField()),
        help_text="The ids of the first of them, by why.",
    )

    class Meta:
        model = BulkChange
        fields = (
            "id",
            "by",
            "verb",
            "arguments",
            "why",
            "query",
            "undoes",
            "state",
            "expected",
            "done",
            "refused",
            "refusals",
            "refused_nodes",
            "created_at",
            "ended_at",
        )


class NewBulk(Reasoned):
    """What is to be done to some nodes by id, or to all that a query means."""

    verb = serializers.ChoiceField(BULK_VERBS)
    nodes = serializers.ListField(
        child=key(), required=False, min_length=1, max_length=MOST_NODES, help_text="Their ids."
    )
    query = Text(
        required=False, max_length=2000, help_text="As in the query box; what it means now."
    )
    until = Moment(required=False, allow_null=True, help_text="For hold and move.")
    group = key(required=False, help_text="For move: a group's id.")
    label = Text(  # type: ignore[assignment]
        required=False, max_length=192, help_text="For label: rack=7, or canary."
    )
    key = Text(required=False, max_length=63, help_text="For unlabel.")


def _seen(call: Call) -> models.QuerySet[BulkChange]:
    """The changes that whoever asks may see: their own, or all if they see the whole fleet.

    With a token that is limited to groups, those that it began: its owner's others may be of any.
    """
    found = BulkChange.objects.all().shown_to(call.by, call.where())
    if access.token_reach().is_everywhere:
        return found
    token = call.request.auth
    return found.begun_with(token) if isinstance(token, ApiToken) else found.none()


def _unlimited(call: Call) -> None:
    """Refuse a token that is limited to groups: the work goes on without it, as its owner."""
    if not access.token_reach().is_everywhere:
        raise access.NotAllowed("A token that is limited to groups names its nodes by id.")


def wanted(call: Call) -> verbs.Wanted:
    """What somebody wants done to which nodes; refused where they say it twice, or not at all."""
    said = call.said
    arguments: dict[str, Any] = {
        name: said[name] for name in ("group", "label", "key") if name in said
    }
    if said.get("until"):
        arguments["until"] = said["until"].isoformat()
    why = said.get("why", "")
    if ("nodes" in said) == ("query" in said):
        raise refuse("", "Name nodes, or a query, and not both.")
    if "query" in said:
        _unlimited(call)
        query: Query = meaningful(lambda: read(said["query"]))
        return verbs.Wanted(said["verb"], why, arguments, query=query)
    mine = within(call.where(Permission.OPERATE_NODES)).filter(pk__in=said["nodes"])
    if mine.count() != len(set(said["nodes"])):
        raise refuse("/nodes", "There is no node with one of these ids that you may change.")
    return verbs.Wanted(said["verb"], why, arguments, keys=said["nodes"])


class BulkChanges(Resource):
    """Changes of many nodes."""

    tag = "bulk"

    @operation("list_bulk_changes", needs=Permission.READ_FLEET, gives=BulkShape, lists=True)
    def get(self, call: Call) -> Listed[BulkChange]:
        """List the changes of many nodes, the newest first."""
        return Listed(_seen(call))

    @operation(
        "start_bulk_change",
        needs=Permission.OPERATE_NODES,
        gives=BulkShape,
        takes=NewBulk,
        status=202,
    )
    def post(self, call: Call) -> BulkChange:
        """Begin a change of many nodes; the worker does it, and `state` says when it is done."""
        asked = wanted(call)
        if "group" in call.said:
            call.require(Permission.OPERATE_NODES, group=call.said["group"])
        expected = None
        if asked.keys is None:
            reach = call.where(Permission.OPERATE_NODES)
            found = find(asked.query, reach, now=timezone.now())
            expected = meaningful(lambda: found.matching)
        return verbs.start(asked, by=call.by, expected=expected)


class OneBulkChange(Resource):
    """A change of many nodes."""

    tag = "bulk"

    @operation("get_bulk_change", needs=Permission.READ_FLEET, gives=BulkShape)
    def get(self, call: Call, pk: int) -> BulkChange:
        """Show how far a change has come."""
        return get_object_or_404(_seen(call), pk=pk)


def _own(call: Call, pk: int) -> BulkChange:
    """A change that whoever asks began, or may end as somebody who operates the whole fleet."""
    change = get_object_or_404(_seen(call), pk=pk)
    _unlimited(call)
    if change.by_id != call.by.pk:
        call.require(Permission.OPERATE_NODES)
    return change


class Stopping(Resource):
    """Ending a change of many nodes."""

    tag = "bulk"

    @operation("stop_bulk_change", needs=Permission.OPERATE_NODES, gives=BulkShape, takes=Body)
    def post(self, call: Call, pk: int) -> BulkChange:
        """End a change where it is; what was done stays done."""
        verbs.stop(_own(call, pk), by=call.by)
        return _seen(call).get(pk=pk)


class Undoing(Resource):
    """Taking a change of many nodes back."""

    tag = "bulk"

    @operation(
        "undo_bulk_change",
        needs=Permission.OPERATE_NODES,
        gives=BulkShape,
        takes=Body,
        status=202,
    )
    def post(self, call: Call, pk: int) -> BulkChange:
        """Begin to give each node back what it had before, unless it was changed since."""
        return verbs.undo(_own(call, pk), by=call.by)
