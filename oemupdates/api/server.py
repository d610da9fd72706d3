"""The server itself over the API: who asks, how it is, what it rejected and sampled."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from oemupdates.api.call import Call, Listed
from oemupdates.api.choices import DIMENSIONS, HEALTH_LEVELS, PERMISSIONS, ROLES
from oemupdates.api.fields import Asked, Plain, Shape, Words
from oemupdates.api.operation import Resource, operation
from oemupdates.api.paging import Order
from oemupdates.api.problems import Fault, Unprocessable
from oemupdates.domain.access import Permission
from oemupdates.domain.health import Level
from oemupdates.models import RejectedRequest, Sample
from oemupdates.models.sample import Dimension
from oemupdates.services import access, health

SERIES_DAYS, MAX_SERIES_DAYS = 30, 731


class GrantShape(Plain):
    """A role: in some groups, by their ids, or everywhere (null)."""

    role = serializers.ChoiceField(ROLES)
    groups = serializers.ListField(child=serializers.IntegerField(), allow_null=True)


class ReachShape(Plain):
    """Where a permission holds: everywhere, or in some groups, by their ids."""

    permission = serializers.ChoiceField(PERMISSIONS)
    everywhere = serializers.BooleanField()
    groups = serializers.ListField(child=serializers.IntegerField())


class MeShape(Plain):
    """Who asks, and what they may do."""

    id = serializers.IntegerField()
    username = serializers.CharField()
    token = serializers.CharField(allow_null=True, help_text="The name of the token; or null.")
    roles = GrantShape(many=True)
    permissions = ReachShape(many=True)


class Me(Resource):
    """Who asks."""

    tag = "me"

    @operation("get_me", needs=None, gives=MeShape)
    def get(self, call: Call) -> dict[str, Any]:
        """Say who you are, your roles, and what this token or session may do where."""
        roles = [
            {
                "role": grant.role.value,
                "groups": None if grant.groups is None else sorted(grant.groups),
            }
            for grant in access.grants(call.by)
        ]
        reaches = {permission: call.where(permission) for permission in Permission}
        return {
            "id": call.by.pk,
            "username": call.by.username,
            "token": getattr(call.request.auth, "name", None),
            "roles": roles,
            "permissions": [
                {
                    "permission": permission.value,
                    "everywhere": reach.is_everywhere,
                    "groups": sorted(reach.groups),
                }
                for permission, reach in reaches.items()
                if reach
            ],
        }


class PartShape(Plain):
    """One part of this server: how it is in words, and as a number in a unit."""

    name = serializers.CharField()
    level = serializers.ChoiceField(HEALTH_LEVELS)
    words = serializers.CharField()
    value = serializers.FloatField(allow_null=True)
    unit = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)


class SystemShape(Plain):
    """How this server is, part by part; `level` is that of the worst."""

    level = serializers.ChoiceField(HEALTH_LEVELS)
    parts = PartShape(many=True)


class System(Resource):
    """How this server is."""

    tag = "system"

    @operation("get_system", needs=Permission.READ_SECURITY, gives=SystemShape)
    def get(self, call: Call) -> dict[str, Any]:
        """Say how this server itself is, part by part."""
        parts = health.parts(timezone.now())
        levels = list(Level)
        worst = max((levels.index(part.level) for part in parts), default=0)
        return {"level": levels[worst], "parts": parts}


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
        wanted = call.chosen("reason", "source")
        return Listed(RejectedRequest.objects.filter(**wanted), Order(("last_at", "pk")))


class SamplesAsked(Asked):
    """What to count nodes by, and from when to when."""

    dimension = serializers.ChoiceField(DIMENSIONS)
    since = serializers.DateTimeField(required=False, help_text="30 days ago if left out.")
    until = serializers.DateTimeField(required=False, help_text="Now if left out.")
    daily = serializers.ChoiceField(
        ["true", "false"], required=False, help_text="One sample a day instead of one an hour."
    )


class SampleShape(Plain):
    """How many nodes had each value at a time."""

    at = serializers.DateTimeField()
    counts = serializers.DictField(child=serializers.IntegerField())


class SeriesShape(Plain):
    """How many nodes had each value over time, oldest first; what your groups have."""

    dimension = serializers.ChoiceField(DIMENSIONS)
    samples = SampleShape(many=True)


class Samples(Resource):
    """How the fleet was."""

    tag = "samples"

    @operation("get_samples", needs=Permission.READ_FLEET, gives=SeriesShape, asks=SamplesAsked)
    def get(self, call: Call) -> dict[str, Any]:
        """Show how many nodes had each value over time, out of the hourly samples."""
        now = timezone.now()
        until: datetime = call.asked.get("until", now)
        since: datetime = call.asked.get("since", until - timedelta(days=SERIES_DAYS))
        if until - since > timedelta(days=MAX_SERIES_DAYS):
            fault = Fault("since", f"A series is at most {MAX_SERIES_DAYS} days long.")
            raise Unprocessable("See errors for what is wrong.", faults=[fault])
        found = Sample.objects.all()
        if call.asked.get("daily") == "true":
            found = found.daily()
        dimension = Dimension(call.asked["dimension"])
        series = found.series(dimension, call.where(), since=since, until=until)
        return {
            "dimension": dimension.value,
            "samples": [{"at": at, "counts": dict(counts)} for at, counts in series],
        }
