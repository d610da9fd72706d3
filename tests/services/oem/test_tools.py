import pytest

from oemupdates.models import Event, Node, Payload
from oemupdates.services.oem import tools
from tests.services.makers import NOW, make_node
from tests.services.security.test_exposure import HOLED, listed, vmware

pytestmark = pytest.mark.django_db


def azure(**given: str) -> Node:
    ran = {"version": "4593.2.1", "oem_version": "4593.2.1", "oem_basis": "derived"}
    return make_node(oem="azure", **ran | given)


def test_a_list_tells_the_versions_of_all_tools() -> None:
    listed("4593.2.1", "app-emulation/wa-linux-agent-2.12.0.4\nnet-misc/chrony-4.8\n", "oem-azure")
    assert tools.of_node(azure()) == [
        ("WALinuxAgent", "2.12.0.4", "derived"),
        ("hv-daemons", "", ""),
        ("chrony", "4.8", "derived"),
        ("inotify-tools", "", ""),
    ]


def test_what_a_node_told_of_its_update_makes_it_surer() -> None:
    assert tools.confidence_of(azure(oem_basis="observed")) is None
    assert tools.confidence_of(azure(aleph_version="4593.2.1")) == "high"
    node = azure(aleph_version="4459.2.1")
    assert tools.confidence_of(node) == "low"
    told = {"at": NOW, "meaning": "applied", "type": 3, "result": 1}
    Event.objects.create(node=node, target_version="4459.2.4", **told)
    assert tools.confidence_of(node) == "low"
    Event.objects.create(node=node, target_version="4593.2.1", **told)
    assert tools.confidence_of(node) == "medium"


def test_what_the_beacon_saw_is_believed_first() -> None:
    listed("4593.2.1", "app-emulation/wa-linux-agent-2.12.0.4\n", "oem-azure")
    found = tools.of_node(azure(oem_build="2.12.0.4-r2", oem_basis="observed"))
    assert found[0] == ("WALinuxAgent", "2.12.0.4-r2", "observed")


def test_without_a_list_the_payload_tells() -> None:
    release = listed("4593.2.1", "", payloads=("oem-azure.gz",))
    Payload.objects.filter(release=release).update(own_version="2.12.0.4")
    assert tools.of_node(azure())[0] == ("WALinuxAgent", "2.12.0.4", "derived")


def test_a_build_with_a_version_of_its_own_is_no_tools() -> None:
    release = listed("4593.2.1", "", name="oem-hyperv", payloads=("oem-hyperv.gz",))
    Payload.objects.filter(release=release).update(own_version="0.2.0")
    ran = {"version": "4593.2.1", "oem": "hyperv", "oem_version": "4593.2.1"}
    node = make_node(**ran, oem_build="0.2.0", oem_basis="observed")
    assert tools.of_node(node) == [("hv-daemons", "", "")]
    assert tools.first_versions(["4593.2.1"]) == {}


def test_of_the_merged_image_and_not_of_the_os() -> None:
    listed("4081.3.6", HOLED)
    node = make_node(
        oem="vmware", version="4593.2.1", oem_version="4081.3.6", oem_basis="observed"
    )
    assert tools.of_node(node) == [("open-vm-tools", "12.4.5", "derived")]


def test_an_oem_without_an_agent_and_one_that_is_not_merged_have_none() -> None:
    assert (
        tools.of_node(make_node(oem="hetzner", oem_version="4593.2.1", oem_basis="derived")) == []
    )
    assert tools.of_node(make_node(oem="vmware", oem_basis="observed")) == []
    assert tools.of_node(make_node(oem="acme", oem_version="4593.2.1", oem_basis="derived")) == []
    assert tools.of_node(vmware("4593.2.1")) == [("open-vm-tools", "", "")]
