"""The fleet in numbers over the API, now and at a moment of the past."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rest_framework import serializers

from oemupdates.api.frame.call import Call
from oemupdates.api.frame.fields import Plain
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.nodes.nodes_then import ThenAsked, moment, refuse
from oemupdates.domain.access import Permission
from oemupdates.models import Dimension, Sample
from oemupdates.models.sample import Counts
from oemupdates.models.sysext import Sysext
from oemupdates.services.counters import fleet, samples

_NUMBERS = ("nodes", "reporting", "dark", "under_way", "failing", "unassigned")


class OemNumbersShape(Plain):
    """The nodes of an OEM, and how their sysexts stand to their OS."""

    oem = serializers.CharField()
    nodes = serializers.IntegerField()
    same = serializers.IntegerField()
    different = serializers.IntegerField()
    not_merged = serializers.IntegerField()
    unknown = serializers.IntegerField()


class OverviewShape(Plain):
    """The nodes of your groups in numbers; what is beyond the most common is under `others`."""

    at = serializers.DateTimeField(
        allow_null=True, help_text="When the sample was taken that this is; null for what is now."
    )
    sentence = serializers.CharField()
    nodes = serializers.IntegerField()
    reporting = serializers.IntegerField()
    dark = serializers.IntegerField()
    under_way = serializers.IntegerField()
    failing = serializers.IntegerField()
    unassigned = serializers.IntegerField()
    states = serializers.DictField(child=serializers.IntegerField())
    versions = serializers.DictField(child=serializers.IntegerField())
    oems = OemNumbersShape(many=True)


class Overview(Resource):
    """The fleet in numbers."""

    tag = "overview"

    @operation("get_overview", needs=Permission.READ_FLEET, gives=OverviewShape, asks=ThenAsked)
    def get(self, call: Call) -> dict[str, Any]:
        """Say how the fleet is, or with `at` how it was in the last sample up to that time."""
        reach = call.where()
        at = moment(call)
        if at is None:
            groups = None if reach.is_everywhere else reach.groups
            return _numbers(None, samples.now_within(groups))
        found = Sample.objects.as_of(at, reach)
        if found is None:
            raise refuse("No sample had been taken yet.")
        return _numbers(*found)


def _numbers(at: datetime | None, counts: Mapping[Any, Counts]) -> dict[str, Any]:
    by_name = {str(name): values for name, values in counts.items()}
    found = fleet.of_sample(by_name)
    return {
        "at": at,
        "sentence": f"{found.sentence}.",
        **{name: getattr(found, name) for name in _NUMBERS},
        "states": dict(found.states),
        "versions": dict(by_name[Dimension.VERSION]),
        "oems": [
            {"oem": oem, "nodes": by.total(), **{one.value: by[one.value] for one in Sysext}}
            for oem, by in fleet.oems_of_sample(by_name)
        ],
    }
