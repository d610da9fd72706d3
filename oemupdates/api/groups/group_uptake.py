"""How soon a group's nodes ran what they were to run, over the API."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers

from oemupdates.api.frame.call import Call
from oemupdates.api.frame.fields import Plain
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.groups.groups import seen
from oemupdates.domain.access import Permission
from oemupdates.services.groups import uptake


class ReachedShape(Plain):
    """The nodes of a group so many days after it got a target, by the sample of that hour."""

    days = serializers.IntegerField(min_value=1)
    at = serializers.DateTimeField(help_text="The hour of the sample.")
    nodes = serializers.IntegerField(min_value=0, help_text="All that were in the group then.")
    reached = serializers.IntegerField(
        min_value=0, help_text="Those that ran the target, or something newer."
    )
    unknown = serializers.IntegerField(
        min_value=0, help_text="Those whose version the sample sums up with other rare ones."
    )


class TargetUptakeShape(Plain):
    """A target of a group, and how it was taken; days without a sample are left out."""

    version = serializers.CharField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField(allow_null=True, help_text="null: it is the target now.")
    after = ReachedShape(many=True)


class UptakeShape(Plain):
    """The last targets of a group, the newest first."""

    targets = TargetUptakeShape(many=True)


class Uptake(Resource):
    """How soon a group's nodes ran what they were to run."""

    tag = "groups"

    @operation("get_group_uptake", needs=Permission.READ_FLEET, gives=UptakeShape)
    def get(self, call: Call, pk: int) -> dict[str, Any]:
        """Say how many of a group's nodes ran a target 1, 7, 14 and 30 days after it was set."""
        return {"targets": uptake.uptakes(seen(call, pk), timezone.now())}
