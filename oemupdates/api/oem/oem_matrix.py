"""What runs where over the API: nodes by OEM and OS version, with the version of the tools."""

from typing import Any

from rest_framework import serializers

from oemupdates.api.frame.call import Call
from oemupdates.api.frame.choices import BASES, DRIFTS, SEVERITIES
from oemupdates.api.frame.fields import Plain
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.oem.drifts import DriftAsked
from oemupdates.domain.access import Permission
from oemupdates.domain.drift_facts import Drift
from oemupdates.domain.drift_words import MEANINGS, severity
from oemupdates.models import NodeCount
from oemupdates.services.oem import oem_cells
from oemupdates.services.oem.oem_cells import FirstTools, Sums

MOST_CELLS = 1000


class CellToolShape(Plain):
    """The first tool of an OEM, and in which version the most nodes of a cell have it.

    Nothing names it for an OEM that is not in the catalogue.
    """

    name = serializers.CharField()
    version = serializers.CharField(help_text="Empty where it is not known.")
    basis = serializers.ChoiceField(BASES)


class CellDriftShape(Plain):
    """Nodes of a cell in one class of their OEM's drift."""

    drift = serializers.ChoiceField(DRIFTS)
    severity = serializers.ChoiceField(SEVERITIES)
    nodes = serializers.IntegerField()


class OemCellShape(Plain):
    """The nodes of one OEM on one OS version."""

    oem = serializers.CharField()
    version = serializers.CharField()
    nodes = serializers.IntegerField()
    observed = serializers.IntegerField(help_text="Of them, those a beacon or a report told of.")
    tool = CellToolShape(
        allow_null=True, help_text="Null where the OEM is configuration only, or not known."
    )
    build = serializers.CharField(
        help_text="The build that the most of them were seen with; empty where none was."
    )
    drift = CellDriftShape(many=True, help_text="The worst first.")


class OemMatrixShape(Plain):
    """What runs where, the cells with the most nodes first; `more` nodes are in none of them."""

    cells = OemCellShape(many=True)
    more = serializers.IntegerField()


class OemMatrix(Resource):
    """OEMs by OS versions."""

    tag = "oem"

    @operation(
        "get_oem_matrix", needs=Permission.READ_FLEET, gives=OemMatrixShape, asks=DriftAsked
    )
    def get(self, call: Call) -> dict[str, Any]:
        """Count nodes by OEM and OS version; the nodes themselves: `/nodes?oem=&version=`."""
        counters = NodeCount.objects.within(call.where()).of(call.chosen("oem", "group"))
        sums = oem_cells.read(counters).cells
        ranked = sorted(sums, key=lambda key: (-sums[key].nodes, key))
        first = FirstTools({version for _oem, version in ranked[:MOST_CELLS]})
        return {
            "cells": [_cell(*key, sums[key], first) for key in ranked[:MOST_CELLS]],
            "more": sum(sums[key].nodes for key in ranked[MOST_CELLS:]),
        }


def _cell(oem: str, version: str, found: Sums, first: FirstTools) -> dict[str, Any]:
    tool = first.of(oem, version, found)
    worst = sorted(filter(None, found.drifts), key=lambda drift: (-severity(drift), drift))
    return {
        "oem": oem,
        "version": version,
        "nodes": found.nodes,
        "observed": found.observed,
        "tool": tool._asdict() if tool.name or tool.version else None,
        "build": found.build,
        "drift": [
            {
                "drift": drift,
                "severity": MEANINGS[Drift(drift)].severity.name.lower(),
                "nodes": found.drifts[drift],
            }
            for drift in worst
        ],
    }
