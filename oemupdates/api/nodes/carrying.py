"""Updates carried to a node by hand, over the API."""

from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from rest_framework import serializers

from oemupdates.api.frame.call import Call
from oemupdates.api.frame.choices import ARCHITECTURES
from oemupdates.api.frame.fields import MAX_KEY, Asked, Plain
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.nodes.nodes import seen
from oemupdates.api.releases.releases import every
from oemupdates.domain.access import Permission
from oemupdates.services.carrying import carrying
from oemupdates.services.carrying.carrying import Carried

_WORD = r"^[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}$"


class FileShape(Plain):
    """One file that the line names."""

    name = serializers.CharField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField()
    url = serializers.CharField()


class FlatcarUpdateShape(Plain):
    """What takes a node to a release by `flatcar-update`.

    `line` runs in the folder of the files; it is empty if the release lacks one of them, which
    `missing` names and `problems` explain. `archive` is all files as one download, and
    `mirror_lines` fetch them from here; both are empty where this server does not host them.
    """

    version = serializers.CharField()
    architecture = serializers.ChoiceField(ARCHITECTURES)
    line = serializers.CharField()
    archive = serializers.CharField()
    mirror_lines = serializers.CharField()
    files = FileShape(many=True)
    missing = serializers.ListField(child=serializers.CharField())
    problems = serializers.ListField(child=serializers.CharField())
    remarks = serializers.ListField(child=serializers.CharField())
    extensions = serializers.ListField(
        child=serializers.CharField(), help_text="Those that the release has."
    )


class NodeAsked(Asked):
    """Which release, and which extensions are enabled on the node: its check-ins do not tell."""

    release = serializers.IntegerField(required=False, min_value=1, max_value=MAX_KEY)
    extension = serializers.ListField(
        child=serializers.RegexField(_WORD), required=False, max_length=32
    )


class KindAsked(Asked):
    """What the node is, as far as it is known."""

    oem = serializers.RegexField(_WORD, required=False)
    running = serializers.RegexField(_WORD, required=False)
    extension = serializers.ListField(
        child=serializers.RegexField(_WORD), required=False, max_length=32
    )


class OfRelease(Resource):
    """A release for a kind of node."""

    tag = "releases"

    @operation(
        "get_release_flatcar_update",
        needs=Permission.READ_FLEET,
        gives=FlatcarUpdateShape,
        asks=KindAsked,
    )
    def get(self, call: Call, pk: int) -> dict[str, Any]:
        """Say what takes a node of an OEM to a release by hand, and which files that needs."""
        return _shown(
            carrying.carry(
                get_object_or_404(every(), pk=pk),
                oem=call.asked.get("oem", ""),
                running=call.asked.get("running", ""),
                extensions=call.asked.get("extension", ()),
            )
        )


class ToNode(Resource):
    """A release for a node."""

    tag = "nodes"

    @operation(
        "get_node_flatcar_update",
        needs=Permission.READ_FLEET,
        gives=FlatcarUpdateShape,
        asks=NodeAsked,
    )
    def get(self, call: Call, pk: int) -> dict[str, Any]:
        """Say what takes a node by hand to a release, its channel's target by default."""
        node = seen(call, pk)
        wanted = call.asked.get("release")
        release = (
            get_object_or_404(carrying.choices(node), pk=wanted)
            if wanted
            else carrying.proposed(node)
        )
        if release is None:
            raise Http404
        extensions = call.asked.get("extension", ())
        return _shown(carrying.carry_to(node, release, extensions=extensions))


def _shown(found: Carried) -> dict[str, Any]:
    return {
        "version": found.release.version,
        "architecture": found.release.architecture,
        "line": found.update.line,
        "archive": found.archive,
        "mirror_lines": found.mirror_lines,
        "files": [
            {
                "name": payload.name,
                "size": payload.size,
                "sha256": payload.sha256,
                "url": f"{found.folder}{payload.name}",
            }
            for payload in found.payloads
        ],
        "missing": found.update.missing,
        "problems": found.update.problems,
        "remarks": found.remarks,
        "extensions": found.extensions,
    }
