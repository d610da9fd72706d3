"""Images of components in the order of their versions, and which of them a group's lists name."""

from collections.abc import Iterable

from oemupdates.domain.sysupdate import by_age, is_older
from oemupdates.models import ComponentImage


def newest_first(images: Iterable[ComponentImage]) -> list[ComponentImage]:
    """Images as systemd orders them, those of a version by architecture."""
    by_architecture = sorted(images, key=lambda image: image.architecture)
    return sorted(by_architecture, key=lambda image: by_age(image.version), reverse=True)


def newest(
    images: Iterable[ComponentImage], architecture: str, up_to: str = ""
) -> ComponentImage | None:
    """The first on the lists for an architecture, of images that are the newest first.

    Which nodes it fits, if it is bound to an OS version, is not looked at.
    """
    return next(
        (
            image
            for image in images
            if image.architecture == architecture
            and image.withdrawn_at is None
            and not (up_to and is_older(up_to, image.version))
        ),
        None,
    )
