"""What channels and releases mean for nodes, over the API: numbers, previews and gaps."""

from typing import Any

from django.shortcuts import get_object_or_404
from rest_framework import serializers

from oemupdates.api.frame.call import Call
from oemupdates.api.frame.fields import Asked, Plain
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.frame.problems import Fault, Unprocessable
from oemupdates.api.groups import channels
from oemupdates.api.releases import releases
from oemupdates.domain.access import Permission
from oemupdates.domain.reason import sentence
from oemupdates.models import NodeCount, Release
from oemupdates.services.groups.following import following
from oemupdates.services.groups.retargeting import preview
from oemupdates.services.oem import oem_gaps
from oemupdates.services.releases.comparing import Change, compare, compare_packages, compare_tools


class NumbersShape(Plain):
    """The three numbers of a group that follows a channel."""

    id = serializers.IntegerField(help_text="The group's id.")
    name = serializers.CharField()
    on_target = serializers.IntegerField(min_value=0)
    in_progress = serializers.IntegerField(min_value=0)
    behind = serializers.IntegerField(min_value=0)


class ChannelSummaryShape(Plain):
    """How far the nodes of a channel are, in the groups that you may see."""

    target = serializers.CharField(allow_null=True)
    since = serializers.DateTimeField(
        allow_null=True, help_text="When somebody set the target; null if nobody ever did."
    )
    on_target = serializers.IntegerField(min_value=0)
    in_progress = serializers.IntegerField(min_value=0)
    behind = serializers.IntegerField(min_value=0)
    groups = NumbersShape(many=True)


class PreviewedGroupShape(Plain):
    """What the nodes of one group would come to, by their versions and OEMs alone."""

    id = serializers.IntegerField(help_text="The group's id.")
    name = serializers.CharField()
    direct = serializers.IntegerField(min_value=0, help_text="Nodes that get it at once.")
    by_floor = serializers.IntegerField(min_value=0, help_text="Nodes that pass a floor first.")
    there = serializers.IntegerField(min_value=0, help_text="Nodes that run it, or a newer one.")
    stranded = serializers.IntegerField(min_value=0, help_text="Nodes that never get there.")


class PreviewedFloorShape(Plain):
    """A floor before the release, and the nodes that must still pass it."""

    version = serializers.CharField()
    nodes = serializers.IntegerField(min_value=0)


class StrandedShape(Plain):
    """Nodes of one OEM that would never get there, and why."""

    oem = serializers.CharField()
    reason = serializers.CharField()
    nodes = serializers.IntegerField(min_value=0)


class TargetPreviewShape(Plain):
    """What would follow if a channel aimed at a release."""

    obstacle = serializers.CharField(help_text="Why it cannot be the target; empty if it can.")
    unverified = serializers.ListField(
        child=serializers.CharField(), help_text="Its payloads that are not verified."
    )
    groups = PreviewedGroupShape(many=True)
    floors = PreviewedFloorShape(many=True)
    stranded = StrandedShape(many=True)


class PreviewAsked(Asked):
    """Which target to try."""

    release = serializers.IntegerField(
        min_value=1, max_value=2**63 - 1, help_text="A release's id."
    )


class GapShape(Plain):
    """Nodes of an OEM that need a payload which the release does not have."""

    oem = serializers.CharField()
    payload = serializers.CharField()
    nodes = serializers.IntegerField(min_value=0)
    is_dropped = serializers.BooleanField(help_text="Whether Flatcar builds it no more.")


class ReleaseSummaryShape(Plain):
    """What a release is to the nodes that you may see."""

    nodes = serializers.IntegerField(min_value=0, help_text="Nodes that run it.")
    gaps = GapShape(many=True)


class CompareAsked(Asked):
    """With which release to compare."""

    other = serializers.IntegerField(min_value=1, max_value=2**63 - 1, help_text="A release's id.")


class DifferenceShape(Plain):
    """A payload of either release."""

    name = serializers.CharField()
    change = serializers.ChoiceField([change.value for change in Change])
    grown = serializers.IntegerField(help_text="By how many bytes it grew.")


class PackageDifferenceShape(Plain):
    """A package of an image and its versions: none where that release's image lacks it."""

    image = serializers.CharField()
    name = serializers.CharField()
    before = serializers.ListField(child=serializers.CharField())
    after = serializers.ListField(child=serializers.CharField())


class ToolDifferenceShape(Plain):
    """A tool of an OEM whose version differs; empty where it is not known, or not there."""

    oem = serializers.CharField()
    tool = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()


class ComparisonShape(Plain):
    """What is in a release and not in another one of its architecture."""

    payloads = DifferenceShape(many=True)
    tools = ToolDifferenceShape(many=True)
    packages = PackageDifferenceShape(
        many=True, help_text="Those that differ, of images whose lists of packages are here."
    )


class ChannelSummary(Resource):
    """The numbers of a channel."""

    tag = "channels"

    @operation("get_channel_summary", needs=Permission.READ_FLEET, gives=ChannelSummaryShape)
    def get(self, call: Call, pk: int) -> dict[str, Any]:
        """Count a channel's nodes on target, in progress and behind, by group."""
        channel = get_object_or_404(channels.every(), pk=pk)
        found = following([channel], call.where())[pk]
        numbers = found.numbers
        return {
            "target": channel.target.version if channel.target else None,
            "since": found.move.at if found.move else None,
            "on_target": numbers.on_target,
            "in_progress": numbers.in_progress,
            "behind": numbers.behind,
            "groups": [
                {
                    "id": group.pk,
                    "name": group.name,
                    "on_target": one.on_target,
                    "in_progress": one.in_progress,
                    "behind": one.behind,
                }
                for group, one in found.groups
            ],
        }


class TargetPreview(Resource):
    """What a new target would do."""

    tag = "channels"

    @operation(
        "preview_channel_target",
        needs=Permission.READ_FLEET,
        gives=TargetPreviewShape,
        asks=PreviewAsked,
    )
    def get(self, call: Call, pk: int) -> dict[str, Any]:
        """Walk every version of a channel's nodes to a release, as decisions would."""
        channel = get_object_or_404(channels.every(), pk=pk)
        release = channels.release_of(call.asked["release"])
        found = preview(channel, release, call.where())
        return {
            "obstacle": found.obstacle,
            "unverified": found.unverified,
            "groups": [
                {
                    "id": one.group.pk,
                    "name": one.group.name,
                    "direct": one.direct,
                    "by_floor": one.by_floor,
                    "there": one.there,
                    "stranded": one.stranded,
                }
                for one in found.groups
            ],
            "floors": [
                {"version": one.floor.release.version, "nodes": one.nodes} for one in found.floors
            ],
            "stranded": [
                {
                    "oem": one.oem,
                    "reason": sentence(one.reason),
                    "nodes": one.versions.total(),
                }
                for one in found.stranded
            ],
        }


class ReleaseSummary(Resource):
    """What a release is to nodes."""

    tag = "releases"

    @operation("get_release_summary", needs=Permission.READ_FLEET, gives=ReleaseSummaryShape)
    def get(self, call: Call, pk: int) -> dict[str, Any]:
        """Count the nodes that run a release, and those whose OEM it has no payload for."""
        release = get_object_or_404(releases.every(), pk=pk)
        reach = call.where()
        names = set(release.payloads.values_list("name", flat=True))
        cells = NodeCount.objects.within(reach).of(
            {"version": [release.version], "architecture": [release.architecture]}
        )
        return {
            "nodes": sum(number for _version, number in cells.by("version")),
            "gaps": [
                {
                    "oem": gap.oem,
                    "payload": gap.payload,
                    "nodes": gap.nodes,
                    "is_dropped": gap.is_dropped,
                }
                for gap in oem_gaps.read(reach).gaps(release, names)
            ],
        }


class ReleaseComparison(Resource):
    """A release beside another."""

    tag = "releases"

    @operation(
        "compare_releases", needs=Permission.READ_FLEET, gives=ComparisonShape, asks=CompareAsked
    )
    def get(self, call: Call, pk: int) -> dict[str, Any]:
        """Compare the payloads of another release with those of this one."""
        release = get_object_or_404(releases.every(), pk=pk)
        other = Release.objects.filter(
            pk=call.asked["other"],
            application=release.application_id,
            architecture=release.architecture,
        ).first()
        if other is None:
            faults = [Fault("?other", "There is no such release of the same architecture.")]
            raise Unprocessable("See errors for what is wrong.", faults=faults)
        return {
            "payloads": [
                {"name": one.name, "change": one.change.value, "grown": one.grown}
                for one in compare(other, release)
            ],
            "tools": compare_tools(other, release),
            "packages": [
                {"image": one.image, "name": one.name, "before": one.before, "after": one.after}
                for one in compare_packages(other, release)
            ],
        }
