"""Channels over the API: targets, floors and dead ends."""

from django.db import models
from django.shortcuts import get_object_or_404
from rest_framework import serializers

from oemupdates.api.fields import Asked, Shape
from oemupdates.api.operation import Call, Listed, Resource, operation
from oemupdates.api.paging import Order
from oemupdates.api.shapes import ReleaseRef
from oemupdates.domain.access import Permission
from oemupdates.models import Architecture, Channel, DeadEnd, Floor

BY_NAME = Order(("name", "architecture", "pk"), is_descending=False)


class FloorShape(Shape):
    """A release that nodes must pass on the way to any newer one of the channel, and why."""

    release = ReleaseRef()

    class Meta:
        model = Floor
        fields = ("id", "release", "reason")


class DeadEndShape(Shape):
    """A version from which the channel has no way on, and why."""

    class Meta:
        model = DeadEnd
        fields = ("id", "version", "reason")


class ChannelShape(Shape):
    """A channel: a stream of releases for one architecture; `target` is what groups should run."""

    architecture = serializers.ChoiceField(Architecture.values)
    target = ReleaseRef(allow_null=True)
    floors = FloorShape(many=True)
    dead_ends = DeadEndShape(many=True)

    class Meta:
        model = Channel
        fields = ("id", "name", "architecture", "target", "floors", "dead_ends")


class ChannelsAsked(Asked):
    """Which channels to list."""

    name = serializers.CharField(required=False, max_length=64)
    architecture = serializers.ChoiceField(Architecture.values, required=False)


def every() -> models.QuerySet[Channel]:
    """All channels, with what is shown of them."""
    return Channel.objects.select_related("target").prefetch_related(
        "floors__release", "dead_ends"
    )


class Channels(Resource):
    """All channels."""

    tag = "channels"

    @operation(
        "list_channels",
        needs=Permission.READ_FLEET,
        gives=ChannelShape,
        asks=ChannelsAsked,
        lists=True,
    )
    def get(self, call: Call) -> Listed[Channel]:
        """List the channels, by name."""
        return Listed(every().filter(**call.chosen("name", "architecture")), BY_NAME)


class OneChannel(Resource):
    """One channel."""

    tag = "channels"

    @operation("get_channel", needs=Permission.READ_FLEET, gives=ChannelShape)
    def get(self, call: Call, pk: int) -> Channel:
        """Show a channel."""
        return get_object_or_404(every(), pk=pk)
