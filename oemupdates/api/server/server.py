"""The server itself over the API: who asks, how it is, what it sampled."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from oemupdates.api.frame.call import Call
from oemupdates.api.frame.choices import DIMENSIONS, HEALTH_LEVELS, PERMISSIONS, ROLES
from oemupdates.api.frame.fields import Asked, Plain
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.frame.problems import Fault, Unprocessable
from oemupdates.domain.access import Permission
from oemupdates.domain.health import Level
from oemupdates.models import Sample
from oemupdates.models.sample import Dimension
from oemupdates.services.access import access
from oemupdates.services.server import clock, health
from oemupdates.services.shared import heartbeats

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


class ClockTaskShape(Plain):
    """Something that the clock does: in how many seconds again, when last, what it found."""

    name = serializers.CharField()
    words = serializers.CharField()
    seconds = serializers.IntegerField()
    last_at = serializers.DateTimeField(source="beat.at", default=None, allow_null=True)
    found = serializers.IntegerField(source="beat.found", default=None, allow_null=True)
    total = serializers.IntegerField(source="beat.total", default=None, allow_null=True)
    is_late = serializers.BooleanField()


class VersionShape(Plain):
    """Something that this server is made of."""

    name = serializers.CharField()
    version = serializers.CharField()


class SystemShape(Plain):
    """How this server is, part by part; `level` is that of the worst."""

    level = serializers.ChoiceField(HEALTH_LEVELS)
    parts = PartShape(many=True)
    clock = ClockTaskShape(many=True)
    versions = VersionShape(many=True)


class System(Resource):
    """How this server is."""

    tag = "system"

    @operation("get_system", needs=Permission.READ_SECURITY, gives=SystemShape)
    def get(self, call: Call) -> dict[str, Any]:
        """Say how this server itself is, what the clock did, and what it is made of."""
        now = timezone.now()
        parts = health.parts(now)
        levels = list(Level)
        worst = max((levels.index(part.level) for part in parts), default=0)
        return {
            "level": levels[worst],
            "parts": parts,
            "clock": clock.works(now, heartbeats.seen()),
            "versions": [{"name": name, "version": text} for name, text in health.versions()],
        }


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
