"""What became of a node over the API, and why it hears what it hears."""

from typing import Any

from rest_framework import serializers

from oemupdates.api.frame.call import Call, Listed
from oemupdates.api.frame.choices import EVENT_MEANINGS, NODE_STATES
from oemupdates.api.frame.fields import Shape
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.frame.paging import Order
from oemupdates.api.nodes.answers import AnswerShape, PastAnswerShape, heard, read_reasons
from oemupdates.api.nodes.nodes import seen
from oemupdates.domain.access import Permission
from oemupdates.models import Answer, Event, NodeDownload, VersionInterval

LATEST = Order(("at", "pk"))


class EventShape(Shape):
    """An event that said something new: `code` without its flag bits, `flags` by name."""

    meaning = serializers.ChoiceField(EVENT_MEANINGS)

    class Meta:
        model = Event
        fields = (
            "id",
            "at",
            "meaning",
            "type",
            "result",
            "code",
            "flags",
            "version",
            "previous_version",
            "target_version",
            "boot_id",
        )


class IntervalShape(Shape):
    """What a node ran from when to when; null at the end for what it runs now."""

    class Meta:
        model = VersionInterval
        fields = (
            "id",
            "started_at",
            "ended_at",
            "version",
            "oem",
            "oem_version",
            "oem_build",
            "oem_basis",
        )


class NodeDownloadShape(Shape):
    """What a node took of a release from this server on a day, as its own URLs tell.

    `whole` are the requests that got the file's last byte, `redirected` those that were sent on to
    the bucket, and `partial` all others. With `is_boot` its initrd asked for the OEM of the
    version that it booted; its address tells that.
    """

    class Meta:
        model = NodeDownload
        fields = (
            "id",
            "version",
            "name",
            "is_boot",
            "whole",
            "partial",
            "redirected",
            "size",
            "first_at",
            "last_at",
        )


class ExplanationShape(AnswerShape):
    """Why a node hears what it hears."""

    state = serializers.ChoiceField(NODE_STATES)
    heard_at = serializers.DateTimeField(
        allow_null=True, help_text="Since when it hears this; null if it never asked."
    )
    last_seen_at = serializers.DateTimeField()


class Explanation(Resource):
    """Why a node hears what it hears."""

    tag = "nodes"

    @operation("explain_node", needs=Permission.READ_FLEET, gives=ExplanationShape)
    def get(self, call: Call, pk: int) -> dict[str, Any]:
        """Say what a node heard last, every reason for it, and what would change it."""
        node = seen(call, pk)
        since = node.answers.order_by("-at", "-pk").values_list("at", flat=True).first()
        return {
            **heard(node.answer, node.reasons),
            "state": node.state,
            "heard_at": since,
            "last_seen_at": node.last_seen_at,
        }


class Events(Resource):
    """The events of a node."""

    tag = "nodes"

    @operation("list_node_events", needs=Permission.READ_FLEET, gives=EventShape, lists=True)
    def get(self, call: Call, pk: int) -> Listed[Event]:
        """List what a node told of its updates, the latest first."""
        return Listed(seen(call, pk).events.all(), LATEST)


class Answers(Resource):
    """The answers that a node heard."""

    tag = "nodes"

    @operation("list_node_answers", needs=Permission.READ_FLEET, gives=PastAnswerShape, lists=True)
    def get(self, call: Call, pk: int) -> Listed[Answer]:
        """List what a node heard and why, the latest first: a row for each change of it."""
        return Listed(seen(call, pk).answers.all(), LATEST, read_reasons)


class Intervals(Resource):
    """What a node ran."""

    tag = "nodes"

    @operation("list_node_intervals", needs=Permission.READ_FLEET, gives=IntervalShape, lists=True)
    def get(self, call: Call, pk: int) -> Listed[VersionInterval]:
        """List what a node ran from when to when, the latest first."""
        return Listed(seen(call, pk).intervals.all(), Order(("started_at", "pk")))


class Downloads(Resource):
    """What a node took from this server."""

    tag = "nodes"

    @operation(
        "list_node_downloads", needs=Permission.READ_FLEET, gives=NodeDownloadShape, lists=True
    )
    def get(self, call: Call, pk: int) -> Listed[NodeDownload]:
        """List the payloads that a node took from URLs of its own, the latest first."""
        return Listed(NodeDownload.objects.filter(node=seen(call, pk)), Order(("last_at", "pk")))
