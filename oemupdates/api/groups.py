"""Groups over the API."""

from django.db import models
from django.shortcuts import get_object_or_404
from rest_framework import serializers

from oemupdates.api.fields import Asked, Shape
from oemupdates.api.operation import Call, Listed, Resource, operation
from oemupdates.api.paging import Order
from oemupdates.api.shapes import ChannelRef
from oemupdates.domain.access import Permission, Reach
from oemupdates.models import Architecture, Group

BY_NAME = Order(("name", "architecture", "pk"), is_descending=False)


class GroupShape(Shape):
    """A group: the operator's division of the fleet; nodes ask for it by its track."""

    channel = ChannelRef()
    architecture = serializers.ChoiceField(Architecture.values)

    class Meta:
        model = Group
        fields = (
            "id",
            "uuid",
            "name",
            "architecture",
            "track",
            "description",
            "channel",
            "updates_enabled",
            "needs_oem_payload",
            "offers_own_oem_only",
            "poll_interval_seconds",
            "dark_after_seconds",
            "max_postinst_failures",
            "max_download_failures",
            "max_under_way",
        )


class GroupsAsked(Asked):
    """Which groups to list."""

    name = serializers.CharField(required=False, max_length=64)
    track = serializers.CharField(required=False, max_length=256)
    architecture = serializers.ChoiceField(Architecture.values, required=False)


def within(reach: Reach) -> models.QuerySet[Group]:
    """The groups that somebody may see."""
    found = Group.objects.select_related("channel")
    return found if reach.is_everywhere else found.filter(pk__in=reach.groups)


class Groups(Resource):
    """All groups."""

    tag = "groups"

    @operation(
        "list_groups", needs=Permission.READ_FLEET, gives=GroupShape, asks=GroupsAsked, lists=True
    )
    def get(self, call: Call) -> Listed[Group]:
        """List the groups, by name."""
        wanted = call.chosen("name", "track", "architecture")
        return Listed(within(call.where()).filter(**wanted), BY_NAME)


class OneGroup(Resource):
    """One group."""

    tag = "groups"

    @operation("get_group", needs=Permission.READ_FLEET, gives=GroupShape)
    def get(self, call: Call, pk: int) -> Group:
        """Show a group."""
        return get_object_or_404(within(call.where()), pk=pk)
