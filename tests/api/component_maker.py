"""Components as rows; the files of their images are on no disk."""

from oemupdates.models import Component, ComponentImage
from tests.services.makers import NOW


def make_component(name: str = "tool", *versions: str, bound_to: str = "") -> Component:
    """A component with images for amd64."""
    component = Component.objects.create(name=name, added_at=NOW)
    for version in versions:
        make_row(component, version, bound_to=bound_to)
    return component


def make_row(
    component: Component, version: str, architecture: str = "amd64", *, bound_to: str = ""
) -> ComponentImage:
    return component.images.create(
        version=version,
        architecture=architecture,
        size=4096,
        sha256="a" * 64,
        bound_to=bound_to,
        added_at=NOW,
    )
