"""Known holes, and which nodes have them, over the API."""

from typing import Any

from django.shortcuts import get_object_or_404
from rest_framework import serializers

from oemupdates.api.call import Call, Listed
from oemupdates.api.fields import Plain, Reasoned, Shape
from oemupdates.api.operation import Resource, operation
from oemupdates.domain.access import Permission
from oemupdates.models import Advisory
from oemupdates.services import advisories, exposure, exposure_days


class AdvisoryShape(Shape):
    """One advisory; `content` is as osv.dev describes it. `is_own` if operators brought it."""

    content = serializers.DictField()

    class Meta:
        model = Advisory
        fields = ("id", "name", "modified_at", "is_own", "content")


class NewAdvisory(Reasoned):
    """An advisory in the format of osv.dev, about packages of the ecosystem Gentoo."""

    content = serializers.DictField()


class ImageShape(Plain):
    """An image: of the OS if `oem` is empty."""

    oem = serializers.CharField()
    version = serializers.CharField()
    architecture = serializers.CharField()


class PlaceShape(ImageShape):
    """An image with the hole, and the first later release that is known to clear it."""

    package = serializers.CharField()
    package_version = serializers.CharField()
    nodes = serializers.IntegerField()
    cleared_by = serializers.CharField()


class UnknownShape(ImageShape):
    """An image of which nobody can say."""

    nodes = serializers.IntegerField()


class ExposureShape(Plain):
    """One advisory against the nodes that are seen. What is `unknown` is not clean."""

    name = serializers.CharField()
    nodes = serializers.IntegerField()
    unknown_nodes = serializers.IntegerField()
    node_days = serializers.IntegerField()
    since = serializers.DateField(allow_null=True)
    images = PlaceShape(many=True)
    unknown = UnknownShape(many=True)


def _exposure(row: Advisory, call: Call) -> dict[str, Any]:
    looked = exposure.look(call.where(Permission.READ_FLEET), only=row)
    found = looked[0] if looked else None  # a withdrawn one is held against nothing
    days = exposure_days.days([row.pk])[row.pk]
    places = found.places if found else ()
    unknown = found.unknown if found else {}
    return {
        "name": row.name,
        "nodes": found.nodes if found else 0,
        "unknown_nodes": found.unknown_nodes if found else 0,
        "node_days": days.node_days,
        "since": days.since,
        "images": [
            place.image._asdict() | place._asdict() | {"nodes": place.nodes} for place in places
        ],
        "unknown": [image._asdict() | {"nodes": nodes} for image, nodes in unknown.items()],
    }


class Advisories(Resource):
    """All advisories."""

    tag = "advisories"

    @operation("list_advisories", needs=Permission.READ_FLEET, gives=AdvisoryShape, lists=True)
    def get(self, call: Call) -> Listed[Advisory]:
        """List the advisories that are known, the newest first."""
        return Listed(Advisory.objects.all())

    @operation(
        "add_advisory",
        needs=Permission.CHANGE_FLEET,
        gives=AdvisoryShape,
        takes=NewAdvisory,
        status=201,
    )
    def post(self, call: Call) -> Advisory:
        """Take an advisory, or a later one under the name of one that is here."""
        return advisories.take(call.said["content"], by=call.by, why=call.said.get("why", ""))


class OneAdvisory(Resource):
    """One advisory."""

    tag = "advisories"

    @operation("get_advisory", needs=Permission.READ_FLEET, gives=AdvisoryShape)
    def get(self, call: Call, pk: int) -> Advisory:
        """Show an advisory."""
        return get_object_or_404(Advisory, pk=pk)

    @operation("remove_advisory", needs=Permission.CHANGE_FLEET, is_conditional=True)
    def delete(self, call: Call, pk: int) -> None:
        """Forget an advisory that operators brought."""
        row = get_object_or_404(Advisory.objects.select_for_update(no_key=True), pk=pk)
        call.check_version(row, AdvisoryShape)
        advisories.remove(row, by=call.by)


class AdvisoryExposure(Resource):
    """Who has the hole."""

    tag = "advisories"

    @operation("get_exposure", needs=Permission.READ_FLEET, gives=ExposureShape)
    def get(self, call: Call, pk: int) -> dict[str, Any]:
        """Show which images have the hole, on how many nodes, and what clears it."""
        return _exposure(get_object_or_404(Advisory, pk=pk), call)
