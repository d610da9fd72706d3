"""What this server hosts, over the API: the payload disk, and what may be collected from it."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from oemupdates.api.frame.call import Call, Listed
from oemupdates.api.frame.fields import Plain, Reasoned, Shape
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.releases.releases import NEWEST
from oemupdates.domain.access import Permission
from oemupdates.models import Release
from oemupdates.services.hosting import bucket, payload_disk
from oemupdates.services.upkeep import collecting


class HostedShape(Plain):
    """The payload files of one version for one board."""

    board = serializers.CharField()
    version = serializers.CharField()
    files = serializers.SerializerMethodField()
    size = serializers.IntegerField()

    def get_files(self, folder: payload_disk.HostedFolder) -> int:
        """How many files there are, with their sums."""
        return len(folder.files)


class BegunShape(Plain):
    """What a sync, an import or an upload collects, or left behind."""

    place = serializers.CharField()
    size = serializers.IntegerField()
    changed_at = serializers.DateTimeField()
    is_held = serializers.BooleanField(help_text="Whether somebody works on it now.")


class BucketShape(Plain):
    """The bucket that nodes are sent to for payloads; `size` is in bytes.

    While it does not answer, `lost_at` says since when, and nodes get payloads from this server.
    """

    hosted = serializers.IntegerField(help_text="Payloads that this server hosts.")
    stored = serializers.IntegerField(help_text="How many of them the bucket holds.")
    size = serializers.IntegerField()
    checked_at = serializers.DateTimeField(allow_null=True)
    lost_at = serializers.DateTimeField(allow_null=True)
    problem = serializers.CharField(help_text="The last failure; empty if there is none.")


class MirrorShape(Plain):
    """The payload disk, in bytes.

    `reserve` is what syncs leave free, `promised` what is still to come for those who bring files
    now.
    """

    total = serializers.IntegerField()
    free = serializers.IntegerField()
    reserve = serializers.IntegerField()
    promised = serializers.IntegerField()
    hosted = serializers.IntegerField()
    folders = HostedShape(many=True)
    begun = BegunShape(many=True)
    strange_files = serializers.SerializerMethodField(
        help_text="Files that this server did not put there; it never touches them."
    )
    bucket = serializers.SerializerMethodField(help_text="Null where there is none.")

    def get_strange_files(self, disk: payload_disk.Disk) -> int:
        """How many files are somebody else's."""
        return len(disk.strange)

    @extend_schema_field(BucketShape(allow_null=True))
    def get_bucket(self, disk: payload_disk.Disk) -> Any:
        """How the bucket stands."""
        found = bucket.standing()
        return BucketShape(found).data if found else None


class HeldShape(Shape):
    """A release that is hosted here, and what it holds of the disk."""

    files = serializers.IntegerField(source="held.files")
    size = serializers.IntegerField(source="held.size")
    missing = serializers.ListField(child=serializers.CharField(), source="held.missing")

    class Meta:
        model = Release
        fields = ("id", "version", "architecture", "files", "size", "missing")


class PieceShape(Plain):
    """Files that no release names, or work that was begun; `why` says why it goes or stays."""

    place = serializers.CharField()
    names = serializers.ListField(
        child=serializers.CharField(), help_text="Which files of it; without any, all of it."
    )
    size = serializers.IntegerField()
    goes = serializers.BooleanField()
    why = serializers.CharField()


class CollectionShape(Plain):
    """What a collection takes away, or would; `size` is in bytes."""

    size = serializers.IntegerField()
    pieces = PieceShape(many=True)


class Mirror(Resource):
    """The payload disk."""

    tag = "releases"

    @operation("get_mirror", needs=Permission.READ_FLEET, gives=MirrorShape)
    def get(self, call: Call) -> payload_disk.Disk:
        """Say what the payload disk holds, and how much room there is."""
        return payload_disk.survey()


class MirrorReleases(Resource):
    """The releases that are hosted here."""

    tag = "releases"

    @operation("list_hosted_releases", needs=Permission.READ_FLEET, gives=HeldShape, lists=True)
    def get(self, call: Call) -> Listed[Release]:
        """List what each release holds of the disk, and what of it is missing there."""
        rows = Release.objects.filter(codebase="").prefetch_related("payloads")
        return Listed(rows, NEWEST, _hold)


def _hold(rows: list[Release]) -> None:
    for row in rows:
        row.held = payload_disk.held(row)  # type: ignore[attr-defined]


class Collection(Resource):
    """What nothing names any more."""

    tag = "releases"

    @operation("plan_collection", needs=Permission.READ_FLEET, gives=CollectionShape)
    def get(self, call: Call) -> collecting.Plan:
        """Say what a collection would take away now, what it would leave, and why."""
        return collecting.plan()

    @operation(
        "collect_payloads",
        needs=Permission.CHANGE_FLEET,
        gives=CollectionShape,
        takes=Reasoned,
    )
    def post(self, call: Call) -> dict[str, Any]:
        """Take away what may go, after another look; what is shown is gone."""
        done = collecting.collect(by=call.by, why=call.said.get("why", ""))
        return {"size": done.size, "pieces": done.going}
