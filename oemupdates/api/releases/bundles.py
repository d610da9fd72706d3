"""Bundles over the API: made, uploaded, verified and taken in."""

from contextlib import nullcontext, suppress
from typing import Any

from django.shortcuts import get_object_or_404
from rest_framework import serializers

from oemupdates.api.frame import reading
from oemupdates.api.frame.call import Call, Listed
from oemupdates.api.frame.choices import BUNDLE_STATES
from oemupdates.api.frame.fields import Asked, Body, Flag, Plain, Shape, Text, key
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.frame.problems import Fault, Unprocessable
from oemupdates.domain.access import Permission
from oemupdates.domain.bundle import fingerprint
from oemupdates.models import BundleImport, Release
from oemupdates.services.carrying import bundle_keys, bundle_links, bundle_runs
from oemupdates.services.carrying.bundles import Choice

_BYTES = "application/octet-stream"
_MOST = 200


class FoundShape(Plain):
    """A bundle that lies in the folder of this server."""

    name = serializers.CharField()
    size = serializers.IntegerField()


class BundlesShape(Plain):
    """The key that signs here, empty where none was made, and what lies here to be taken in."""

    key = serializers.CharField()
    public_key = serializers.CharField(help_text="What the other side needs, as PEM.")
    found = FoundShape(many=True)


class BundleShape(Plain):
    """A bundle that can be downloaded for a day by whoever has its address."""

    name = serializers.CharField()
    size = serializers.IntegerField()
    url = serializers.CharField()
    contents = serializers.ListField(child=serializers.CharField())
    remarks = serializers.ListField(child=serializers.CharField())


class BundleImportShape(Shape):
    """What became of a bundle; one that `is_check` was only read."""

    state = serializers.ChoiceField(BUNDLE_STATES)
    results = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = BundleImport
        fields = (
            "id",
            "name",
            "size",
            "is_check",
            "is_upload",
            "state",
            "asked_at",
            "ended_at",
            "results",
            "problem",
        )


def _names(**given: Any) -> serializers.ListField:
    return serializers.ListField(
        child=Text(max_length=100), required=False, max_length=_MOST, **given
    )


class BundleBody(Body):
    """What a bundle shall hold: all OEMs and extensions without a list, none by an empty one.

    `running` are versions that nodes over there run, whose OEM and extension payloads come too.
    """

    releases = serializers.ListField(child=key(), min_length=1, max_length=_MOST)
    oems = _names(allow_null=True)
    extensions = _names(allow_null=True)
    running = _names()


class ImportBody(Body):
    """Which bundle of this server's folder; `is_check` lets it only be read."""

    name = Text(max_length=255)
    is_check = Flag(required=False)


class ImportsAsked(Asked):
    """Which imports to list."""

    state = serializers.ChoiceField(BUNDLE_STATES, required=False)


class UploadAsked(Asked):
    """Whether the bundle is only to be read."""

    is_check = serializers.BooleanField(required=False)


class Bundles(Resource):
    """Releases carried to, or brought from, where there is no network."""

    tag = "bundles"

    @operation("get_bundles", needs=Permission.READ_FLEET, gives=BundlesShape)
    def get(self, call: Call) -> dict[str, Any]:
        """Show the key that signs here, and the bundles that lie in this server's folder."""
        name = public = ""
        with suppress(bundle_keys.NoKey):
            own = bundle_keys.signing()
            name, public = fingerprint(own.public_key()), bundle_keys.public_pem(own)
        return {"key": name, "public_key": public, "found": bundle_runs.found()}

    @operation(
        "make_bundle",
        needs=Permission.CHANGE_FLEET,
        gives=BundleShape,
        takes=BundleBody,
        is_secret=True,
    )
    def post(self, call: Call) -> dict[str, Any]:
        """Sign a bundle of releases; its address needs no log-in, and answers for a day."""
        wanted = dict.fromkeys(call.said["releases"])
        rows = Release.objects.select_related("application").in_bulk(list(wanted))
        if unknown := [str(one) for one in wanted if one not in rows]:
            fault = Fault("/releases", f"There is no release {', '.join(unknown)}.")
            raise Unprocessable("See errors for what is wrong.", faults=[fault])
        oems, extensions = (
            None if call.said.get(name) is None else frozenset(call.said[name])
            for name in ("oems", "extensions")
        )
        running = call.said.get("running", ())
        choice = Choice([rows[one] for one in wanted], oems, extensions, running)
        address, planned = bundle_links.make(choice, by=call.by)
        return {
            "name": planned.name,
            "size": planned.size,
            "url": call.request.build_absolute_uri(address),
            "contents": list(bundle_runs.contents(planned.manifest)),
            "remarks": planned.remarks,
        }


class Imports(Resource):
    """Bundles on their way in."""

    tag = "bundles"

    @operation(
        "list_bundle_imports",
        needs=Permission.READ_FLEET,
        gives=BundleImportShape,
        asks=ImportsAsked,
        lists=True,
    )
    def get(self, call: Call) -> Listed[BundleImport]:
        """List what became of bundles, the newest first."""
        return Listed(BundleImport.objects.filter(**call.chosen("state")))

    @operation(
        "import_bundle",
        needs=Permission.CHANGE_FLEET,
        gives=BundleImportShape,
        takes=ImportBody,
        status=202,
    )
    def post(self, call: Call) -> BundleImport:
        """Let a worker take in, or only verify, a bundle of this server's folder."""
        return bundle_runs.ask_found(by=call.by, **call.said)


class OneImport(Resource):
    """One bundle on its way in."""

    tag = "bundles"

    @operation("get_bundle_import", needs=Permission.READ_FLEET, gives=BundleImportShape)
    def get(self, call: Call, pk: int) -> BundleImport:
        """Show what became of a bundle."""
        return get_object_or_404(BundleImport, pk=pk)


class Uploading(Resource):
    """Bringing a bundle."""

    tag = "bundles"

    # The file is written before anything is: no transaction waits for it.
    @operation(
        "upload_bundle",
        needs=Permission.CHANGE_FLEET,
        gives=BundleImportShape,
        takes_file=_BYTES,
        asks=UploadAsked,
        within=nullcontext,
        status=202,
    )
    def put(self, call: Call, name: str) -> BundleImport:
        """Bring a bundle as the body, for a worker to take in, or only to verify."""
        left = reading.length_of(call.request, _BYTES)
        with bundle_runs.upload(left) as path:
            try:
                reading.keep(call.request, left, path)
                is_check = call.asked.get("is_check", False)
                return bundle_runs.ask_uploaded(name, path, is_check=is_check, by=call.by)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
