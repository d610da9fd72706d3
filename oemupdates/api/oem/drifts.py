"""Drift over the API: how many nodes are out of step in which way, and since when a node is."""

from typing import Any

from rest_framework import serializers

from oemupdates.api.frame.call import Call, Listed
from oemupdates.api.frame.choices import DRIFT_BASES, DRIFTS, SEVERITIES
from oemupdates.api.frame.fields import Asked, Plain, Shape, Words
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.frame.paging import Order
from oemupdates.api.nodes.nodes import seen
from oemupdates.domain.access import Permission
from oemupdates.domain.drift_facts import Basis, Drift
from oemupdates.domain.drift_words import MEANINGS
from oemupdates.models import DriftInterval, DriftPass
from oemupdates.services.drift import drift_counts


class DriftAsked(Asked):
    """Which nodes to count; all of yours if nothing is asked."""

    oem = serializers.ListField(child=Words(max_length=64), required=False, max_length=50)
    group = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=10**18 - 1),
        required=False,
        max_length=50,
        help_text="Groups' ids.",
    )


class BasesShape(Plain):
    """Nodes by how the class of their OEM is known."""

    report = serializers.IntegerField()
    beacon = serializers.IntegerField()
    derived = serializers.IntegerField()


class DriftClassShape(Plain):
    """One class of drift, how bad it is, and on how many nodes it is found."""

    drift = serializers.ChoiceField(DRIFTS)
    severity = serializers.ChoiceField(SEVERITIES)
    label = serializers.CharField()  # type: ignore[assignment] # a field, which the metaclass takes away
    way_out = serializers.CharField()
    nodes = serializers.IntegerField()
    bases = BasesShape(help_text="All 0 of a class that is not about the OEM.")


class FleetDriftShape(Plain):
    """The drift of your nodes by class: a node has one for its OEM, and may have others."""

    measured_at = serializers.DateTimeField(
        allow_null=True, help_text="When all nodes were last measured; null while that goes on."
    )
    unmeasured = serializers.IntegerField(help_text="Nodes that were not measured yet.")
    classes = DriftClassShape(many=True)


class DriftIntervalShape(Shape):
    """From when to when something was found of a node that needs somebody, and what ended it."""

    drift = serializers.ChoiceField(DRIFTS)
    basis = serializers.ChoiceField(["", *DRIFT_BASES])

    class Meta:
        model = DriftInterval
        fields = ("id", "drift", "basis", "opened_at", "closed_at", "closed_by")


class Drifts(Resource):
    """The drift of the fleet."""

    tag = "drift"

    @operation("get_drift", needs=Permission.READ_FLEET, gives=FleetDriftShape, asks=DriftAsked)
    def get(self, call: Call) -> dict[str, Any]:
        """Count nodes by class of drift, from the counters; the nodes themselves: `?drift=`."""
        found = drift_counts.count(call.where(), call.chosen("oem", "group"))
        newest = DriftPass.objects.order_by("-pk").first()
        return {
            "measured_at": newest.ended_at if newest else None,
            "unmeasured": found.unmeasured,
            "classes": [_class(drift, found) for drift in Drift],
        }


def _class(drift: Drift, found: drift_counts.Counts) -> dict[str, Any]:
    meaning = MEANINGS[drift]
    bases = found.bases[drift.value]
    return {
        "drift": drift.value,
        "severity": meaning.severity.name.lower(),
        "label": meaning.label,
        "way_out": meaning.way_out,
        "nodes": found.nodes[drift.value],
        "bases": {
            basis.value: bases[basis.value]
            for basis in (Basis.REPORT, Basis.BEACON, Basis.DERIVED)
        },
    }


class NodeDrifts(Resource):
    """The drift of a node over time."""

    tag = "nodes"

    @operation(
        "list_node_drifts", needs=Permission.READ_FLEET, gives=DriftIntervalShape, lists=True
    )
    def get(self, call: Call, pk: int) -> Listed[DriftInterval]:
        """List what of a node needed somebody, from when to when, the latest first."""
        return Listed(seen(call, pk).drifts.all(), Order(("opened_at", "pk")))
