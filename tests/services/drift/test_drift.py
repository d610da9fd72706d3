"""Drift as it is measured of rows, and of the trees that the real report reads."""

from datetime import timedelta
from pathlib import Path

import pytest

from oemupdates.domain.drift import first_of
from oemupdates.domain.drift_facts import Drift
from oemupdates.domain.node import State
from oemupdates.domain.report import read
from oemupdates.models import (
    Channel,
    DriftInterval,
    Node,
    PackageList,
    Payload,
    VersionInterval,
)
from oemupdates.services.drift import drift, reports
from oemupdates.services.oem import package_lists
from oemupdates.services.shared import rates
from tests.node import tree as states
from tests.node.conftest import MISSING
from tests.node.tree import BOOT, MACHINE, NEW, OLD, Tree
from tests.services.makers import NOW, make_node, make_release, seeded_channel

pytestmark = pytest.mark.django_db
PAYLOADS = ("flatcar_production_update.gz", "oem-azure.gz")
BUILT_OF = "app-emulation/wa-linux-agent-2.13.0::x\ncoreos-base/oem-azure-2.13.0-r1::x\n"


@pytest.fixture(autouse=True)
def _fresh_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "_own", rates.Own())


def told_of(node: Node) -> list[drift.Told]:
    return drift.of_node(Node.objects.get(pk=node.pk), NOW).findings


def drifts(node: Node) -> list[Drift]:
    return [told.finding.drift for told in told_of(node)]


@pytest.fixture
def node(db: None) -> Node:
    return make_node(
        machine_id=MACHINE, boot_id=f"{{{BOOT}}}", oem="azure", version=NEW, aleph_version=OLD
    )


CLASSES = {
    states.legacy: Drift.OEM_NOT_MIGRATED,
    states.migration_waiting: Drift.MIGRATION_WAITING,
    states.migration_staged: Drift.MIGRATION_PENDING,
    states.synced: Drift.IN_SYNC,
    states.staged: Drift.IN_SYNC,
    states.updated: Drift.IN_SYNC,
    states.rolled_back: Drift.IN_SYNC,
    states.reset: Drift.IN_SYNC,
    states.downgraded: Drift.OEM_DOWNGRADED_BELOW_PORT,
    states.initial: Drift.OEM_INITIAL,
    states.dangling: Drift.OEM_MISSING_FOR_OS,
    states.masked: Drift.OEM_NOT_MERGED,
    states.no_oem: Drift.OEM_ID_MISMATCH,  # its check-ins say azure
}


@pytest.mark.parametrize("state", states.STATES, ids=lambda state: state.__name__)
def test_every_state_of_a_real_tree_has_its_class(
    node: Node, tmp_path: Path, state: states.State
) -> None:
    if MISSING:
        pytest.skip(f"a node has {', '.join(MISSING)}; this machine has not")
    tree = Tree(tmp_path / "node")
    state(tree)
    Node.objects.update(version=tree.version)
    said = read(tree.run("report", "--print").encode())
    reports.take(said, secret="", address=None, now=NOW)
    assert drifts(node)[0] is CLASSES[state]
    # The report alone, and then the brief of it that is kept with the node, say the same.
    kept = Node.objects.get()
    assert (first_of(kept.drift), kept.drift_basis) == (CLASSES[state].value, "report")


def test_the_tools_of_its_os_are_those_of_the_release_here(node: Node) -> None:
    make_release(NEW, payloads=PAYLOADS)
    Payload.objects.filter(name="oem-azure.gz").update(own_version="2.13.0")
    Node.objects.update(oem_basis="observed", oem_version=NEW, oem_build="2.12.0.4-r2")
    assert drifts(node)[0] is Drift.OEM_PAYLOAD_STALE
    Payload.objects.filter(name="oem-azure.gz").update(own_version="2.12.0.4-r2")
    assert drifts(node) == [Drift.IN_SYNC, Drift.REPORT_NEVER]


def test_without_a_look_inside_its_list_of_packages_names_the_build(node: Node) -> None:
    seen = {"oem_basis": "observed", "oem_version": NEW, "oem_build": "2.12.0.4-r2"}
    Node.objects.update(**seen, birth_version="2.9.1.1-r4")
    release = make_release(NEW, payloads=PAYLOADS)
    own = PackageList.objects.create(release=release, name="oem-azure", content=BUILT_OF)
    PackageList.objects.create(release=release, name="oem-other", content=BUILT_OF)
    assert drifts(node)[0] is Drift.IN_SYNC
    package_lists.read_new()
    assert drifts(node)[0] is Drift.OEM_PAYLOAD_STALE
    Node.objects.update(oem_build="2.13.0-r1")
    assert drifts(node)[0] is Drift.IN_SYNC
    # What was written at birth is older than that, and says nothing where a beacon does.
    Node.objects.update(oem_basis="derived", oem_build="")
    assert Drift.OEM_INSTALL_AGE in drifts(node)
    # The image of the release knows better than its list.
    Payload.objects.filter(name="oem-azure.gz").update(own_version="2.9.1.1-r4")
    assert Drift.OEM_INSTALL_AGE not in drifts(node)
    assert own.packages.exists()


def test_two_versions_with_a_sysext_migrate_a_node(node: Node) -> None:
    Node.objects.update(aleph_version="3510.2.0")
    for versions in ("", OLD):
        Node.objects.update(ported_versions=versions)
        assert drifts(node)[0] is Drift.OEM_NOT_MIGRATED
    Node.objects.update(ported_versions=f"{OLD} {NEW}")
    assert drifts(node)[0] is Drift.ASSUMED_IN_SYNC


def test_a_reboot_is_overdue_a_week_after_the_update_was_applied(node: Node) -> None:
    Node.objects.update(state=State.REBOOT_PENDING, target_version="4757.1.0")
    for days, expected in ((6, Drift.REBOOT_PENDING), (7, Drift.REBOOT_OVERDUE)):
        Node.objects.update(state_at=NOW - timedelta(days=days))
        assert expected in drifts(node)


def test_each_finding_says_since_when_it_stands(node: Node) -> None:
    Node.objects.update(rolled_back_version="4757.1.0", drift="assumed_in_sync", drift_at=NOW)
    opened = NOW - timedelta(days=3)
    DriftInterval.objects.create(
        node=node, drift="rolled_back", basis="check_ins", opened_at=opened
    )
    since = {told.finding.drift: told.since for told in told_of(node)}
    assert since[Drift.ASSUMED_IN_SYNC] == NOW
    assert since[Drift.ROLLED_BACK] == opened
    assert since[Drift.REPORT_NEVER] is None


def test_its_target_is_its_channels(node: Node) -> None:
    Channel.objects.filter(pk=seeded_channel().pk).update(
        target=make_release("4757.1.0", payloads=PAYLOADS)
    )
    assert Drift.OS_BEHIND in drifts(node)


def test_a_node_without_a_group_is_measured_too(node: Node) -> None:
    Node.objects.update(group=None)
    assert drifts(node)[0] is Drift.ASSUMED_IN_SYNC


def test_a_page_asks_no_more_for_a_long_history(
    node: Node, django_assert_max_num_queries: object
) -> None:
    for _ in range(20):
        VersionInterval.objects.create(node=node, version=NEW, started_at=NOW, ended_at=NOW)
    with django_assert_max_num_queries(16):  # type: ignore[operator]
        drifts(node)
