"""What a server must do, case by case: the same to who asks again, and under load."""

import pytest
from pytest_django import Settings

from oemupdates.domain.node import State
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.domain.reason import Reason, Why
from oemupdates.models import Node, RejectedRequest
from oemupdates.services.checkins.kept import read_reasons
from oemupdates.services.shared.configuration import changing
from tests.omaha.door import Answer, Door, serving
from tests.omaha.messages import (
    APPLIED,
    BOOT,
    FINISHED,
    MACHINE,
    NEW,
    OLD,
    STARTED,
    check,
    failed,
    ping,
    tell,
)
from tests.omaha.policy import aim, publish, shape
from tests.services.makers import limit, make_release, seeded_group

pytestmark = pytest.mark.django_db(transaction=True)


def the_node() -> Node:
    return Node.objects.get(machine_id=MACHINE)


def reasons() -> list[Reason]:
    return list(read_reasons(the_node().reasons))


def test_case_37_repeats_an_offer_byte_for_byte(door: Door) -> None:
    publish(NEW, "oem-azure.gz", "oem-qemu.gz", "flatcar-python.gz")
    first = door.post(check())
    assert first.offered == NEW
    for between in (b"", tell(STARTED), tell(FINISHED), tell(failed(268435465))):
        if between:
            door.post(between)
        assert door.post(check()).body == first.body


def test_case_37_keeps_its_word_though_the_channel_moved(door: Door) -> None:
    publish(NEW, "oem-azure.gz")
    first = door.post(check())
    door.post(tell(STARTED))
    publish("4628.2.0", "oem-azure.gz")
    assert door.post(check()).body == first.body
    assert door.post(check(machineid="b" * 32)).offered == "4628.2.0"


def test_case_38_sends_the_interval_with_both_answers(door: Door) -> None:
    publish(NEW, "oem-azure.gz")
    shape(poll_interval_seconds=7200)
    for version in (OLD, NEW):
        answer = door.post(check(version=version))
        assert answer.heard.poll_seconds == 7200
        assert answer.root.find("app/updatecheck[@PollInterval='7200']") is not None


def test_case_38_asks_for_patience_while_its_queue_is_long(door: Door) -> None:
    shape(poll_interval_seconds=7200)
    door.post(check())
    batcher = door.application.updates.batcher
    batcher._strained_until = float("inf")
    assert door.post(check()).heard.poll_seconds == 14400


def _is_shed(answer: Answer) -> bool:
    assert answer.status == 503
    assert 1 <= int(answer.headers["retry-after"]) <= 600
    assert len(answer.body) < 300
    return True


def test_case_39_sheds_with_503_and_writes_nothing(
    transactional_db: None, settings: Settings
) -> None:
    settings.CHECKIN_SHED = True
    with serving() as door:
        assert all(_is_shed(door.post(sent)) for sent in (check(), ping(), tell(APPLIED)))
        assert _is_shed(door.post(b"no XML at all"))
        door.flush_rejections()
    assert not Node.objects.exists()
    assert not RejectedRequest.objects.exists()


def test_case_39_sheds_while_its_queue_is_full(transactional_db: None, settings: Settings) -> None:
    settings.CHECKIN_QUEUE_MAX = 0
    with serving() as door:
        assert _is_shed(door.post(check()))
    assert not Node.objects.exists()


def test_a_limit_withholds_and_says_so(door: Door) -> None:
    publish(NEW, "oem-azure.gz")
    with changing():
        limit(seeded_group(), 1)
    assert door.post(check(machineid="a" * 32)).offered == NEW
    assert door.post(check()).offered == ""
    assert reasons() == [Reason(Why.LIMIT, "1")]
    door.post(tell(APPLIED, machineid="a" * 32))
    assert door.post(check()).offered == ""  # it still has to boot
    door.post(check(version=NEW, machineid="a" * 32, bootid="{boot-2}"))
    assert door.post(check()).offered == NEW


def test_the_circuit_breaks_for_one_node_and_its_group_goes_on(door: Door) -> None:
    publish(NEW, "oem-azure.gz")
    for _ in range(3):
        assert door.post(check()).offered == NEW
        door.post(tell(STARTED))
        door.post(tell(failed(268435461)))
    assert door.post(check()).offered == ""
    assert the_node().state == State.FAILED
    assert reasons() == [Reason(Why.POSTINST_FAILURES, NEW, "3")]
    assert door.post(check(machineid="b" * 32)).offered == NEW
    aim(make_release("4628.2.0", payloads=(OS_PAYLOAD, "oem-azure.gz")))
    assert door.post(check(bootid=BOOT)).offered == "4628.2.0"
