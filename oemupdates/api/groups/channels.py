"""Channels over the API: targets, floors and dead ends."""

from django.db import models
from django.shortcuts import get_object_or_404
from rest_framework import serializers

from oemupdates.api.frame.call import Call, Listed
from oemupdates.api.frame.choices import ARCHITECTURES
from oemupdates.api.frame.fields import Asked, Body, Reasoned, Shape, Text, Words, key
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.frame.paging import Order
from oemupdates.api.frame.problems import Fault, Unprocessable
from oemupdates.api.frame.shapes import ApplicationRef, ReleaseRef
from oemupdates.domain.access import Permission
from oemupdates.models import (
    FLATCAR,
    Application,
    Channel,
    DeadEnd,
    Floor,
    Release,
)
from oemupdates.services.groups import channels as verbs
from oemupdates.services.shared.configuration import changing

BY_NAME = Order(("name", "architecture", "pk"), is_descending=False)
BY_ID = Order(("pk",), is_descending=False)


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

    application = ApplicationRef()
    architecture = serializers.ChoiceField(ARCHITECTURES)
    target = ReleaseRef(allow_null=True)
    floors = FloorShape(many=True)
    dead_ends = DeadEndShape(many=True)

    class Meta:
        model = Channel
        fields = ("id", "application", "name", "architecture", "target", "floors", "dead_ends")


class ChannelsAsked(Asked):
    """Which channels to list."""

    name = Words(required=False, max_length=64)
    architecture = serializers.ChoiceField(ARCHITECTURES, required=False)


class NewChannel(Body):
    """A channel to be made, of Flatcar's OS."""

    name = Text(max_length=64)
    architecture = serializers.ChoiceField(ARCHITECTURES)


class ChannelChange(Reasoned):
    """What a channel is to be called."""

    name = Text(max_length=64)


class Target(Reasoned):
    """What a channel's groups should run."""

    release = key(allow_null=True, help_text="A release's id; null for no target.")


class NewFloor(Body):
    """A release to be passed, and why."""

    release = key(help_text="A release's id.")
    reason = Text(max_length=500)


class NewDeadEnd(Body):
    """A version without a way on, and why."""

    version = Text(max_length=64)
    reason = Text(max_length=500)


def every() -> models.QuerySet[Channel]:
    """All channels, with what is shown of them."""
    return Channel.objects.select_related("application", "target").prefetch_related(
        "floors__release", "dead_ends"
    )


def release_of(pk: int) -> Release:
    """The release that a request names; refused where there is none."""
    found = Release.objects.filter(pk=pk).first()
    if found is None:
        faults = [Fault("/release", "There is no release with this id.")]
        raise Unprocessable("See errors for what is wrong.", faults=faults)
    return found


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

    @operation(
        "create_channel",
        needs=Permission.CHANGE_FLEET,
        gives=ChannelShape,
        takes=NewChannel,
        status=201,
        within=changing,
    )
    def post(self, call: Call) -> Channel:
        """Make a channel."""
        flatcar = Application.objects.get(uuid=FLATCAR)
        return every().get(pk=verbs.create(flatcar, by=call.by, **call.said).pk)


class OneChannel(Resource):
    """One channel."""

    tag = "channels"

    @operation("get_channel", needs=Permission.READ_FLEET, gives=ChannelShape)
    def get(self, call: Call, pk: int) -> Channel:
        """Show a channel."""
        return get_object_or_404(every(), pk=pk)

    @operation(
        "rename_channel",
        needs=Permission.CHANGE_FLEET,
        gives=ChannelShape,
        takes=ChannelChange,
        is_conditional=True,
        within=changing,
    )
    def patch(self, call: Call, pk: int) -> Channel:
        """Call a channel otherwise; its groups follow it as before."""
        channel = get_object_or_404(every(), pk=pk)
        call.check_version(channel)
        verbs.rename(channel, call.said["name"], by=call.by, why=call.said.get("why", ""))
        return every().get(pk=pk)

    @operation(
        "delete_channel",
        needs=Permission.CHANGE_FLEET,
        is_conditional=True,
        within=changing,
    )
    def delete(self, call: Call, pk: int) -> None:
        """Take away a channel that no group follows, its floors and dead ends too."""
        channel = get_object_or_404(every(), pk=pk)
        call.check_version(channel, ChannelShape)
        verbs.delete(channel, by=call.by)


class ChannelTarget(Resource):
    """The target of a channel."""

    tag = "channels"

    @operation(
        "set_channel_target",
        needs=Permission.CHANGE_FLEET,
        gives=ChannelShape,
        takes=Target,
        is_conditional=True,
        within=changing,
    )
    def put(self, call: Call, pk: int) -> Channel:
        """Set what a channel's groups should run, or that they have no target."""
        channel = get_object_or_404(every(), pk=pk)
        call.check_version(channel)
        why = call.said.get("why", "")
        if call.said["release"] is None:
            verbs.clear_target(channel, by=call.by, why=why)
        else:
            verbs.set_target(channel, release_of(call.said["release"]), by=call.by, why=why)
        return every().get(pk=pk)


class Floors(Resource):
    """The floors of a channel."""

    tag = "channels"

    @operation("list_floors", needs=Permission.READ_FLEET, gives=FloorShape, lists=True)
    def get(self, call: Call, pk: int) -> Listed[Floor]:
        """List the floors of a channel."""
        channel = get_object_or_404(Channel, pk=pk)
        return Listed(channel.floors.select_related("release"), BY_ID)

    @operation(
        "add_floor",
        needs=Permission.CHANGE_FLEET,
        gives=FloorShape,
        takes=NewFloor,
        status=201,
        within=changing,
    )
    def post(self, call: Call, pk: int) -> Floor:
        """Make nodes pass a release on the way to any newer one."""
        channel = get_object_or_404(Channel, pk=pk)
        release, because = release_of(call.said["release"]), call.said["reason"]
        return verbs.add_floor(channel, release, by=call.by, because=because)


class OneFloor(Resource):
    """One floor of a channel."""

    tag = "channels"

    @operation("remove_floor", needs=Permission.CHANGE_FLEET, within=changing)
    def delete(self, call: Call, pk: int, floor: int) -> None:
        """Let nodes pass a release by again."""
        found = Floor.objects.select_related("channel", "release")
        verbs.remove_floor(get_object_or_404(found, pk=floor, channel=pk), by=call.by)


class DeadEnds(Resource):
    """The dead ends of a channel."""

    tag = "channels"

    @operation("list_dead_ends", needs=Permission.READ_FLEET, gives=DeadEndShape, lists=True)
    def get(self, call: Call, pk: int) -> Listed[DeadEnd]:
        """List the dead ends of a channel."""
        return Listed(get_object_or_404(Channel, pk=pk).dead_ends.all(), BY_ID)

    @operation(
        "add_dead_end",
        needs=Permission.CHANGE_FLEET,
        gives=DeadEndShape,
        takes=NewDeadEnd,
        status=201,
        within=changing,
    )
    def post(self, call: Call, pk: int) -> DeadEnd:
        """Offer nothing to nodes of a version that has no way on."""
        channel = get_object_or_404(Channel, pk=pk)
        version, because = call.said["version"], call.said["reason"]
        return verbs.add_dead_end(channel, version, by=call.by, because=because)


class OneDeadEnd(Resource):
    """One dead end of a channel."""

    tag = "channels"

    @operation("remove_dead_end", needs=Permission.CHANGE_FLEET, within=changing)
    def delete(self, call: Call, pk: int, dead_end: int) -> None:
        """Let nodes of a version go on again."""
        found = DeadEnd.objects.select_related("channel")
        verbs.remove_dead_end(get_object_or_404(found, pk=dead_end, channel=pk), by=call.by)
