"""The systemd-sysext images of a node over the API: what it reported, beside what is known."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers

from oemupdates.api.frame.call import Call
from oemupdates.api.frame.choices import (
    BASES,
    CONFIDENCES,
    DRIFT_BASES,
    DRIFTS,
    SEVERITIES,
    WITHHELD,
)
from oemupdates.api.frame.fields import Plain
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.nodes.nodes import seen
from oemupdates.domain import sysupdate_words
from oemupdates.domain.access import Permission
from oemupdates.domain.report import Report
from oemupdates.models import ComponentPoll, Node, SysextReport
from oemupdates.services.components import node_components
from oemupdates.services.components.node_components import NodeComponent
from oemupdates.services.drift import drift
from oemupdates.services.oem import tools


class NodeOemShape(Plain):
    """The OEM as check-ins tell it: observed by the beacon, derived, or reported at birth."""

    id = serializers.CharField()
    basis = serializers.ChoiceField(BASES)
    version = serializers.CharField(help_text="The OS version that its sysext was built for.")
    build = serializers.CharField(help_text="The version of the tools inside.")
    birth_version = serializers.CharField()
    confidence = serializers.ChoiceField(
        CONFIDENCES, allow_null=True, help_text="Of what is derived; null of all else."
    )


class ExtensionShape(Plain):
    """One image: whether it is merged, as what, and where its link leads."""

    name = serializers.CharField()
    merged = serializers.BooleanField()
    version_id = serializers.CharField()
    sysext_level = serializers.CharField()
    payload_version = serializers.CharField()
    target = serializers.CharField()
    target_exists = serializers.BooleanField()


class StoredFileShape(Plain):
    """An image that is stored on the node, and its size in bytes."""

    path = serializers.CharField()
    size = serializers.IntegerField(min_value=0)


class ReportShape(Plain):
    """What the node observed of itself. A stale report was made in another boot than the last."""

    received_at = serializers.DateTimeField()
    changed_at = serializers.DateTimeField(help_text="Since when it has said the same.")
    is_stale = serializers.BooleanField()
    boot_id = serializers.CharField()
    os_version = serializers.CharField()
    os_version_id = serializers.CharField()
    board = serializers.CharField()
    oem = serializers.CharField()
    oem_release_version = serializers.CharField()
    oem_flag_active = serializers.BooleanField()
    oem_known_to_os = serializers.BooleanField()
    oem_migration_pending = serializers.BooleanField()
    enabled_sysext = serializers.ListField(child=serializers.CharField())
    extensions = ExtensionShape(many=True)
    files = StoredFileShape(many=True)


class FindingShape(Plain):
    """One thing that is to be said of a node's drift, and the way out of it."""

    drift = serializers.ChoiceField(DRIFTS)
    severity = serializers.ChoiceField(SEVERITIES)
    basis = serializers.ChoiceField(DRIFT_BASES)
    since = serializers.DateTimeField(
        allow_null=True, help_text="Since when it stands, where that is known."
    )
    sentence = serializers.CharField()
    way_out = serializers.CharField()


class ToolShape(Plain):
    """One tool that its OEM brings; without a version nobody knows which."""

    name = serializers.CharField()
    version = serializers.CharField()
    basis = serializers.ChoiceField(BASES)


class NodeComponentShape(Plain):
    """One component that the node's group wants, that it has, or that it asked for.

    `has` is the version that its last report says is selected. `wanted` is the version that it
    would install now if it had none, empty if nothing is wanted, or nothing fits. What follows
    `polled_at` is of when it asked last: `newest` is what its list began with, or the list named
    nothing for the reason `withheld`. `took` is the last version whose image it was sent.
    """

    name = serializers.CharField()
    has = serializers.CharField()
    merged = serializers.BooleanField(help_text="Whether it ran at the last report.")
    wanted = serializers.CharField()
    is_wanted = serializers.BooleanField(help_text="Whether its group wants the component.")
    polled_at = serializers.DateTimeField(allow_null=True, help_text="null: it never asked.")
    boot_id = serializers.CharField()
    os_version = serializers.CharField()
    newest = serializers.CharField()
    withheld = serializers.ChoiceField(WITHHELD, allow_null=True)
    withheld_because = serializers.CharField()
    took = serializers.CharField()
    took_at = serializers.DateTimeField(allow_null=True)


class SysextsShape(Plain):
    """The images of a node, by each way to know of them."""

    oem = NodeOemShape()
    tools = ToolShape(many=True)
    report = ReportShape(allow_null=True)
    drift = FindingShape(many=True, help_text="The class of its OEM first, then the worst.")
    components = NodeComponentShape(many=True)


class Sysexts(Resource):
    """The systemd-sysext images of a node."""

    tag = "nodes"

    @operation("get_node_sysexts", needs=Permission.READ_FLEET, gives=SysextsShape)
    def get(self, call: Call, pk: int) -> dict[str, Any]:
        """Say which images are merged, selected and stored on a node, and how that is known."""
        node = seen(call, pk)
        measured = drift.of_node(node, timezone.now())
        row, said = measured.row, measured.said
        return {
            "oem": {
                "id": node.oem,
                "basis": node.oem_basis,
                "version": node.oem_version,
                "build": node.oem_build,
                "birth_version": node.birth_version,
                "confidence": tools.confidence_of(node),
            },
            "tools": [tool._asdict() for tool in tools.of_node(node)],
            "report": _report(node, row, said) if row and said else None,
            "drift": [_finding(one) for one in measured.findings],
            "components": [_component(one) for one in node_components.of_node(node, said)],
        }


def _finding(told: drift.Told) -> dict[str, Any]:
    found = told.finding
    return {
        "drift": found.drift.value,
        "severity": found.severity.name.lower(),
        "basis": found.basis.value,
        "since": told.since,
        "sentence": found.sentence,
        "way_out": found.way_out,
    }


def _component(one: NodeComponent) -> dict[str, Any]:
    poll = one.poll or ComponentPoll()
    return {
        "name": one.name,
        "has": one.has,
        "merged": one.is_merged,
        "wanted": one.wanted,
        "is_wanted": one.is_wanted,
        "polled_at": poll.polled_at,
        "boot_id": poll.boot_id,
        "os_version": poll.os_version,
        "newest": poll.newest,
        "withheld": poll.withheld or None,
        "withheld_because": sysupdate_words.withheld(poll.withheld),
        "took": poll.took,
        "took_at": poll.took_at,
    }


def _report(node: Node, row: SysextReport, said: Report) -> dict[str, Any]:
    return said._asdict() | {
        "received_at": row.received_at,
        "changed_at": row.changed_at,
        "is_stale": not said.is_of_boot(node.boot_id),
        "extensions": [one._asdict() for one in said.extensions],
        "files": [one._asdict() for one in said.files],
    }
