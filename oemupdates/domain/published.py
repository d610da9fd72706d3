"""Which files a release of Flatcar may have: none of its servers lists a folder."""

from collections.abc import Iterable

from oemupdates.domain.oem import Catalogue, payload_name
from oemupdates.domain.policy import OS_PAYLOAD

_OS_IMAGE = "flatcar_production_image"
_WITHIN_OS = ("containerd-flatcar", "docker-flatcar")


def names(catalogue: Catalogue, architecture: str) -> tuple[str, ...]:
    """Every file name that a release for an architecture may have; the OS payload is first."""
    oems = (
        payload_name(oem.id)
        for oem in catalogue.oems.values()
        if oem.alpha_since and architecture in oem.architectures
    )
    extensions = (
        f"flatcar-{name}.gz"
        for name, extension in catalogue.extensions.items()
        if architecture in extension.architectures
    )
    return (OS_PAYLOAD, *oems, *extensions)


def expected(catalogue: Catalogue, version: str, architecture: str) -> frozenset[str]:
    """The file names of OEMs that a release should have, as far as the catalogue knows."""
    return frozenset(
        payload_name(oem)
        for oem in catalogue.oems
        if catalogue.is_shipped(oem, version=version, architecture=architecture)
    )


def package_lists(payloads: Iterable[str]) -> dict[str, str]:
    """The lists of packages of the images that payloads make, by what each image is called.

    A value is where it lies in a release's folder of images, without `_packages.txt`. The OS has
    extensions within, with lists of their own.
    """
    found = {}
    for payload in payloads:
        if payload == OS_PAYLOAD:
            found[_OS_IMAGE] = _OS_IMAGE
            found |= {name: f"rootfs-included-sysexts/{name}" for name in _WITHIN_OS}
        else:
            stem = payload.removesuffix(".gz")
            found[stem] = stem
    return found
