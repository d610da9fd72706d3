"""The OEM catalogue: which OEM ids exist, since when as a systemd-sysext, and for which machines.

Facts from `flatcar/scripts` (August 2026), the release notes, and the list of migrated OEMs that
the OS image carries under `share/flatcar/oems`.
"""

from dataclasses import dataclass
from functools import lru_cache

from oemupdates.domain.version import BadVersion, Version, parse

BOTH = frozenset({"amd64", "arm64"})
AMD64 = frozenset({"amd64"})

# Second field of a Flatcar version, by which its channel is known.
_ALPHA = 0


@dataclass(frozen=True, slots=True)
class Oem:
    """One OEM id as Flatcar ships it.

    `alpha_since` and `stable_since` are the first Alpha and the first Stable release with an OEM
    sysext of its own version. Beta, Stable and LTS start from an Alpha, so they have what it had;
    an earlier `stable_since` was carried back to them. `migrates` says that the OS image can move
    a legacy installation over, which also makes the payload mandatory on nodes that were never
    migrated. `dropped_in` is the first release without a payload for it.
    """

    id: str
    architectures: frozenset[str]
    alpha_since: str
    stable_since: str = ""
    migrates: bool = False
    dropped_in: str = ""

    def shipped_in(self, version: Version) -> bool:
        """Whether releases of this version were built with a sysext of this OEM."""
        if self.dropped_in and version >= parse(self.dropped_in):
            return False
        if version >= parse(self.alpha_since):
            return True
        carried_back = self.stable_since and version.minor != _ALPHA
        return bool(carried_back) and version >= parse(self.stable_since)


CATALOGUE = {
    oem.id: oem
    for oem in (
        Oem("azure", BOTH, "3732.0.0", "3760.2.0", migrates=True),
        Oem("qemu", BOTH, "3732.0.0", "3760.2.0", migrates=True),
        Oem("ami", BOTH, "3745.0.0", "3760.2.0", migrates=True),
        Oem("vmware", AMD64, "3745.0.0", "3760.2.0", migrates=True),
        Oem("digitalocean", AMD64, "3760.0.0", "3760.2.0", migrates=True),
        Oem("openstack", BOTH, "3760.0.0", "3760.2.0", migrates=True),
        Oem("packet", BOTH, "3760.0.0", "3760.2.0", migrates=True, dropped_in="4722.0.0"),
        Oem("gce", AMD64, "3815.0.0", "3815.2.0", migrates=True),
        Oem("scaleway", BOTH, "3913.0.0", "3975.2.0"),
        Oem("hetzner", BOTH, "3941.0.0", "3975.2.0"),
        Oem("kubevirt", BOTH, "3975.0.0", "3975.2.0"),
        Oem("akamai", BOTH, "4012.0.0", "4081.2.0"),
        Oem("proxmoxve", BOTH, "4152.0.0", "4152.2.0"),
        Oem("stackit", BOTH, "4372.0.1", "4230.2.1"),
        Oem("nutanix", AMD64, "4515.0.1", "4459.2.1"),
        Oem("hyperv", AMD64, "4459.0.0", "4459.2.0"),
        Oem("oraclecloud", BOTH, "4722.0.0"),
        Oem("cloudsigma", AMD64, "4722.0.0"),
        Oem("cloudstack", AMD64, "4722.0.0"),
        Oem("exoscale", AMD64, "4722.0.0"),
        Oem("vagrant", AMD64, "4722.0.0"),
        Oem("virtualbox", AMD64, "4722.0.0"),
    )
}

# What a node without an OEM says: nothing on plain bare metal, `diskless` from the PXE stub.
NO_OEM = frozenset({"", "diskless"})


@lru_cache(maxsize=4096)
def is_shipped(oem: str, *, version: str, architecture: str) -> bool:
    """Whether Flatcar ships a sysext of this OEM for an OS version and architecture."""
    known = CATALOGUE.get(oem)
    if known is None or architecture not in known.architectures:
        return False
    try:
        return known.shipped_in(parse(version))
    except BadVersion:
        return False


def payload_name(oem: str) -> str:
    """The file name under which a release carries this OEM's sysext."""
    return f"oem-{oem}.gz"


def is_mandatory(oem: str, *, running: str, target: str, architecture: str) -> bool:
    """Whether a node's update to `target` fails without a payload for its OEM.

    The post-install step wants it when the new image lists the OEM as migrated, or when the node
    runs its OEM as a sysext already. Whether a node of an OEM that is not migrated does, its
    check-ins cannot tell for sure: then a payload that the release should have is wanted.
    """
    known = CATALOGUE.get(oem)
    if known is None or architecture not in known.architectures:
        return False
    if any(is_shipped(oem, version=each, architecture=architecture) for each in (running, target)):
        return True
    # Dropped upstream, but still in the image's list of migrated OEMs.
    return known.migrates and is_dropped(oem, target=target)


def is_dropped(oem: str, *, target: str) -> bool:
    """Whether Flatcar stopped building this OEM's payload at or before a version."""
    known = CATALOGUE.get(oem)
    if known is None or not known.dropped_in:
        return False
    try:
        return parse(target) >= parse(known.dropped_in)
    except BadVersion:
        return False
