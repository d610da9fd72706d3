"""What the update endpoint refused, over the API: line by line, and summed up."""

from typing import Any

from rest_framework import serializers

from oemupdates.api.frame.call import Call, Listed
from oemupdates.api.frame.fields import Asked, Plain, Shape, Words
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.frame.paging import Order
from oemupdates.domain.access import Permission
from oemupdates.models import RejectedRequest
from oemupdates.services.checkins import rejected_sums


class RejectedShape(Shape):
    """How often a source was refused for a reason on a day, and the last of it, redacted."""

    class Meta:
        model = RejectedRequest
        fields = (
            "id",
            "day",
            "reason",
            "source",
            "times",
            "first_at",
            "last_at",
            "detail",
            "sample",
        )


class RejectedAsked(Asked):
    """Which rejected requests to list."""

    reason = Words(required=False, max_length=32)
    source = Words(required=False, max_length=64)  # type: ignore[assignment]
    day = serializers.DateField(required=False, help_text="Such as 2026-11-24, in UTC.")


class RejectedReasonShape(Plain):
    """A reason, how often it was met lately, by how many sources, and when last."""

    reason = serializers.CharField()
    times = serializers.IntegerField()
    sources = serializers.IntegerField()
    last_at = serializers.DateTimeField()


class AskedTrackShape(Plain):
    """A track that no group has, and how many nodes without a group ask for it."""

    track = serializers.CharField()
    architecture = serializers.CharField()
    nodes = serializers.IntegerField()


class RejectedSummaryShape(Plain):
    """What was refused lately by reason, and what nodes ask for that there is not."""

    reasons = RejectedReasonShape(many=True)
    tracks = AskedTrackShape(many=True)


class Rejected(Resource):
    """Rejected requests."""

    tag = "rejected"

    @operation(
        "list_rejected",
        needs=Permission.READ_RAW,
        gives=RejectedShape,
        asks=RejectedAsked,
        lists=True,
    )
    def get(self, call: Call) -> Listed[RejectedRequest]:
        """List what the update endpoint refused, the latest first."""
        call.require(Permission.READ_RAW)
        wanted = call.chosen("reason", "source", "day")
        return Listed(RejectedRequest.objects.filter(**wanted), Order(("last_at", "pk")))


class RejectedSummary(Resource):
    """Rejected requests by reason."""

    tag = "rejected"

    @operation("sum_up_rejected", needs=Permission.READ_RAW, gives=RejectedSummaryShape)
    def get(self, call: Call) -> dict[str, Any]:
        """Sum up what was refused lately, and the tracks that nodes without a group ask for."""
        call.require(Permission.READ_RAW)
        return {
            "reasons": rejected_sums.reasons(),
            "tracks": rejected_sums.tracks(),
        }
