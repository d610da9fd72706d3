"""What components have: how many images, and which of them lists begin with."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from oemupdates.domain.sysupdate import Image, is_older, newest_first, order
from oemupdates.models import Component, ComponentImage


@dataclass(slots=True)
class Sum:
    """Of one component: images and their bytes, and the newest that is not withdrawn.

    `newest` maps an architecture to a version, if there is one.
    """

    images: int = 0
    size: int = 0
    newest: dict[str, str] = field(default_factory=dict)


def of(components: Iterable[Component]) -> dict[int, Sum]:
    """Sum some components up, by id; images are read as values, since there may be thousands."""
    found = {component.pk: Sum() for component in components}
    rows = ComponentImage.objects.filter(component__in=found).order_by()
    for key, architecture, version, size, withdrawn_at in rows.values_list(
        "component", "architecture", "version", "size", "withdrawn_at"
    ):
        one = found[key]
        one.images += 1
        one.size += size
        if withdrawn_at is None:
            best = one.newest.setdefault(architecture, version)
            one.newest[architecture] = max(best, version, key=order)
    return found


def listed(architecture: str) -> dict[str, tuple[Image, ...]]:
    """The images of each component that lists for an architecture may name, the newest first."""
    found: dict[str, list[Image]] = {}
    rows = ComponentImage.objects.filter(architecture=architecture, withdrawn_at=None).order_by()
    for values in rows.values_list(*ComponentImage.VALUES):
        image = Image(*values)
        found.setdefault(image.component, []).append(image)
    return {name: newest_first(images) for name, images in found.items()}


def first(images: Iterable[Image], up_to: str) -> Image | None:
    """Where the list of a group begins that wants a component up to a version, or the newest.

    Which nodes it fits, if it is bound to an OS version, is not looked at.
    """
    return next((one for one in images if not (up_to and is_older(up_to, one.version))), None)
