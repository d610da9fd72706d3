"""The images of components over the API: listed, brought, withdrawn and put back."""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from rest_framework import serializers

from oemupdates.api.components.components import named
from oemupdates.api.frame import paging, reading
from oemupdates.api.frame.call import Call, Known
from oemupdates.api.frame.choices import ARCHITECTURES
from oemupdates.api.frame.fields import Body, Reasoned, Shape, Text
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.frame.problems import Fault, Unprocessable
from oemupdates.domain import sysupdate
from oemupdates.domain.access import Permission
from oemupdates.models import ComponentImage
from oemupdates.services.components import components as verbs
from oemupdates.services.releases import release_additions
from oemupdates.services.shared.configuration import changing

_BYTES = "application/octet-stream"
_KEY = paging.Order(("version", "architecture"))


class ComponentImageShape(Shape):
    """One image of a component, hosted here; its bytes never change.

    `bound_to` is the OS version that it was built for, empty if it fits every version. One that is
    withdrawn is on no node's list; nodes that have it keep it.
    """

    component = serializers.CharField(source="component.name")
    file = serializers.CharField(source="image.file")
    architecture = serializers.ChoiceField(ARCHITECTURES)

    class Meta:
        model = ComponentImage
        fields = (
            "id",
            "component",
            "version",
            "architecture",
            "file",
            "size",
            "sha256",
            "bound_to",
            "added_at",
            "withdrawn_at",
            "withdrawn_because",
        )


class Withdrawal(Body):
    """Why no node shall be shown an image any more."""

    why = Text(max_length=500)


@dataclass(frozen=True, slots=True)
class ByAge:
    """Images of one component, the newest version first: no database knows that order."""

    images: list[ComponentImage]

    def page(self, *, scope: str, cursor: str, limit: int) -> paging.Page[ComponentImage]:
        """One page."""
        start = paging.start(cursor, _KEY, ComponentImage, scope=scope)
        rows = self._ordered()
        if start.key:
            place = _place(*start.key)
            rows = [
                row for row in rows if (_age(row) > place if start.is_back else _age(row) < place)
            ]
        if start.is_back:
            rows.reverse()
        return paging.cut(rows, _KEY, start, scope=scope, limit=limit)

    def chunks(self) -> Iterator[list[ComponentImage]]:
        """All of them at once."""
        yield self._ordered()

    def _ordered(self) -> list[ComponentImage]:
        return sorted(self.images, key=_age, reverse=True)


def _age(image: ComponentImage) -> tuple[Any, ...]:
    return _place(image.version, image.architecture)


def _place(version: str, architecture: str) -> tuple[Any, ...]:
    # Versions that are written otherwise may be of one age.
    return sysupdate.order(version), version, architecture


class Images(Resource):
    """The images of a component."""

    tag = "components"

    @operation(
        "list_component_images",
        needs=Permission.READ_FLEET,
        gives=ComponentImageShape,
        lists=True,
    )
    def get(self, call: Call, component: str) -> ByAge:
        """List the images of a component, the newest version first."""
        return ByAge(list(named(component).images.select_related("component")))


class AddingImage(Resource):
    """Bringing an image."""

    tag = "components"

    # The file is written before anything is: no transaction waits for it.
    @operation(
        "add_component_image",
        needs=Permission.CHANGE_FLEET,
        gives=ComponentImageShape,
        takes_file=_BYTES,
        status=201,
        within=nullcontext,
    )
    def put(self, call: Call, file: str) -> ComponentImage | Known:
        """Bring an image as the body; it is looked into before anything changes.

        Its name says what it is: `<component>-<version>-x86-64.raw`, or `-arm64.raw`. The same
        again changes nothing, and is 200; other bytes of a version that is here are refused.
        """
        try:
            verbs.check_name(file)
        except verbs.CannotAddImage as refusal:
            faults = [Fault("file", str(refusal))]
            raise Unprocessable("See errors for what is wrong.", faults=faults) from None
        added = _bring(call, file)
        return added.image if added.is_new else Known(added.image)


def _bring(call: Call, file: str) -> verbs.Added:
    length = reading.length_of(call.request, _BYTES)
    with release_additions.upload(length) as path:
        try:
            reading.keep(call.request, length, path)
            return verbs.add_upload(path, file, by=call.by)
        finally:
            path.unlink(missing_ok=True)


class Withdrawing(Resource):
    """Withdrawing an image."""

    tag = "components"

    @operation(
        "withdraw_component_image",
        needs=Permission.CHANGE_FLEET,
        gives=ComponentImageShape,
        takes=Withdrawal,
        within=changing,
    )
    def post(self, call: Call, component: str, version: str, architecture: str) -> ComponentImage:
        """Take an image off all lists; nodes that have it keep it."""
        image = _one(component, version, architecture)
        call.check_version(image)
        verbs.withdraw(image, why=call.said["why"], by=call.by)
        return _one(component, version, architecture)


class PuttingBack(Resource):
    """Putting a withdrawn image back."""

    tag = "components"

    @operation(
        "put_back_component_image",
        needs=Permission.CHANGE_FLEET,
        gives=ComponentImageShape,
        takes=Reasoned,
        within=changing,
    )
    def post(self, call: Call, component: str, version: str, architecture: str) -> ComponentImage:
        """Put a withdrawn image back on the lists."""
        image = _one(component, version, architecture)
        call.check_version(image)
        verbs.put_back(image, by=call.by, why=call.said.get("why", ""))
        return _one(component, version, architecture)


def _one(component: str, version: str, architecture: str) -> ComponentImage:
    """The image that an address names."""
    if not sysupdate.is_version(version) or architecture not in ARCHITECTURES:
        raise Http404
    rows = named(component).images.select_related("component")
    return get_object_or_404(rows, version=version, architecture=architecture)
