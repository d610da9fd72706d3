"""CVE-2025-41244, of which no release note speaks: from published lists of packages to pages.

The lists come by a sync from a server of the public ones' shape, the advisory is the one that the
product brings, and the versions of open-vm-tools are those that Flatcar's lines had.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from oemupdates import tasks
from oemupdates.domain.access import Role
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.metrics.collector import FleetCollector
from oemupdates.models import Advisory, Node
from oemupdates.services.sync import sync, sync_runs, upstreams
from oemupdates.services.sync.upstreams import Terms
from tests.api.conftest import session, somebody
from tests.domain.payload_maker import make_payload
from tests.omaha.door import Door, serving
from tests.omaha.messages import check
from tests.services.makers import seeded_channel
from tests.upstream.public_server import BOARD, PublicServer

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
NAME = "CVE-2025-41244"
TOOLS = {"4081.3.6": "12.4.5", "4593.2.1": "13.0.5", "4757.1.0": "13.0.10"}


@pytest.fixture
def door(tmp_path: Path, settings: object) -> Iterator[Door]:
    settings.PAYLOAD_DIR = tmp_path / "hosted"  # type: ignore[attr-defined]
    with serving() as opened:
        yield opened


def test_on_vmware_nodes_of_the_versions_that_have_it_and_on_no_others(
    door: Door, public: PublicServer
) -> None:
    for version, tools in TOOLS.items():
        publish(public, version, tools)
    have(public)
    nodes = {
        "lts": heard(door, "4081.3.6"),
        "stable": heard(door, "4593.2.1"),
        "beta": heard(door, "4757.1.0"),
        "azure": heard(door, "4081.3.6", oem="azure"),
        "bare": heard(door, "4081.3.6", oem=""),
        "legacy": heard(door, "4593.2.1", alephversion="3510.2.8"),
        "unlisted": heard(door, "4230.2.3"),
        "rebuilt": heard(door, "4593.2.1", oemversion="sysext/4593.2.1/12.4.5"),
    }
    tasks.look_for_holes()
    browser = session(somebody("viewer", Role.VIEWER))
    row = Advisory.objects.get(name=NAME)

    shown = browser.get("/security/").text
    assert f'exposed={NAME}">2</a>' in shown
    assert f'exposure_unknown={NAME}">2</a>' in shown
    assert "app-emulation/open-vm-tools-12.4.5" in browser.get(f"/security/{row.pk}/").text
    for name, node in nodes.items():
        listed = browser.get(f"/nodes/?exposed={NAME}").text
        assert (f"/nodes/{node.pk}/" in listed) == (name in {"lts", "rebuilt"}), name
    unknown = browser.get(f"/api/v1/nodes?exposure_unknown={NAME}").json()["items"]
    assert {one["id"] for one in unknown} == {nodes["legacy"].pk, nodes["unlisted"].pk}
    said = browser.get(f"/api/v1/advisories/{row.pk}/exposure").json()
    assert (said["nodes"], said["unknown_nodes"], said["node_days"]) == (2, 2, 2)
    assert {(one["version"], one["build"]) for one in said["images"] if one["nodes"]} == {
        ("4081.3.6", ""),
        ("4593.2.1", "12.4.5"),
    }
    assert {one["cleared_by"] for one in said["images"]} == {"4593.2.1", "4757.1.0"}
    found = {metric.name: metric.samples for metric in FleetCollector().collect()}
    for metric in ("oemfleet_exposed_nodes", "oemfleet_exposure_unknown_nodes"):
        (value,) = [one.value for one in found[metric] if one.labels["advisory"] == NAME]
        assert value == 2


def publish(public: PublicServer, version: str, tools: str) -> None:
    names = (OS_PAYLOAD, "oem-vmware.gz", "oem-azure.gz")
    public.publish(version, {name: make_payload(f"{version}/{name}".encode()) for name in names})
    folder = f"/images/{BOARD}/{version}"
    public.documents |= {
        f"{folder}/oem-vmware_packages.txt": (
            f"app-emulation/open-vm-tools-{tools}::portage-stable\n"
            f"coreos-base/oem-vmware-{tools}::coreos-overlay\n"
        ).encode(),
        f"{folder}/oem-azure_packages.txt": b"app-emulation/wa-linux-agent-2.12.0.4::x\n",
        f"{folder}/flatcar_production_image_packages.txt": b"app-shells/bash-5.2_p37::x\n",
    }


def have(public: PublicServer) -> None:
    """Import every release by its number, as an operator does who wants the older ones."""
    terms = Terms(
        name="flatcar",
        kind="public",
        address=public.address,
        release_server=f"{public.url}/files",
        images_server=f"{public.url}/images",
        needs_signature=False,
    )
    upstream = upstreams.add(terms, by=None)
    for version in TOOLS:
        run = sync_runs.ask(upstream, seeded_channel(), by=None, version=version)
        assert sync.work(sync_runs.claim(run.pk)).problem == ""


def heard(door: Door, version: str, **said: str) -> Node:
    """A VMware node that was installed with what it runs, unless it says otherwise."""
    machine_id = f"{Node.objects.count() + 1:032x}"
    facts = {"oem": "vmware", "oemversion": "12.0.0", "alephversion": version} | said
    door.post(check(machineid=machine_id, version=version, **facts))
    return Node.objects.get(machine_id=machine_id)
