"""What OEMs of the fleet lack in a release."""

import pytest

from oemupdates.domain.access import EVERYWHERE, Reach
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.services.oem import oem_gaps
from oemupdates.services.oem.oem_gaps import Gap
from tests.services.makers import make_node, make_release, seeded_group

pytestmark = pytest.mark.django_db
AZURE = (OS_PAYLOAD, "oem-azure.gz")


def gaps(version: str, names: tuple[str, ...] = AZURE, reach: Reach = EVERYWHERE) -> list[Gap]:
    return oem_gaps.read(reach).gaps(make_release(version, payloads=names), names)


def test_counts_the_nodes_behind_that_need_a_payload() -> None:
    for version in ("4459.2.1", "4459.2.4", "4593.2.1"):
        make_node(oem="vmware", version=version)
        make_node(oem="azure", version=version)
    assert gaps("4593.2.1") == [Gap("vmware", 2, is_dropped=False)]


def test_wants_nothing_for_other_architectures_no_oem_and_strange_ones() -> None:
    make_node(oem="ami", architecture="arm64")
    make_node(oem="vmware", architecture="arm64")
    for oem in ("", "diskless", "acme-metal"):
        make_node(oem=oem)
    make_node(oem="vmware", version="unknown")
    assert gaps("4593.2.1") == []


def test_tells_what_flatcar_builds_no_more() -> None:
    make_node(oem="packet")
    assert gaps("4722.0.0") == [Gap("packet", 1, is_dropped=True)]


def test_names_the_versions_where_only_some_need_it() -> None:
    # Carried back to 4459.2.1, and in alphas from 4515.0.1 on: an older alpha has it not.
    make_node(oem="nutanix", version="4459.2.1")
    make_node(oem="nutanix", version="4081.2.0")
    assert gaps("4487.0.0") == [Gap("nutanix", 1, is_dropped=False, versions=("4459.2.1",))]


def test_counts_only_nodes_within_reach() -> None:
    beta = seeded_group("beta")
    make_node(oem="vmware", group=beta)
    make_node(oem="vmware")
    make_node(oem="vmware", group=None)
    mine = Reach(is_everywhere=False, groups=frozenset({beta.pk}))
    assert gaps("4593.2.1", reach=mine) == [Gap("vmware", 1, is_dropped=False)]
    assert oem_gaps.read(mine).nodes("amd64") == {"vmware": 1}
