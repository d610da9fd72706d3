"""What a group's policy says and does, as it is or before it is, over the API."""

from typing import Any

from rest_framework import serializers

from oemupdates.api.frame.call import Call
from oemupdates.api.frame.fields import Plain
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.groups.groups import Policy, policy_said, seen
from oemupdates.domain import policy_words
from oemupdates.domain.access import Permission
from oemupdates.domain.reason import sentence
from oemupdates.models import Group
from oemupdates.services.groups import group_effects
from oemupdates.services.groups import groups as verbs


class OfferedShape(Plain):
    """How many nodes would be offered a version next."""

    version = serializers.CharField()
    nodes = serializers.IntegerField(min_value=0)


class StayingShape(Plain):
    """How many nodes would be offered nothing, and why."""

    reason = serializers.CharField()
    nodes = serializers.IntegerField(min_value=0)


class PreviewShape(Plain):
    """A group's policy in words, and what it does to the nodes that the group has.

    Switches, limits, holds and failures of single nodes are left out.
    """

    sentences = serializers.ListField(child=serializers.CharField())
    offers = OfferedShape(many=True)
    stays = StayingShape(many=True)
    there = serializers.IntegerField(min_value=0, help_text="On the target, or newer.")


class Preview(Resource):
    """What a group's policy says and does."""

    tag = "groups"

    @operation("preview_group", needs=Permission.READ_FLEET, gives=PreviewShape, takes=Policy)
    def post(self, call: Call, pk: int) -> dict[str, Any]:
        """Say what a group would do with a changed policy; nothing is changed."""
        group = seen(call, pk)
        for name, value in policy_said(call).items():
            setattr(group, name, value)
        verbs.check(group)
        return _previewed(group)


def _previewed(group: Group) -> dict[str, Any]:
    found = group_effects.effect(group)
    return {
        "sentences": policy_words.sentences(group.policy),
        "offers": [
            {"version": version, "nodes": nodes} for version, nodes in found.offers.most_common()
        ],
        "stays": [
            {"reason": sentence(reason), "nodes": nodes}
            for reason, nodes in found.stays.most_common()
        ],
        "there": found.there,
    }
