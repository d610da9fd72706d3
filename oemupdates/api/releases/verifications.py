"""Verifying announced payloads over the API."""

from django.shortcuts import get_object_or_404
from rest_framework import serializers

from oemupdates.api.frame.call import Call, Listed
from oemupdates.api.frame.choices import BUNDLE_STATES
from oemupdates.api.frame.fields import Shape
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.releases.releases import every
from oemupdates.domain.access import Permission
from oemupdates.models import Verification
from oemupdates.services.upkeep import verifying


class VerificationShape(Shape):
    """What became of reading a release's announced payloads from where nodes get them."""

    state = serializers.ChoiceField(BUNDLE_STATES)
    results = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Verification
        fields = ("id", "state", "asked_at", "ended_at", "results", "problem")


class Verifications(Resource):
    """The verifications of a release."""

    tag = "releases"

    @operation(
        "list_verifications", needs=Permission.READ_FLEET, gives=VerificationShape, lists=True
    )
    def get(self, call: Call, pk: int) -> Listed[Verification]:
        """List what became of verifying a release's announced payloads, the newest first."""
        return Listed(Verification.objects.filter(release=get_object_or_404(every(), pk=pk)))

    # Whoever may send this server to an address may also add an upstream.
    @operation("verify_release", needs=Permission.ADMINISTER, gives=VerificationShape, status=202)
    def post(self, call: Call, pk: int) -> Verification:
        """Let a worker fetch and judge what is not verified, so that it is offered."""
        return verifying.ask(get_object_or_404(every(), pk=pk), by=call.by)
