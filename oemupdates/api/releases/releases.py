"""Releases over the API."""

from contextlib import nullcontext

from django.db import models
from django.shortcuts import get_object_or_404
from rest_framework import serializers

from oemupdates.api.frame import reading
from oemupdates.api.frame.call import Call, Listed
from oemupdates.api.frame.choices import ARCHITECTURES
from oemupdates.api.frame.fields import Asked, Body, Reasoned, Shape, Text, Words
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.frame.paging import Order
from oemupdates.api.frame.problems import Fault, Unprocessable
from oemupdates.api.frame.shapes import ApplicationRef
from oemupdates.domain.access import Permission
from oemupdates.models import DownloadCount, Package, Payload, Release
from oemupdates.services.hosting.payload_files import BadPayload
from oemupdates.services.releases import release_additions as additions
from oemupdates.services.releases import release_removal
from oemupdates.services.releases import releases as verbs
from oemupdates.services.releases.releases import CannotImport
from oemupdates.services.shared.configuration import changing

NEWEST = Order(("order", "architecture", "pk"))
BY_NAME = Order(("name", "pk"), is_descending=False)
_BYTES = "application/octet-stream"


class ReleaseShape(Shape):
    """A release: an OS version as published for one architecture.

    `codebase` is where another host serves its payloads; empty if this server does.
    `origins` are the URLs below which syncs found the same files.
    """

    application = ApplicationRef()
    architecture = serializers.ChoiceField(ARCHITECTURES)
    origins = serializers.ListField(child=serializers.URLField())

    class Meta:
        model = Release
        fields = (
            "id",
            "application",
            "version",
            "architecture",
            "codebase",
            "origins",
            "notes",
            "published_on",
            "registered_at",
            "blocked_at",
            "blocked_because",
        )


class PayloadShape(Shape):
    """One file of a release: the OS, one OEM, or one extension; hashes are lower-case hex.

    `unread_because` says why nobody could look into the image that it makes; then nothing is known
    of what is inside. It is empty where somebody did, and for the OS. `damaged_because` says why a
    file that this server hosts is no good any more; nobody is offered it until it is.
    """

    class Meta:
        model = Payload
        fields = (
            "id",
            "name",
            "size",
            "sha1",
            "sha256",
            "is_verified",
            "signed_by",
            "built_for",
            "own_version",
            "unread_because",
            "read_at",
            "damaged_because",
        )


class ImagePackageShape(Shape):
    """One package of an image: of the OS, an OEM (`oem-azure`), or an extension."""

    image = serializers.CharField(source="package_list.name")

    class Meta:
        model = Package
        fields = ("id", "image", "name", "version")


class DownloadCountShape(Shape):
    """How often a payload was taken from this server on a day, and how many bytes were sent.

    `whole` are the requests that got its last byte, `redirected` those that were sent on to the
    bucket, and `partial` all others; `is_boot` are those of initrds for the OEM of the version
    that they booted.
    """

    class Meta:
        model = DownloadCount
        fields = ("id", "day", "name", "is_boot", "whole", "partial", "redirected", "size")


class ReleasesAsked(Asked):
    """Which releases to list."""

    version = Words(required=False, max_length=64)
    architecture = serializers.ChoiceField(ARCHITECTURES, required=False)
    blocked = serializers.BooleanField(required=False)


class Block(Body):
    """Why nobody shall be offered a release any more."""

    reason = Text(max_length=500)


def every() -> models.QuerySet[Release]:
    """All releases."""
    return Release.objects.select_related("application")


class Releases(Resource):
    """All releases."""

    tag = "releases"

    @operation(
        "list_releases",
        needs=Permission.READ_FLEET,
        gives=ReleaseShape,
        asks=ReleasesAsked,
        lists=True,
    )
    def get(self, call: Call) -> Listed[Release]:
        """List the releases, the newest version first."""
        found = every().filter(**call.chosen("version", "architecture"))
        if "blocked" in call.asked:
            found = found.filter(blocked_at__isnull=not call.asked["blocked"])
        return Listed(found, NEWEST)


class OneRelease(Resource):
    """One release."""

    tag = "releases"

    @operation("get_release", needs=Permission.READ_FLEET, gives=ReleaseShape)
    def get(self, call: Call, pk: int) -> Release:
        """Show a release."""
        return get_object_or_404(every(), pk=pk)

    @operation("remove_release", needs=Permission.CHANGE_FLEET, is_conditional=True)
    def delete(self, call: Call, pk: int) -> None:
        """Remove a release that no channel offers and no node ran lately; its files stay."""
        release = get_object_or_404(every(), pk=pk)
        call.check_version(release, ReleaseShape)
        release_removal.remove(release, by=call.by)


class Payloads(Resource):
    """The payloads of a release."""

    tag = "releases"

    @operation("list_payloads", needs=Permission.READ_FLEET, gives=PayloadShape, lists=True)
    def get(self, call: Call, pk: int) -> Listed[Payload]:
        """List the payloads of a release, by name."""
        return Listed(get_object_or_404(every(), pk=pk).payloads.all(), BY_NAME)


class AddingPayload(Resource):
    """Adding a payload to a release."""

    tag = "releases"

    # The file is written before anything is: no transaction waits for it.
    @operation(
        "add_payload",
        needs=Permission.CHANGE_FLEET,
        gives=PayloadShape,
        takes_file=_BYTES,
        within=nullcontext,
    )
    def put(self, call: Call, pk: int, name: str) -> Payload:
        """Bring a payload as the body; it is judged as an import does before anything changes.

        Its name is the one that nodes ask for it by, as `oem-azure.gz`. For a release whose
        payloads are on another host the bytes only prove what was announced.
        """
        release = get_object_or_404(every(), pk=pk)
        try:
            additions.check_name(name)
            _bring(call, release, name)
        except additions.BadName as refusal:
            raise _wrong("name", refusal) from None
        except (BadPayload, CannotImport) as refusal:
            raise _wrong("", refusal) from None
        return release.payloads.get(name=name)


def _bring(call: Call, release: Release, name: str) -> None:
    length = reading.length_of(call.request, _BYTES)
    with additions.upload(length) as path:
        try:
            reading.keep(call.request, length, path)
            additions.add_file(release, name, path, by=call.by)
        finally:
            path.unlink(missing_ok=True)


def _wrong(where: str, refusal: Exception) -> Unprocessable:
    faults = [Fault(where, str(refusal))]
    return Unprocessable("See errors for what is wrong.", faults=faults)


class Blocking(Resource):
    """Blocking a release."""

    tag = "releases"

    @operation(
        "block_release",
        needs=Permission.CHANGE_FLEET,
        gives=ReleaseShape,
        takes=Block,
        within=changing,
    )
    def post(self, call: Call, pk: int) -> Release:
        """Offer a release to nobody from now on, whatever it is a target or a floor of."""
        release = get_object_or_404(every(), pk=pk)
        call.check_version(release)
        verbs.block(release, by=call.by, because=call.said["reason"])
        return every().get(pk=pk)


class Unblocking(Resource):
    """Letting a release be offered again."""

    tag = "releases"

    @operation(
        "unblock_release",
        needs=Permission.CHANGE_FLEET,
        gives=ReleaseShape,
        takes=Reasoned,
        within=changing,
    )
    def post(self, call: Call, pk: int) -> Release:
        """Let a blocked release be offered again."""
        release = get_object_or_404(every(), pk=pk)
        call.check_version(release)
        verbs.unblock(release, by=call.by, why=call.said.get("why", ""))
        return every().get(pk=pk)


class Packages(Resource):
    """The packages of a release's images, as far as their lists are here."""

    tag = "releases"

    @operation(
        "list_release_packages", needs=Permission.READ_FLEET, gives=ImagePackageShape, lists=True
    )
    def get(self, call: Call, pk: int) -> Listed[Package]:
        """List the packages of a release's images, by name."""
        release = get_object_or_404(every(), pk=pk)
        rows = Package.objects.filter(package_list__release=release)
        return Listed(rows.select_related("package_list"), BY_NAME)


class Downloads(Resource):
    """What was taken of a release from this server."""

    tag = "releases"

    @operation(
        "list_release_downloads", needs=Permission.READ_FLEET, gives=DownloadCountShape, lists=True
    )
    def get(self, call: Call, pk: int) -> Listed[DownloadCount]:
        """List what was taken of a release's payloads by day, the latest first."""
        call.require(Permission.READ_FLEET)
        release = get_object_or_404(every(), pk=pk)
        return Listed(DownloadCount.objects.of(release), Order(("day", "pk")))
