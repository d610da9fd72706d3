"""Upstreams over the API: where releases come from, and which channels follow."""

from dataclasses import fields, replace

from django.db import models
from django.shortcuts import get_object_or_404
from rest_framework import serializers

from oemupdates.api.frame.call import Call, Listed
from oemupdates.api.frame.choices import UPSTREAM_KINDS, UPSTREAM_POLICIES
from oemupdates.api.frame.fields import Body, Flag, Shape, Text, Whole
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.groups.groups import Switch
from oemupdates.domain.access import Permission
from oemupdates.models import Channel, Subscription, Upstream
from oemupdates.services.sync import upstreams as verbs
from oemupdates.services.sync.upstreams import Terms

_TERMS = [field.name for field in fields(Terms)]


class UpstreamShape(Shape):
    """Another server that releases come from, and how far it is believed."""

    kind = serializers.ChoiceField(UPSTREAM_KINDS)
    policy = serializers.ChoiceField(UPSTREAM_POLICIES)

    changeable = (*_TERMS, "is_enabled")

    class Meta:
        model = Upstream
        fields = ("id", *_TERMS, "is_enabled", "machine_id")


class SubscriptionShape(Shape):
    """A channel that follows an upstream, and how its syncs go."""

    channel = serializers.IntegerField(source="channel_id")

    class Meta:
        model = Subscription
        fields = ("id", "channel", "track", "next_run_at", "last_success_at", "failures")


class UpstreamChange(Body):
    """What is to be changed of an upstream; what is left out stays as it is."""

    name = Text(required=False, max_length=64)
    kind = serializers.ChoiceField(UPSTREAM_KINDS, required=False)
    address = Text(required=False, allow_blank=True, max_length=500)
    release_server = Text(required=False, allow_blank=True, max_length=500)
    images_server = Text(required=False, allow_blank=True, max_length=500)
    feed = Text(required=False, allow_blank=True, max_length=500)
    ca_file = Text(required=False, allow_blank=True, max_length=500)
    proxy = Text(required=False, allow_blank=True, max_length=500)
    policy = serializers.ChoiceField(UPSTREAM_POLICIES, required=False)
    needs_signature = Flag(required=False)
    needs_inside = Flag(required=False)
    interval_minutes = Whole(required=False, min_value=1, max_value=7 * 24 * 60)


class ReasonedUpstreamChange(UpstreamChange):
    """The same, and why."""

    why = Text(required=False, allow_blank=True, max_length=500)


class NewUpstream(UpstreamChange):
    """An upstream to be added; addresses that its kind says may be left out."""

    name = Text(max_length=64)
    kind = serializers.ChoiceField(UPSTREAM_KINDS)


class Follower(Body):
    """A channel that is to follow, and its name over there if it differs."""

    channel = Whole(min_value=1)
    track = Text(required=False, allow_blank=True, max_length=64)


def one_upstream(pk: int, *, lock: bool = False) -> Upstream:
    """An upstream by its key."""
    rows: models.QuerySet[Upstream] = Upstream.objects.all()
    return get_object_or_404(rows.select_for_update(no_key=True) if lock else rows, pk=pk)


class Upstreams(Resource):
    """All upstreams."""

    tag = "upstreams"

    @operation("list_upstreams", needs=Permission.READ_FLEET, gives=UpstreamShape, lists=True)
    def get(self, call: Call) -> Listed[Upstream]:
        """List the upstreams, the newest first."""
        return Listed(Upstream.objects.all())

    @operation(
        "add_upstream",
        needs=Permission.ADMINISTER,
        gives=UpstreamShape,
        takes=NewUpstream,
        status=201,
        is_dangerous=True,
    )
    def post(self, call: Call) -> Upstream:
        """Add an upstream; nothing is asked of it before a channel follows it."""
        return verbs.add(Terms(**call.said), by=call.by)


class OneUpstream(Resource):
    """One upstream."""

    tag = "upstreams"

    @operation("get_upstream", needs=Permission.READ_FLEET, gives=UpstreamShape)
    def get(self, call: Call, pk: int) -> Upstream:
        """Show an upstream."""
        return one_upstream(pk)

    @operation(
        "change_upstream",
        needs=Permission.ADMINISTER,
        gives=UpstreamShape,
        takes=ReasonedUpstreamChange,
        is_conditional=True,
        is_dangerous=True,
    )
    def patch(self, call: Call, pk: int) -> Upstream:
        """Change how an upstream is reached, or how far it is believed."""
        upstream = one_upstream(pk, lock=True)
        call.check_version(upstream)
        said = {name: value for name, value in call.said.items() if name != "why"}
        now = Terms(**{name: getattr(upstream, name) for name in _TERMS})
        why = call.said.get("why", "")
        return verbs.edit(upstream, replace(now, **said), by=call.by, why=why)

    @operation(
        "delete_upstream", needs=Permission.ADMINISTER, is_conditional=True, is_dangerous=True
    )
    def delete(self, call: Call, pk: int) -> None:
        """Remove an upstream with its runs and proposals; releases from it stay."""
        upstream = one_upstream(pk, lock=True)
        call.check_version(upstream, UpstreamShape)
        verbs.remove(upstream, by=call.by)


class Switching(Resource):
    """Whether an upstream is asked for anything."""

    tag = "upstreams"

    @operation("switch_upstream", needs=Permission.ADMINISTER, gives=UpstreamShape, takes=Switch)
    def post(self, call: Call, pk: int) -> Upstream:
        """Switch an upstream on, or off."""
        return verbs.switch(one_upstream(pk), by=call.by, **call.said)


class Followers(Resource):
    """The channels that follow an upstream."""

    tag = "upstreams"

    @operation("list_followers", needs=Permission.READ_FLEET, gives=SubscriptionShape, lists=True)
    def get(self, call: Call, pk: int) -> Listed[Subscription]:
        """List the channels that follow an upstream, and how their syncs go."""
        return Listed(one_upstream(pk).subscriptions.all())

    @operation(
        "follow_upstream",
        needs=Permission.CHANGE_FLEET,
        gives=SubscriptionShape,
        takes=Follower,
        status=201,
    )
    def post(self, call: Call, pk: int) -> Subscription:
        """Let a channel get its releases from an upstream."""
        channel = get_object_or_404(Channel, pk=call.said["channel"])
        track = call.said.get("track", "")
        return verbs.subscribe(one_upstream(pk), channel, track=track, by=call.by)


class Unfollowing(Resource):
    """Following no longer."""

    tag = "upstreams"

    @operation("unfollow_upstream", needs=Permission.CHANGE_FLEET, gives=UpstreamShape)
    def post(self, call: Call, pk: int, subscription: int) -> Upstream:
        """Let a channel get no more releases from an upstream."""
        rows = Subscription.objects.select_related("upstream", "channel")
        found = get_object_or_404(rows, pk=subscription, upstream=pk)
        verbs.unsubscribe(found.upstream, found.channel, by=call.by)
        return found.upstream
