"""Groups over the API."""

from typing import Any

from django.db import models
from django.shortcuts import get_object_or_404
from rest_framework import serializers

from oemupdates.api.frame.call import Call, Listed
from oemupdates.api.frame.choices import ARCHITECTURES, PAYLOAD_SOURCES
from oemupdates.api.frame.fields import (
    Asked,
    Body,
    Flag,
    Plain,
    Reasoned,
    Shape,
    Text,
    Whole,
    Words,
    key,
)
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.frame.paging import Order
from oemupdates.api.frame.problems import Fault, Unprocessable
from oemupdates.api.frame.shapes import ApplicationRef, ChannelRef
from oemupdates.domain.access import Permission, Reach
from oemupdates.models import FLATCAR, Application, Channel, Group
from oemupdates.models.standing import standings
from oemupdates.services.groups import groups as verbs
from oemupdates.services.shared.configuration import changing

BY_NAME = Order(("name", "architecture", "pk"), is_descending=False)


class GroupShape(Shape):
    """A group: the operator's division of the fleet; nodes ask for it by its track."""

    application = ApplicationRef()
    channel = ChannelRef(allow_null=True)
    architecture = serializers.ChoiceField(ARCHITECTURES)
    payload_source = serializers.ChoiceField(PAYLOAD_SOURCES)

    class Meta:
        model = Group
        fields = (
            "id",
            "uuid",
            "application",
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
            "payload_source",
            "has_node_urls",
        )


class SummaryShape(Plain):
    """Where the nodes of a group stand against its channel's target, counted as they change."""

    target = serializers.CharField(help_text="The version to reach; empty if there is none.")
    nodes = serializers.IntegerField(min_value=0)
    on_target = serializers.IntegerField(min_value=0)
    in_progress = serializers.IntegerField(min_value=0)
    behind = serializers.IntegerField(min_value=0)


class GroupsAsked(Asked):
    """Which groups to list."""

    name = Words(required=False, max_length=64)
    track = Words(required=False, max_length=256)
    architecture = serializers.ChoiceField(ARCHITECTURES, required=False)


class Policy(Body):
    """What may be said of a group; what is left out stays as it is."""

    name = Text(required=False, max_length=64)
    track = Text(required=False, max_length=256)
    description = Text(required=False, allow_blank=True, max_length=500)
    channel = key(required=False, allow_null=True, help_text="A channel's id; null for none.")
    needs_oem_payload = Flag(required=False)
    offers_own_oem_only = Flag(required=False)
    poll_interval_seconds = Whole(required=False, min_value=0, max_value=2**31 - 1)
    dark_after_seconds = Whole(required=False, min_value=0, max_value=2**31 - 1)
    max_postinst_failures = Whole(required=False, min_value=0, max_value=2**15 - 1)
    max_download_failures = Whole(required=False, min_value=0, max_value=2**15 - 1)
    max_under_way = Whole(
        required=False,
        allow_null=True,
        min_value=0,
        max_value=2**31 - 1,
        help_text="null: no limit",
    )
    payload_source = serializers.ChoiceField(PAYLOAD_SOURCES, required=False)
    has_node_urls = Flag(required=False)


class NewGroup(Policy):
    """A group to be made; its name is its track too, unless one is given."""

    name = Text(max_length=64)
    architecture = serializers.ChoiceField(ARCHITECTURES)
    application = serializers.UUIDField(
        required=False, help_text="Which application its nodes ask for; Flatcar if left out."
    )


class GroupChange(Policy):
    """What is to be changed of a group, and why."""

    why = Text(required=False, allow_blank=True, max_length=500)


class Switch(Reasoned):
    """Whether a group's nodes are let update."""

    on = Flag()


def within(reach: Reach) -> models.QuerySet[Group]:
    """The groups that somebody may see."""
    found = Group.objects.select_related("application", "channel__target")
    return found if reach.is_everywhere else found.filter(pk__in=reach.groups)


def seen(call: Call, pk: int) -> Group:
    """A group that whoever asks may see."""
    return get_object_or_404(within(call.where()), pk=pk)


def policy_said(call: Call) -> dict[str, Any]:
    """What was said of a group, with its channel instead of the channel's key."""
    policy = {name: value for name, value in call.said.items() if name in Policy().fields}
    if policy.get("channel") is not None:
        policy["channel"] = Channel.objects.filter(pk=policy["channel"]).first()
        if policy["channel"] is None:
            faults = [Fault("/channel", "There is no channel with this id.")]
            raise Unprocessable("See errors for what is wrong.", faults=faults)
    return policy


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

    @operation(
        "create_group",
        needs=Permission.CHANGE_FLEET,
        gives=GroupShape,
        takes=NewGroup,
        status=201,
        within=changing,
    )
    def post(self, call: Call) -> Group:
        """Make a group."""
        wanted = call.said.get("application", FLATCAR)
        application = Application.objects.filter(uuid=wanted).first()
        if application is None:
            faults = [Fault("/application", "There is no application with this UUID.")]
            raise Unprocessable("See errors for what is wrong.", faults=faults)
        made = verbs.create(
            application, architecture=call.said["architecture"], by=call.by, **policy_said(call)
        )
        return seen(call, made.pk)


class OneGroup(Resource):
    """One group."""

    tag = "groups"

    @operation("get_group", needs=Permission.READ_FLEET, gives=GroupShape)
    def get(self, call: Call, pk: int) -> Group:
        """Show a group."""
        return seen(call, pk)

    @operation(
        "change_group",
        needs=Permission.OPERATE_GROUPS,
        gives=GroupShape,
        takes=GroupChange,
        is_conditional=True,
        within=changing,
    )
    def patch(self, call: Call, pk: int) -> Group:
        """Change a group's policy; what is left out stays as it is."""
        group = seen(call, pk)
        call.require(Permission.OPERATE_GROUPS, group=pk)
        call.check_version(group)
        verbs.edit(group, by=call.by, why=call.said.get("why", ""), **policy_said(call))
        return seen(call, pk)

    @operation(
        "delete_group",
        needs=Permission.CHANGE_FLEET,
        is_conditional=True,
        within=changing,
    )
    def delete(self, call: Call, pk: int) -> None:
        """Take away a group that has no nodes."""
        group = seen(call, pk)
        call.check_version(group, GroupShape)
        verbs.delete(group, by=call.by)


class Summary(Resource):
    """The three numbers of a group."""

    tag = "groups"

    @operation("get_group_summary", needs=Permission.READ_FLEET, gives=SummaryShape)
    def get(self, call: Call, pk: int) -> dict[str, Any]:
        """Count a group's nodes on target, in progress and behind."""
        target = seen(call, pk).target_version
        found = standings({pk: target})[pk]
        return {
            "target": target,
            "nodes": found.nodes,
            "on_target": found.on_target,
            "in_progress": found.in_progress,
            "behind": found.behind,
        }


class Updates(Resource):
    """Whether a group's nodes are let update."""

    tag = "groups"

    @operation(
        "switch_group_updates",
        needs=Permission.OPERATE_GROUPS,
        gives=GroupShape,
        takes=Switch,
        within=changing,
    )
    def post(self, call: Call, pk: int) -> Group:
        """Switch a group's updates on, or off."""
        group = seen(call, pk)
        call.require(Permission.OPERATE_GROUPS, group=pk)
        call.check_version(group)
        verbs.switch_updates(group, on=call.said["on"], by=call.by, why=call.said.get("why", ""))
        return seen(call, pk)
