from typing import NamedTuple

import pytest

from oemupdates.domain.oem import Carries, Catalogue, payload_name
from oemupdates.domain.shipped import SHIPPED


class Row(NamedTuple):
    """An OEM id; the last Alpha without a sysext and the first with one; the same of Stable."""

    oem: str
    machines: str
    alpha_without: str
    alpha: str
    stable_without: str
    stable: str | None
    migrates: str


# The inventory of August 2026. No Stable has the last ones yet.
INVENTORY = [
    Row("azure", "both", "3731.0.0", "3732.0.0", "3602.2.3", "3760.2.0", "migrates"),
    Row("qemu", "both", "3731.0.0", "3732.0.0", "3602.2.3", "3760.2.0", "migrates"),
    Row("ami", "both", "3732.0.0", "3745.0.0", "3602.2.3", "3760.2.0", "migrates"),
    Row("vmware", "amd64", "3732.0.0", "3745.0.0", "3602.2.3", "3760.2.0", "migrates"),
    Row("digitalocean", "amd64", "3745.0.0", "3760.0.0", "3602.2.3", "3760.2.0", "migrates"),
    Row("openstack", "both", "3745.0.0", "3760.0.0", "3602.2.3", "3760.2.0", "migrates"),
    Row("packet", "both", "3745.0.0", "3760.0.0", "3602.2.3", "3760.2.0", "migrates"),
    Row("gce", "amd64", "3794.0.0", "3815.0.0", "3760.2.0", "3815.2.0", "migrates"),
    Row("scaleway", "both", "3907.0.0", "3913.0.0", "3815.2.5", "3975.2.0", ""),
    Row("hetzner", "both", "3913.0.0", "3941.0.0", "3815.2.5", "3975.2.0", ""),
    Row("kubevirt", "both", "3941.0.0", "3975.0.0", "3815.2.5", "3975.2.0", ""),
    Row("akamai", "both", "3975.0.0", "4012.0.0", "3975.2.2", "4081.2.0", ""),
    Row("proxmoxve", "both", "4116.0.0", "4152.0.0", "4081.2.1", "4152.2.0", ""),
    Row("stackit", "both", "4372.0.0", "4372.0.1", "4230.2.0", "4230.2.1", ""),
    Row("nutanix", "amd64", "4515.0.0", "4515.0.1", "4459.2.0", "4459.2.1", ""),
    Row("hyperv", "amd64", "4426.0.0", "4459.0.0", "4230.2.3", "4459.2.0", ""),
    Row("oraclecloud", "both", "4721.0.0", "4722.0.0", "4593.2.1", None, ""),
    Row("cloudsigma", "amd64", "4721.0.0", "4722.0.0", "4593.2.1", None, ""),
    Row("cloudstack", "amd64", "4721.0.0", "4722.0.0", "4593.2.1", None, ""),
    Row("exoscale", "amd64", "4721.0.0", "4722.0.0", "4593.2.1", None, ""),
    Row("vagrant", "amd64", "4721.0.0", "4722.0.0", "4593.2.1", None, ""),
    Row("virtualbox", "amd64", "4721.0.0", "4722.0.0", "4593.2.1", None, ""),
]

# Seen on old nodes, and never a sysext.
LEGACY = {"brightbox", "interoute", "rackspace", "rackspace-onmetal"}


def test_the_catalogue_holds_the_inventory_and_nothing_else() -> None:
    shipped = {oem.id for oem in SHIPPED.oems.values() if oem.alpha_since}
    assert shipped == {row.oem for row in INVENTORY}
    assert set(SHIPPED.oems) - shipped == LEGACY


@pytest.mark.parametrize("row", INVENTORY, ids=lambda row: row.oem)
def test_shipped_from_its_first_release_on(row: Row) -> None:
    def shipped(version: str, architecture: str = "amd64") -> bool:
        return SHIPPED.is_shipped(row.oem, version=version, architecture=architecture)

    assert not shipped(row.alpha_without)
    assert shipped(row.alpha)
    assert not shipped(row.stable_without)
    assert row.stable is None or shipped(row.stable)
    assert shipped(row.alpha, "arm64") is (row.machines == "both")
    assert not shipped(row.alpha, "riscv64")
    assert SHIPPED.oems[row.oem].migrates is bool(row.migrates)


@pytest.mark.parametrize(
    ("oem", "version", "expected"),
    [
        ("ami", "3745.1.0", True),  # a Beta has what the Alpha had that it started from
        ("ami", "3732.1.0", False),
        ("stackit", "4230.2.1", True),  # carried back to Stable
        ("stackit", "4230.3.0", True),  # and so to the LTS that follows it
        ("stackit", "4344.0.0", False),  # while an Alpha in between lacks it
        ("azure", "4081.3.0", True),
        ("azure", "3510.3.6", False),
        ("azure", "4593.2.0+nightly-20260821-2100", True),
        ("azure", "4593.0.0-alpha-nightly", True),
        ("azure", "0.0.0", False),
        ("azure", "", False),
        ("azure", "no version", False),
        ("packet", "4721.9.9", True),
        ("packet", "4722.0.0", False),
        ("rackspace", "4593.2.1", False),
        ("diskless", "4593.2.1", False),
        ("", "4593.2.1", False),
        ("AZURE", "4593.2.1", False),
    ],
)
def test_shipped(oem: str, version: str, expected: object) -> None:
    assert SHIPPED.is_shipped(oem, version=version, architecture="amd64") is expected


@pytest.mark.parametrize(
    ("oem", "running", "target", "expected"),
    [
        # In the image's list of migrated OEMs, from the first release that ships it.
        ("azure", "3510.2.0", "3602.2.3", False),
        ("azure", "3510.2.0", "3760.2.0", True),
        ("azure", "4459.2.4", "4593.2.1", True),
        ("azure", "0.0.0", "4593.2.1", True),
        # Not in the list, but shipped at the target: the node may run it.
        ("hyperv", "4230.2.3", "4459.2.0", True),
        ("hyperv", "4152.2.3", "4230.2.3", False),
        # It runs as a sysext, and the target does not have it.
        ("stackit", "4230.2.1", "4344.0.0", True),
        # Dropped, and still in the list: the post-install step fails without it.
        ("packet", "4593.2.1", "4721.0.0", True),
        ("packet", "4593.2.1", "4722.0.0", True),
        ("packet", "4722.0.0", "4757.0.0", True),
        ("packet", "3510.2.0", "3602.2.3", False),
        # Not in any table: nothing tells that it is wanted.
        ("own-oem", "4459.2.4", "4593.2.1", False),
        ("", "4459.2.4", "4593.2.1", False),
    ],
)
def test_mandatory(oem: str, running: str, target: str, expected: object) -> None:
    assert (
        SHIPPED.is_mandatory(oem, running=running, target=target, architecture="amd64") is expected
    )


def test_an_oem_of_the_other_architecture_is_never_mandatory() -> None:
    assert not SHIPPED.is_mandatory(
        "vmware", running="4459.2.4", target="4593.2.1", architecture="arm64"
    )


@pytest.mark.parametrize(
    ("oem", "target", "expected"),
    [
        ("packet", "4721.0.0", False),
        ("packet", "4722.0.0", True),
        ("packet", "4757.1.0", True),
        ("packet", "no version", False),
        ("azure", "4757.1.0", False),
        ("own-oem", "4757.1.0", False),
    ],
)
def test_dropped(oem: str, target: str, expected: object) -> None:
    assert SHIPPED.is_dropped(oem, target=target) is expected


def test_payload_name_is_what_the_release_server_calls_it() -> None:
    assert payload_name("azure") == "oem-azure.gz"


@pytest.mark.parametrize(
    ("oem", "version", "machine", "expected"),
    [
        ("", "4593.2.1", "amd64", Carries.NONE),
        ("diskless", "4593.2.1", "amd64", Carries.NONE),
        ("azure", "4593.2.1", "amd64", Carries.TOOLS),
        ("azure", "3602.2.3", "amd64", Carries.PARTITION),
        ("vmware", "4593.2.1", "arm64", Carries.NOTHING_YET),
        ("hetzner", "4593.2.1", "arm64", Carries.CONFIGURATION),
        ("hetzner", "3602.2.3", "arm64", Carries.NOTHING_YET),
        ("hyperv", "4230.2.3", "amd64", Carries.PARTITION),
        ("packet", "4721.0.0", "amd64", Carries.CONFIGURATION),
        ("packet", "4722.0.0", "amd64", Carries.DROPPED),
        ("rackspace", "4593.2.1", "amd64", Carries.PARTITION),
        ("own-oem", "4593.2.1", "amd64", Carries.UNKNOWN),
        ("azure", "no version", "amd64", Carries.PARTITION),
    ],
)
def test_what_an_oem_means_on_a_node(
    oem: str, version: str, machine: str, expected: Carries
) -> None:
    assert SHIPPED.carries(oem, version=version, architecture=machine) is expected
    sentence = SHIPPED.words(oem, version=version, architecture=machine)
    assert sentence.endswith(".")
    assert "{" not in sentence
    assert ("WALinuxAgent" in sentence) is (oem == "azure" and expected is Carries.TOOLS)


def test_every_oem_says_where_it_is_known_from() -> None:
    for known in (*SHIPPED.oems.values(), *SHIPPED.extensions.values()):
        assert known.source
    assert len(SHIPPED.oems) == 26


def test_one_catalogue_knows_nothing_of_another() -> None:
    assert not Catalogue(()).is_shipped("azure", version="4593.2.1", architecture="amd64")
    assert SHIPPED.is_shipped("azure", version="4593.2.1", architecture="amd64")
