"""The ways of a channel's nodes to its target over the API."""

from django.shortcuts import get_object_or_404
from rest_framework import serializers

from oemupdates.api.frame.call import Call
from oemupdates.api.frame.fields import Plain
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.domain.access import Permission
from oemupdates.models import Channel, Group
from oemupdates.services.groups.ways import Ways, walk


class StopShape(Plain):
    """A version: who is on it, what it is to the channel, and which is the next on the way."""

    version = serializers.CharField()
    nodes = serializers.IntegerField()
    stranded = serializers.IntegerField(help_text="How many of them have no way on.")
    next = serializers.CharField(help_text="Empty where there is none.")
    distance = serializers.CharField(help_text="How many updates it is from the target.")
    is_target = serializers.BooleanField()
    floor = serializers.CharField(help_text="Why it must be passed; empty if it need not.")
    dead_end = serializers.CharField(help_text="Why there is no way on; empty if there is.")


class StrandedNodesShape(Plain):
    """Nodes of one OEM that never reach the target for one reason, and the way out."""

    versions = serializers.ListField(child=serializers.CharField())
    oem = serializers.CharField()
    nodes = serializers.IntegerField()
    reason = serializers.CharField(source="words")
    would_change = serializers.CharField(source="change")


class PathsShape(Plain):
    """The versions on the way, newest first; before them who is stranded, the most nodes first."""

    stranded = StrandedNodesShape(many=True)
    stops = StopShape(many=True)


class Paths(Resource):
    """The ways of a channel's nodes."""

    tag = "channels"

    @operation("get_channel_paths", needs=Permission.READ_FLEET, gives=PathsShape)
    def get(self, call: Call, pk: int) -> Ways:
        """Walk from every version that a channel's nodes run to its target, as decisions would.

        Those are the nodes of the groups that you may see.
        """
        channel = get_object_or_404(Channel, pk=pk)
        mine = Group.objects.within(call.where()).filter(channel=channel)
        return walk(list(mine.values_list("pk", flat=True)))
