"""From a node's files to the database: the real scripts, the real server, over a socket."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from oemupdates.domain.checkin import OBSERVED
from oemupdates.domain.report import load
from oemupdates.models import Node, SysextReport
from tests.node import tree as states
from tests.node.conftest import MISSING
from tests.node.tree import BOOT, MACHINE, NEW, Tree
from tests.omaha.door import Door
from tests.omaha.live import serving
from tests.omaha.messages import check

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    if MISSING:
        pytest.skip(f"a node has {', '.join(MISSING)}; this machine has not")
    return Tree(tmp_path / "node")


@pytest.fixture
def server(transactional_db: None) -> Iterator[str]:
    with serving() as (host, port):
        yield f"http://{host}:{port}/v1/update/"


def test_a_report_arrives_as_it_was_made(tree: Tree, server: str, door: Door) -> None:
    states.synced(tree)
    tree.write("etc/flatcar/update.conf", f"GROUP=stable\nSERVER={server}\n")
    tree.run("report")
    assert "not taken" in tree.said
    door.post(check(machineid=MACHINE, version=NEW, bootid=f"{{{BOOT}}}"))
    tree.run("report")
    assert tree.said == ""
    kept = load(SysextReport.objects.get().content)
    assert kept.is_of_boot(Node.objects.get().boot_id)
    assert kept.oem_extension is not None
    assert kept.oem_extension.version_id == NEW
    assert kept._asdict().keys() - {"machine_id", "boot_id"} < tree.report().keys()


@pytest.mark.parametrize(
    ("state", "version", "build"),
    [(states.synced, NEW, "2.12.0.4-r2"), (states.masked, "", "")],
    ids=["merged", "not-merged"],
)
def test_the_beacon_is_observed_in_a_stock_check_in(
    tree: Tree, door: Door, state: states.State, version: str, build: str
) -> None:
    state(tree)
    recorded = Path(__file__).parents[1] / "wire/update_engine-0.4.10"
    body = (recorded / "etc-oem-release-beacon.01.request.xml").read_text()
    told = re.sub(r'oemversion="[^"]*"', f'oemversion="{tree.beacon()}"', body)
    assert told != body
    door.post(told.encode())
    node = Node.objects.get()
    assert (node.oem_basis, node.oem_version, node.oem_build) == (OBSERVED, version, build)
    assert node.birth_version == ""
