"""What was taken from this server over the API, of all releases together."""

from dataclasses import dataclass
from datetime import date, timedelta

from django.utils import timezone
from rest_framework import serializers

from oemupdates.api.frame.call import Call
from oemupdates.api.frame.choices import ARCHITECTURES
from oemupdates.api.frame.fields import Asked, Plain
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.domain.access import Permission
from oemupdates.models import DownloadCount
from oemupdates.models.download import DayTaken, TakenFrom

DAYS, MOST_DAYS = 30, 366
MOST_PAYLOADS = 100


class DayTakenShape(Plain):
    """What was taken of all payloads on a day on which anything was."""

    day = serializers.DateField()
    whole = serializers.IntegerField()
    partial = serializers.IntegerField()  # type: ignore[assignment] # as rows call it
    redirected = serializers.IntegerField()
    size = serializers.IntegerField()


class TakenFromShape(Plain):
    """What was taken of a payload.

    `whole` are the requests that got its last byte, `redirected` those that were sent to the
    bucket for it, and `partial` all others; `boots` are those of initrds for the OEM of the
    version that they booted.
    """

    version = serializers.CharField()
    architecture = serializers.ChoiceField(ARCHITECTURES)
    name = serializers.CharField()
    whole = serializers.IntegerField()
    partial = serializers.IntegerField()  # type: ignore[assignment] # as rows call it
    redirected = serializers.IntegerField()
    size = serializers.IntegerField()
    boots = serializers.IntegerField()


class MirrorDownloadsShape(Plain):
    """What this server sent since a day, in bytes.

    `payloads` are those of which the most was sent, the most first, 100 of them at most.
    """

    since = serializers.DateField()
    size = serializers.IntegerField()
    days = DayTakenShape(many=True)
    payloads = TakenFromShape(many=True)


class DownloadsAsked(Asked):
    """Of how many days, this one among them; of 30 by default."""

    days = serializers.IntegerField(required=False, min_value=1, max_value=MOST_DAYS)


@dataclass(frozen=True, slots=True)
class Found:
    """What was sent since a day."""

    since: date
    days: list[DayTaken]
    payloads: list[TakenFrom]

    @property
    def size(self) -> int:
        """Its bytes."""
        return sum(one.size for one in self.days)


class MirrorDownloads(Resource):
    """What nodes took from this server."""

    tag = "releases"

    @operation(
        "get_mirror_downloads",
        needs=Permission.READ_FLEET,
        gives=MirrorDownloadsShape,
        asks=DownloadsAsked,
    )
    def get(self, call: Call) -> Found:
        """Say how much this server sent lately, by day, and of which payloads the most."""
        call.require(Permission.READ_FLEET)
        number = call.asked.get("days", DAYS)
        since = timezone.now().date() - timedelta(days=number - 1)
        counts = DownloadCount.objects.since(since)
        return Found(since, counts.by_day(), counts.most_taken(MOST_PAYLOADS))
