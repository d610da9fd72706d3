"""How nodes are shown over the API."""

from typing import Any

from rest_framework import serializers

from oemupdates.api.frame.choices import ARCHITECTURES, BASES, DRIFT_BASES, DRIFTS, NODE_STATES
from oemupdates.api.frame.fields import Plain, Shape
from oemupdates.api.frame.shapes import GroupRef
from oemupdates.models import Node


class HoldShape(Plain):
    """Why a node is withheld every update, by whom, and until when (null: until released)."""

    because = serializers.CharField(source="held_because")
    by = serializers.CharField(source="held_by")
    until = serializers.DateTimeField(source="held_until", allow_null=True)

    def to_representation(self, instance: Node) -> Any:
        """Nothing of a node that is not held."""
        return super().to_representation(instance) if instance.is_held else None


class LabelsOfNode(serializers.DictField):
    """The labels of a node, values by keys."""

    child = serializers.CharField()

    def to_representation(self, value: Any) -> dict[str, str]:
        """Read them from the rows that join labels to nodes."""
        return {row.key: row.label.value for row in value.all()}


class DriftsOfNode(serializers.ListField):
    """The classes of a node's drift."""

    child = serializers.ChoiceField(DRIFTS)

    def to_representation(self, data: Any) -> list[str]:
        """Take the column apart."""
        return str(data).split()


class NodeShape(Shape):
    """A node: one machine as one application sees it, as it was last heard.

    `oem_version` is the OS version that its OEM sysext was built for, and `oem_basis` says how
    that is known; `birth_version` is what stock nodes report for ever. `drift` has the class of
    its OEM first, then whatever else was found of it, but for how its OS stands to its target.
    """

    group = GroupRef(allow_null=True)
    architecture = serializers.ChoiceField(["", *ARCHITECTURES])
    state = serializers.ChoiceField(NODE_STATES)
    oem_basis = serializers.ChoiceField(BASES)
    drift = DriftsOfNode(help_text="Classes of drift; none while the node was not measured.")
    drift_basis = serializers.ChoiceField(["", *DRIFT_BASES])
    hold = HoldShape(source="*", allow_null=True)
    labels = LabelsOfNode(help_text="Values by keys; empty for a label that is a word alone.")

    # The rest changes by itself, and is no reason to refuse a change.
    changeable = ("name", "group", "labels", "is_archived", "hold")

    class Meta:
        model = Node
        fields = (
            "id",
            "machine_id",
            "application",
            "name",
            "alias",
            "group",
            "track",
            "architecture",
            "version",
            "target_version",
            "state",
            "is_dark",
            "is_archived",
            "is_pxe",
            "oem",
            "oem_version",
            "oem_build",
            "oem_basis",
            "birth_version",
            "aleph_version",
            "drift",
            "drift_basis",
            "drift_at",
            "state_at",
            "reset_at",
            "address",
            "updater",
            "hold",
            "labels",
            "answer",
            "offered_at",
            "rolled_back_version",
            "download_failures",
            "postinst_failures",
            "last_error_code",
            "last_event",
            "first_seen_at",
            "last_seen_at",
            "check_in_count",
        )


class HeldNodeShape(Shape):
    """A node that is held, and why."""

    group = GroupRef(allow_null=True)
    hold = HoldShape(source="*")

    class Meta:
        model = Node
        fields = ("id", "machine_id", "name", "alias", "group", "version", "hold")
