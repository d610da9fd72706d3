"""Syncs over the API: asked for, watched, cancelled, and decided on."""

from django.shortcuts import get_object_or_404
from rest_framework import serializers

from oemupdates.api.frame.call import Call, Listed
from oemupdates.api.frame.choices import PROPOSAL_STATES, SYNC_STATES
from oemupdates.api.frame.fields import Asked, Body, Flag, Reasoned, Shape, Text, Whole
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.sync.upstreams import one_upstream
from oemupdates.domain.access import Permission
from oemupdates.models import Channel, Proposal, SyncRun
from oemupdates.services.sync import proposals, sync_runs


class SyncRunShape(Shape):
    """One look at an upstream for a channel: how far it is, and what it came to in words."""

    upstream = serializers.IntegerField(source="upstream_id")
    channel = serializers.IntegerField(source="channel_id")
    state = serializers.ChoiceField(SYNC_STATES)
    changes = serializers.ListField(child=serializers.CharField())
    remarks = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = SyncRun
        fields = (
            "id",
            "upstream",
            "channel",
            "version",
            "is_dry",
            "state",
            "asked_at",
            "started_at",
            "ended_at",
            "doing",
            "files_done",
            "files_total",
            "bytes_done",
            "bytes_total",
            "changes",
            "remarks",
            "problem",
        )


class ProposalShape(Shape):
    """A release that a channel might move to, and what was decided."""

    upstream = serializers.IntegerField(source="upstream_id")
    channel = serializers.IntegerField(source="channel_id")
    release = serializers.IntegerField(source="release_id")
    state = serializers.ChoiceField(PROPOSAL_STATES)

    class Meta:
        model = Proposal
        fields = ("id", "upstream", "channel", "release", "state", "made_at", "decided_at")


class SyncAsked(Body):
    """What is to be fetched: what a channel is offered, or a version; dry runs only say so."""

    channel = Whole(min_value=1)
    version = Text(required=False, max_length=64)
    is_dry = Flag(required=False)


class RunsAsked(Asked):
    """Which runs to list."""

    state = serializers.ChoiceField(SYNC_STATES, required=False)


class ProposalsAsked(Asked):
    """Which proposals to list."""

    state = serializers.ChoiceField(PROPOSAL_STATES, required=False)


def _run(pk: int) -> SyncRun:
    return get_object_or_404(SyncRun.objects.select_related("upstream", "channel"), pk=pk)


def _proposal(pk: int) -> Proposal:
    rows = Proposal.objects.select_related("upstream", "channel", "release")
    return get_object_or_404(rows, pk=pk)


class Syncing(Resource):
    """Fetching from an upstream."""

    tag = "upstreams"

    @operation(
        "sync_upstream",
        needs=Permission.CHANGE_FLEET,
        gives=SyncRunShape,
        takes=SyncAsked,
        status=202,
    )
    def post(self, call: Call, pk: int) -> SyncRun:
        """Fetch for a channel now, or one version by its number; a worker does it."""
        said = dict(call.said)
        channel = get_object_or_404(Channel, pk=said.pop("channel"))
        return sync_runs.ask(one_upstream(pk), channel, by=call.by, **said)


class SyncRuns(Resource):
    """All runs."""

    tag = "upstreams"

    @operation(
        "list_sync_runs",
        needs=Permission.READ_FLEET,
        gives=SyncRunShape,
        asks=RunsAsked,
        lists=True,
    )
    def get(self, call: Call) -> Listed[SyncRun]:
        """List the runs, the newest first."""
        return Listed(SyncRun.objects.filter(**call.chosen("state")))


class OneSyncRun(Resource):
    """One run."""

    tag = "upstreams"

    @operation("get_sync_run", needs=Permission.READ_FLEET, gives=SyncRunShape)
    def get(self, call: Call, pk: int) -> SyncRun:
        """Show how far a run is, and what it came to."""
        return _run(pk)


class Cancelling(Resource):
    """Cancelling a run."""

    tag = "upstreams"

    @operation(
        "cancel_sync_run", needs=Permission.CHANGE_FLEET, gives=SyncRunShape, takes=Reasoned
    )
    def post(self, call: Call, pk: int) -> SyncRun:
        """End a run within seconds; what it fetched is kept for the next."""
        sync_runs.cancel(_run(pk), by=call.by, **call.said)
        return _run(pk)


class Proposals(Resource):
    """All proposals."""

    tag = "upstreams"

    @operation(
        "list_proposals",
        needs=Permission.READ_FLEET,
        gives=ProposalShape,
        asks=ProposalsAsked,
        lists=True,
    )
    def get(self, call: Call) -> Listed[Proposal]:
        """List the releases that were proposed, the newest first."""
        return Listed(Proposal.objects.filter(**call.chosen("state")))


class Accepting(Resource):
    """Accepting a proposal."""

    tag = "upstreams"

    @operation(
        "accept_proposal", needs=Permission.CHANGE_FLEET, gives=ProposalShape, takes=Reasoned
    )
    def post(self, call: Call, pk: int) -> Proposal:
        """Move the channel to the proposed release, with its floors."""
        proposals.accept(_proposal(pk), by=call.by, **call.said)
        return _proposal(pk)


class Dismissing(Resource):
    """Dismissing a proposal."""

    tag = "upstreams"

    @operation(
        "dismiss_proposal", needs=Permission.CHANGE_FLEET, gives=ProposalShape, takes=Reasoned
    )
    def post(self, call: Call, pk: int) -> Proposal:
        """Leave the channel where it is; the release is not proposed again."""
        proposals.dismiss(_proposal(pk), by=call.by, **call.said)
        return _proposal(pk)
