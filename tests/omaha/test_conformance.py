"""What a server must do, case by case: checks, pings, events, and what they tell."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from oemupdates.domain import event as events
from oemupdates.domain.node import State
from oemupdates.domain.reason import Why
from oemupdates.models import Event, Node, VersionInterval
from oemupdates.services.checkins.kept import read_reasons
from oemupdates.services.counters.counters import mark_dark
from tests.omaha.door import Door
from tests.omaha.messages import (
    APPLIED,
    BOOT,
    FINISHED,
    FIRST,
    FLATCAR,
    MACHINE,
    NEW,
    NEXT_BOOT,
    OLD,
    STARTED,
    UPDATED,
    check,
    failed,
    ping,
    pxe_stub,
    tell,
)
from tests.omaha.policy import publish

pytestmark = pytest.mark.django_db(transaction=True)

SENT_BOTH_WAYS = [check(), check().replace(b"></updatecheck>", b"/>")]


def the_node(machine_id: str = MACHINE) -> Node:
    return Node.objects.get(machine_id=machine_id)


def reasons(node: Node) -> list[Why]:
    return [reason.why for reason in read_reasons(node.reasons)]


@pytest.mark.parametrize("sent", SENT_BOTH_WAYS, ids=["as stock prints it", "as others may"])
def test_case_01_offers_a_newer_version(door: Door, sent: bytes) -> None:
    publish(NEW, "oem-azure.gz")
    answer = door.post(sent)
    assert answer.status == 200
    assert answer.offered == NEW
    assert answer.package_names == ["flatcar_production_update.gz", "oem-azure.gz"]
    assert answer.apps[0].get("appid") == FLATCAR
    assert the_node().state == State.OFFERED


def test_case_02_has_nothing_for_a_node_at_its_target(door: Door) -> None:
    publish(NEW)
    answer = door.post(check(version=NEW))
    assert answer.offered == ""
    assert answer.root.find(".//manifest") is None
    assert the_node().state == State.UP_TO_DATE


def test_case_03_never_offers_an_older_version(door: Door) -> None:
    publish(NEW, "oem-azure.gz")
    assert door.post(check(version="4628.0.0")).offered == ""
    assert reasons(the_node()) == [Why.AHEAD]


def test_case_04_records_no_event_of_a_routine_check(door: Door) -> None:
    door.post(check())
    door.post(check())
    assert not Event.objects.exists()
    assert the_node().check_in_count == 2


def test_case_05_sees_a_node_for_the_first_time(door: Door) -> None:
    door.post(check(FIRST))
    assert the_node().first_seen_at is not None
    assert not Event.objects.exists()


def test_case_06_marks_an_update_complete_once(door: Door) -> None:
    publish(NEW, "oem-azure.gz")
    door.post(check())
    door.post(tell(APPLIED))
    for _ in range(2):
        door.post(check(UPDATED, version=NEW, bootid=NEXT_BOOT))
    assert the_node().state == State.UP_TO_DATE
    updated = Event.objects.get(meaning="updated")
    assert (updated.previous_version, updated.version) == (OLD, NEW)
    old, new = VersionInterval.objects.order_by("id")
    assert (old.version, new.version, new.ended_at) == (OLD, NEW, None)
    assert old.ended_at == new.started_at


def test_case_07_answers_a_ping_and_leaves_the_update_alone(door: Door) -> None:
    publish(NEW, "oem-azure.gz")
    door.post(check())
    door.post(tell(APPLIED))
    seen = the_node().last_seen_at
    answer = door.post(ping())
    assert answer.root.find("app/ping[@status='ok']") is not None
    assert answer.root.find("app/updatecheck") is None
    node = the_node()
    assert node.last_seen_at > seen
    assert (node.state, node.target_version) == (State.REBOOT_PENDING, NEW)


def test_case_08_follows_an_update_by_its_events(door: Door) -> None:
    publish(NEW, "oem-azure.gz")
    door.post(check())
    states = []
    for event in (STARTED, FINISHED, APPLIED):
        answer = door.post(tell(event))
        assert answer.body.endswith(b"</response>\n")
        assert answer.root.find("app/event[@status='ok']") is not None
        states.append(the_node().state)
    assert states == [State.DOWNLOADING, State.DOWNLOADED, State.REBOOT_PENDING]


def test_case_09_believes_3_1_though_13_and_14_are_missing(door: Door) -> None:
    publish(NEW, "oem-azure.gz")
    door.post(check())
    door.post(tell(APPLIED))
    assert the_node().state == State.REBOOT_PENDING


def test_case_10_splits_an_error_code_from_its_flags(door: Door) -> None:
    door.post(check())
    door.post(tell(failed(268435466)))
    event = Event.objects.get()
    assert (event.code, event.flags) == (10, "custom server")
    assert events.error(event.code).name == "payload hash mismatch"


@pytest.mark.parametrize(
    ("sent", "code", "flags"),
    [
        (1342177291, 11, {"resumed download", "custom server"}),
        (-2147483638, 10, {"developer mode"}),
        (-1879048182, 10, {"developer mode", "custom server"}),
        (2147483658, 10, {"developer mode"}),
        (4294967295, 0x0FFFFFFF, set(events.FLAGS.values())),
        (99999999999999999999, 0, set()),
    ],
)
def test_case_11_masks_every_flag(door: Door, sent: int, code: int, flags: set[str]) -> None:
    door.post(check())
    assert door.post(tell(failed(sent))).status == 200
    event = Event.objects.get()
    assert event.code == code
    assert set(filter(None, event.flags.split(", "))) == flags


def test_case_12_shows_an_http_status_of_the_check(door: Door) -> None:
    door.post(check())
    door.post(tell(failed(268437959)))
    event = Event.objects.get()
    assert event.meaning == "check_failed"
    assert events.error(event.code).name == "Omaha HTTP 503"
    assert the_node().download_failures == 0


def _applied_then(door: Door, **changes: str) -> Node:
    publish(NEW, "oem-azure.gz")
    door.post(check())
    door.post(tell(APPLIED))
    answer = door.post(check(failed(44), **changes))
    assert answer.status == 200
    return the_node()


def test_case_13_does_not_offer_again_what_was_rolled_back(door: Door) -> None:
    node = _applied_then(door, bootid=NEXT_BOOT)
    assert node.rolled_back_version == NEW
    assert reasons(node) == [Why.ROLLED_BACK]
    assert Event.objects.filter(meaning="rolled_back").count() == 1
    assert door.post(check(bootid=NEXT_BOOT)).offered == ""
    assert the_node().state == State.ROLLED_BACK
    publish("4628.2.0", "oem-azure.gz")
    assert door.post(check(bootid=NEXT_BOOT)).offered == "4628.2.0"


def test_case_14_tells_a_reset_from_a_rollback(door: Door) -> None:
    node = _applied_then(door, bootid=BOOT)
    assert node.rolled_back_version == ""
    assert node.state == State.OFFERED
    assert Event.objects.filter(meaning="status_reset").count() == 1
    assert not Event.objects.filter(meaning="rolled_back").exists()


def test_case_15_counts_no_failure_for_a_node_that_defers(door: Door) -> None:
    publish(NEW, "oem-azure.gz")
    for _ in range(12):
        assert door.post(check()).offered == NEW
        door.post(tell(failed(268435496, result=9)))
    node = the_node()
    assert node.state == State.DEFERRED
    assert (node.download_failures, node.postinst_failures) == (0, 0)
    assert Event.objects.count() == 1


def test_case_16_expects_no_second_word_of_a_diskless_node(door: Door) -> None:
    assert door.post(pxe_stub()).status == 200
    node = the_node()
    assert node.is_pxe
    assert node.group is not None
    door.post(check(machineid="f" * 32))
    mark_dark(timezone.now() + timedelta(days=9))
    assert not the_node().is_dark
    assert the_node("f" * 32).is_dark  # one that promised to come back


def test_each_case_has_a_test_of_its_name() -> None:
    texts = [path.read_text() for path in Path(__file__).parents[1].rglob("test_*.py")]
    named = re.compile(r"^(?:def test_case_(\d\d)_|class TestCase(\d\d))", flags=re.MULTILINE)
    found = {int(case or of_class) for case, of_class in named.findall("\n".join(texts))}
    assert found >= set(range(1, 63))
