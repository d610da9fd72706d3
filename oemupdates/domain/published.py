"""Which files a release of Flatcar may have: none of its servers lists a folder."""

from oemupdates.domain.oem import BOTH, CATALOGUE, is_shipped, payload_name
from oemupdates.domain.policy import OS_PAYLOAD

_AMD64 = frozenset({"amd64"})
_NVIDIA = ("535", "535-open", "550", "550-open", "570", "570-open")
# Extensions that are payloads of their own, and for which machines (August 2026).
EXTENSIONS = {
    "incus": BOTH,
    "overlaybd": BOTH,
    "podman": BOTH,
    "python": BOTH,
    "zfs": BOTH,
    **{f"nvidia-drivers-{series}": _AMD64 for series in _NVIDIA},
}


def names(architecture: str) -> tuple[str, ...]:
    """Every file name that a release for an architecture may have; the OS payload is first."""
    oems = (
        payload_name(oem.id) for oem in CATALOGUE.values() if architecture in oem.architectures
    )
    extensions = (
        f"flatcar-{name}.gz" for name, machines in EXTENSIONS.items() if architecture in machines
    )
    return (OS_PAYLOAD, *oems, *extensions)


def expected(version: str, architecture: str) -> frozenset[str]:
    """The file names of OEMs that a release should have, as far as the catalogue knows."""
    return frozenset(
        payload_name(oem)
        for oem in CATALOGUE
        if is_shipped(oem, version=version, architecture=architecture)
    )
