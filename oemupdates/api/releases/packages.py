"""Packages as publishing scripts for Nebraska send them, at the same address.

A package is a release: its main file is the OS payload, and its extra files are the payloads of
OEMs and extensions. The hashes of the main file and the SHA-1 of the others are in base64, and
`hash256` is in hex, as over there.
"""

import base64
import binascii
import re
import uuid
from typing import Any

from django.db.models import Q
from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from oemupdates.api.frame.call import Call
from oemupdates.api.frame.fields import Asked, Body, Plain, Text, Whole, Words
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.frame.problems import Fault, Unprocessable
from oemupdates.domain.access import Permission
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.domain.ustar import MAX_SIZE
from oemupdates.models import Application, Payload, Release
from oemupdates.services.checkins.snapshot import codebase
from oemupdates.services.releases import publishing
from oemupdates.services.releases.publishing import Announced, Announcement

# Numbers over there, and what they stand for here.
_MACHINES = {1: "amd64", 2: "arm64"}
_FLATCAR_TYPE = 1
_HEX = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_MAX_FILES = 200


@extend_schema_field(
    {
        "oneOf": [
            {"type": "string", "pattern": "^[1-9][0-9]{0,8}$"},
            {"type": "integer", "minimum": 1, "maximum": MAX_SIZE},
        ]
    }
)
class Size(serializers.Field[int, Any, Any, Any]):
    """A number of bytes, which scripts send as a text."""

    default_error_messages = {"invalid": "Say how many bytes it has."}  # noqa: RUF012 - as DRF

    def to_internal_value(self, data: Any) -> int:
        """Take digits, in a text or as a number; JSON tells 1.0 from 1 no more than we do."""
        if isinstance(data, float) and data.is_integer():
            data = int(data)
        text = str(data).strip() if isinstance(data, str | int) else ""
        if not re.fullmatch(r"[0-9]{1,18}", text, re.ASCII) or not 0 < int(text) <= MAX_SIZE:
            self.fail("invalid")
        return int(text)

    def to_representation(self, value: Any) -> str:
        """As a text, as over there."""
        return str(value)


class _Base64(serializers.CharField):
    """A hash in base64, as its hex."""

    size = 0
    default_error_messages = {"hash": "This is no hash of {bytes} bytes in base64."}  # noqa: RUF012 - as DRF

    def to_internal_value(self, data: Any) -> str:
        """Take base64 of so many bytes alone."""
        text = super().to_internal_value(data).strip()
        try:
            found = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            found = b""
        if len(found) != self.size:
            self.fail("hash", bytes=self.size)
        return found.hex()


@extend_schema_field({"type": "string", "pattern": "^[0-9A-Za-z+/]{27}=$"})
class Sha1(_Base64):
    """A SHA-1 in base64."""

    size = 20


@extend_schema_field({"type": "string", "pattern": "^[0-9A-Za-z+/]{43}=$"})
class Sha256(_Base64):
    """A SHA-256 in base64."""

    size = 32


@extend_schema_field({"type": "string", "pattern": "^[0-9a-fA-F]{64}$"})
class Hex(serializers.CharField):
    """A SHA-256 in hex."""

    default_error_messages = {"hash": "This is no SHA-256 in hex."}  # noqa: RUF012 - as DRF

    def to_internal_value(self, data: Any) -> str:
        """Take 64 digits alone."""
        text = super().to_internal_value(data).strip()
        if not _HEX.fullmatch(text):
            self.fail("hash")
        return text.lower()


class ActionBody(Body):
    """What nodes do with the main file: its SHA-256 in base64 is all that counts."""

    id = Text(required=False, allow_blank=True)
    sha256 = Sha256()


class FileBody(Body):
    """The payload of an OEM or an extension."""

    id = Whole(required=False)
    name = Text(max_length=128)
    size = Size()
    hash = Sha1()
    hash256 = Hex()


class PackageBody(Body):
    """A release as publishing scripts send it; `arch` is 1 for amd64 and 2 for arm64."""

    application_id = Text(required=False)
    arch = serializers.ChoiceField(list(_MACHINES))
    channels_blacklist = serializers.ListField(required=False, allow_null=True, max_length=0)
    description = Text(required=False, allow_blank=True, max_length=1000)
    filename = serializers.ChoiceField([OS_PAYLOAD])
    flatcar_action = ActionBody()
    extra_files = serializers.ListField(child=FileBody(), required=False, max_length=_MAX_FILES)
    hash = Sha1()
    size = Size()
    type = serializers.ChoiceField([_FLATCAR_TYPE])
    url = Text(max_length=499)
    version = Text(max_length=64)


class PackagesAsked(Asked):
    """Which packages to list."""

    page = serializers.IntegerField(required=False, min_value=0, max_value=100_000)
    perpage = serializers.IntegerField(required=False, min_value=1, max_value=1000)
    searchVersion = Words(required=False, max_length=64)  # noqa: N815 - as over there


class ActionShape(Plain):
    """What nodes do with the main file."""

    event = serializers.CharField()
    sha256 = serializers.CharField()


class PackageFileShape(Plain):
    """The payload of an OEM or an extension."""

    id = serializers.IntegerField()
    name = serializers.CharField()
    size = serializers.CharField()
    hash = serializers.CharField()
    hash256 = serializers.CharField()


class PackageShape(Plain):
    """A release as publishing scripts read it; `id` is its id here."""

    id = serializers.CharField()
    application_id = serializers.CharField()
    arch = serializers.IntegerField()
    channels_blacklist = serializers.ListField(child=serializers.CharField())
    created_ts = serializers.DateTimeField()
    description = serializers.CharField()
    extra_files = PackageFileShape(many=True)
    filename = serializers.CharField()
    flatcar_action = ActionShape(allow_null=True)
    hash = serializers.CharField()
    size = serializers.CharField()
    type = serializers.IntegerField()
    url = serializers.CharField()
    version = serializers.CharField()


class PackagesShape(Plain):
    """A page of packages, the newest version first."""

    totalCount = serializers.IntegerField()  # noqa: N815 - as over there
    count = serializers.IntegerField()
    packages = PackageShape(many=True)


class Packages(Resource):
    """The packages of an application."""

    tag = "packages"

    @operation(
        "list_packages", needs=Permission.READ_FLEET, gives=PackagesShape, asks=PackagesAsked
    )
    def get(self, call: Call, app: str) -> dict[str, Any]:
        """List releases as scripts for Nebraska read them, 100 a page unless they say."""
        size = call.asked.get("perpage", 100)
        start = (max(call.asked.get("page", 1), 1) - 1) * size
        found = Release.objects.filter(
            application=_application(app), version__contains=call.asked.get("searchVersion", "")
        )
        rows = found.prefetch_related("payloads").select_related("application")
        packages = [_shown(one) for one in rows[start : start + size]]
        return {"totalCount": found.count(), "count": len(packages), "packages": packages}

    @operation(
        "publish_package",
        needs=Permission.CHANGE_FLEET,
        gives=PackageShape,
        takes=PackageBody,
    )
    def post(self, call: Call, app: str) -> dict[str, Any]:
        """Register a release whose files are elsewhere; the same again changes nothing.

        Nobody here has read its bytes then: nodes wait until an import has verified them.
        """
        application, said = _application(app), call.said
        named = said.get("application_id", str(application.uuid))
        if named.strip("{}").lower() not in {str(application.uuid), application.product_id}:
            raise _wrong("/application_id", "The address names another application.")
        try:
            release, _ = publishing.publish(_announcement(application, said), by=call.by)
        except publishing.Wrong as refusal:
            raise _wrong(refusal.where, str(refusal)) from None
        return _shown(release)


def _announcement(application: Application, said: dict[str, Any]) -> Announcement:
    main = Announced(
        said["filename"],
        said["size"],
        said["hash"],
        said["flatcar_action"]["sha256"],
        "/filename",
    )
    others = [
        Announced(
            one["name"], one["size"], one["hash"], one["hash256"], f"/extra_files/{number}/name"
        )
        for number, one in enumerate(said.get("extra_files", ()))
    ]
    return Announcement(
        application, said["version"], _MACHINES[said["arch"]], said["url"], [main, *others]
    )


def _application(app: str) -> Application:
    """The application that a UUID or a product id names."""
    named = Q(product_id=app) if app else Q(pk=None)
    try:
        named |= Q(uuid=uuid.UUID(app.strip("{}")))
    except ValueError:
        if "\x00" in app:
            raise Http404 from None
    return get_object_or_404(Application, named)


def _wrong(where: str, words: str) -> Unprocessable:
    return Unprocessable("See errors for what is wrong.", faults=[Fault(where, words)])


def _shown(release: Release) -> dict[str, Any]:
    payloads = {payload.name: payload for payload in release.payloads.all()}
    main: Payload | None = payloads.pop(OS_PAYLOAD, None)
    machines = {name: number for number, name in _MACHINES.items()}
    return {
        "id": str(release.pk),
        "application_id": str(release.application.uuid),
        "arch": machines[release.architecture],
        "channels_blacklist": [],
        "created_ts": release.registered_at,
        "description": f"Flatcar {release.version}",
        "extra_files": [
            {
                "id": one.pk,
                "name": one.name,
                "size": str(one.size),
                "hash": _base64(one.sha1),
                "hash256": one.sha256,
            }
            for one in payloads.values()
        ],
        "filename": OS_PAYLOAD,
        "flatcar_action": {"event": "postinstall", "sha256": _base64(main.sha256)}
        if main
        else None,
        "hash": _base64(main.sha1) if main else "",
        "size": str(main.size) if main else "0",
        "type": _FLATCAR_TYPE,
        "url": codebase(release),
        "version": release.version,
    }


def _base64(digest: str) -> str:
    return base64.b64encode(bytes.fromhex(digest)).decode()
