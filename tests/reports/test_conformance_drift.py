"""Conformance cases 46 to 55: what nodes say and report, and the drift that is kept of it."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from oemupdates.domain.drift import first_of
from oemupdates.domain.node import State
from oemupdates.models import Group, Node
from oemupdates.reports.endpoint import PATH
from oemupdates.services.counters import counters
from tests.domain.test_report import report
from tests.omaha.door import Door
from tests.omaha.messages import APPLIED, CUSTOM, MACHINE, NEW, OLD, check, failed, tell
from tests.omaha.policy import publish
from tests.services.makers import seeded_group

pytestmark = pytest.mark.django_db(transaction=True)
BOOT = "0afc72a3-4de1-4095-a9eb-76ef2317d90a"
IMAGE = {
    "name": "oem-azure",
    "merged": True,
    "version_id": NEW,
    "sysext_level": "",
    "payload_version": "2.12.0.4-r2",
    "target": f"/oem/sysext/oem-azure-{NEW}.raw",
    "target_exists": True,
}
STORED = {"path": f"/oem/sysext/oem-azure-{NEW}.raw", "size": 20971520}


@pytest.fixture
def node(door: Door) -> Door:
    """A node that runs the new version, and has checked in."""
    door.post(check(version=NEW, bootid=f"{{{BOOT}}}"))
    return door


def said(door: Door, **changes: Any) -> Node:
    """The node, once it has reported."""
    values = {"machineid": MACHINE, "bootid": BOOT, "enabled_sysext": [], "os_version": NEW}
    values |= {"extensions": [IMAGE], "files": [STORED]}
    assert door.post(report(**(values | changes)), PATH).status == 204
    return Node.objects.get()


def image(**changes: Any) -> list[dict[str, Any]]:
    return [IMAGE | changes]


def test_case_46_the_image_of_its_os_is_merged(node: Door) -> None:
    kept = said(node)
    assert (kept.drift, kept.drift_basis) == ("in_sync", "report")


def test_case_47_its_link_leads_nowhere(node: Door) -> None:
    kept = said(node, extensions=image(merged=False, target_exists=False), files=[])
    assert first_of(kept.drift) == "oem_missing_for_os"


def test_case_48_its_image_is_there_and_not_merged(node: Door) -> None:
    assert first_of(said(node, extensions=[]).drift) == "oem_not_merged"


def test_case_49_one_of_the_first_images_is_merged(node: Door) -> None:
    initial = image(version_id="", sysext_level="1.0", target="/oem/sysext/oem-azure-initial.raw")
    assert first_of(said(node, extensions=initial).drift) == "oem_initial"


def test_case_50_an_applied_update_is_assumed_until_it_is_reported(door: Door) -> None:
    publish(NEW, "oem-azure.gz")
    door.post(check())
    door.post(tell(APPLIED))
    door.post(check(version=NEW, bootid=f"{{{BOOT}}}"))
    kept = Node.objects.get()
    assert (first_of(kept.drift), kept.drift_basis) == ("assumed_in_sync", "derived")
    kept = said(door)
    assert (first_of(kept.drift), kept.drift_basis) == ("in_sync", "report")


def test_case_51_a_report_of_another_boot_is_stale(node: Door) -> None:
    said(node)
    node.post(check(version=NEW, bootid="{later}"))
    kept = Node.objects.get()
    assert (first_of(kept.drift), kept.drift_basis) == ("assumed_in_sync", "derived")
    assert "report_stale" in kept.drift


def test_case_52_check_ins_and_partition_name_two_oems(node: Door) -> None:
    assert first_of(said(node, oem="ami").drift) == "oem_id_mismatch"


def test_case_53_three_failed_post_install_steps_stop_one_node(door: Door) -> None:
    publish(NEW, "oem-azure.gz")
    for _ in range(3):
        assert door.post(check()).offered == NEW
        door.post(tell(failed(CUSTOM + 5)))
    assert door.post(check()).offered == ""
    kept = Node.objects.get()
    assert (kept.postinst_failures, kept.download_failures) == (3, 0)
    assert "update_blocked" in kept.drift
    assert door.post(check(machineid="1" * 32)).offered == NEW


def test_case_54_two_boots_take_turns(door: Door) -> None:
    for boot in "abab":
        door.post(check(bootid=f"{{{boot}}}"))
    assert "duplicate_machine_id" in Node.objects.get().drift


def test_case_55_a_silent_node_is_dark_since_then_and_not_failed(door: Door) -> None:
    door.post(check())
    Group.objects.filter(pk=seeded_group().pk).update(dark_after_seconds=3600)
    seen = timezone.now() - timedelta(hours=2)
    Node.objects.update(last_seen_at=seen)
    counters.mark_dark(timezone.now())
    kept = Node.objects.get()
    assert (kept.is_dark, kept.last_seen_at, kept.version) == (True, seen, OLD)
    assert kept.state != State.FAILED
