"""Known holes, and which nodes have them, over the API."""

from typing import Any

from django.shortcuts import get_object_or_404
from rest_framework import serializers

from oemupdates.api.frame.call import Call, Listed
from oemupdates.api.frame.fields import Plain, Reasoned, Shape
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.domain.access import Permission
from oemupdates.models import Advisory
from oemupdates.services.security import advisories, exposure, exposure_days


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
    build = serializers.CharField(
        help_text="What nodes observed of an OEM's; empty if they did not."
    )


class PlaceShape(ImageShape):
    """An image with the hole, and the first later release that is known to clear it."""

    package = serializers.CharField()
    package_version = serializers.CharField()
    nodes = serializers.IntegerField()
    cleared_by = serializers.CharField()


class UnknownShape(ImageShape):
    """An image of which nobody can say, and why; of an OEM without a version, none is merged.

    A node with the hole by another of its images is not counted.
    """

    why = serializers.CharField()
    nodes = serializers.IntegerField()


class DayShape(Plain):
    """A day at its worst hour."""

    day = serializers.DateField()
    nodes = serializers.IntegerField()
    unknown = serializers.IntegerField()


class ExposureShape(Plain):
    """One advisory against the nodes that are seen, each once. What is `unknown` is not clean.

    `GET /nodes?exposed=CVE-...` lists the nodes, and `?exposure_unknown=CVE-...` those of which
    nobody can say. `node_days`, `since` and `days`, for a year at most, are counted of the whole
    fleet: who sees some groups alone is told null.
    """

    name = serializers.CharField()
    nodes = serializers.IntegerField()
    unknown_nodes = serializers.IntegerField()
    node_days = serializers.IntegerField(allow_null=True)
    since = serializers.DateField(allow_null=True)
    days = DayShape(many=True, allow_null=True)
    images = PlaceShape(many=True)
    unknown = UnknownShape(many=True)


def _exposure(row: Advisory, call: Call) -> dict[str, Any]:
    reach = call.where(Permission.READ_FLEET)
    looked = exposure.look(reach, only=row)
    found = looked[0] if looked else None  # a withdrawn one is held against nothing
    counted = exposure_days.days([row.pk], reach)
    days = exposure_days.history(row, reach)
    places = found.places if found else ()
    unknown = found.unknown if found else ()
    return {
        "name": row.name,
        "nodes": found.nodes if found else 0,
        "unknown_nodes": found.unknown_nodes if found else 0,
        "node_days": counted[row.pk].node_days if counted else None,
        "since": counted[row.pk].since if counted else None,
        "days": days if days is None else [day._asdict() for day in days],
        "images": [
            place.image._asdict() | place._asdict() | {"nodes": place.nodes} for place in places
        ],
        "unknown": [
            one.image._asdict() | {"why": one.image.why_unknown, "nodes": one.nodes}
            for one in unknown
        ],
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
