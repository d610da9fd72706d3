"""What tells a rollback, what only looks like one, and a node that begins anew."""

from typing import Any

import pytest

from oemupdates.domain.checkin import CheckIn
from oemupdates.domain.event import Meaning
from oemupdates.domain.hearing import Hearing, hear
from oemupdates.domain.node import Node, State
from tests.domain.plain import (
    BOOT,
    FIRST,
    LATER,
    NEW,
    NEXT_BOOT,
    OLD,
    ROLLED_BACK,
    check,
    node,
    ping,
)

OFFERED: dict[str, Any] = {"state": State.OFFERED, "target_version": NEW}
PENDING: dict[str, Any] = {
    "state": State.REBOOT_PENDING,
    "target_version": NEW,
    "applied_boot_id": BOOT,
}


def meanings(hearing: Hearing) -> list[Meaning]:
    return [heard.meaning for heard in hearing.events]


def _rolls_back(known: Node, said: CheckIn) -> Node:
    after = hear(known, said, LATER).node
    assert after.state == State.ROLLED_BACK
    return after


class TestRollback:
    def test_44_with_a_new_boot(self) -> None:
        """Case 13."""
        said = check(ROLLED_BACK, boot_id=NEXT_BOOT)
        after = _rolls_back(node(**PENDING), said)
        assert after.rolled_back_version == NEW
        hearing = hear(node(**PENDING), said, LATER)
        assert meanings(hearing) == [Meaning.ROLLED_BACK]
        assert hearing.events[0].flags == ()

    def test_44_without_a_new_boot_is_a_reset_of_the_status(self) -> None:
        """Case 14."""
        hearing = hear(node(**PENDING), check(ROLLED_BACK), LATER)
        assert meanings(hearing) == [Meaning.STATUS_RESET]
        assert hearing.node.state == State.NEW
        assert hearing.node.rolled_back_version == ""

    def test_44_after_an_unheard_3_1(self) -> None:
        known = node(state=State.DOWNLOADED, target_version=NEW)
        after = _rolls_back(known, check(ROLLED_BACK, boot_id=NEXT_BOOT))
        assert after.rolled_back_version == NEW

    def test_an_unheard_44(self) -> None:
        """The old version after the reboot tells it by itself."""
        after = _rolls_back(node(**PENDING), check(boot_id=NEXT_BOOT))
        assert after.rolled_back_version == NEW

    def test_an_older_version_days_later(self) -> None:
        known = node(version=NEW, state=State.UP_TO_DATE)
        after = _rolls_back(known, check(version=OLD, boot_id=NEXT_BOOT))
        assert after.rolled_back_version == NEW

    def test_44_does_not_rename_what_its_version_told(self) -> None:
        """It ran NEW, was on its way to the next, and went back to OLD: NEW is what failed."""
        known = node(version=NEW, state=State.DOWNLOADING, target_version="4628.2.0")
        after = _rolls_back(known, check(ROLLED_BACK, version=OLD, boot_id=NEXT_BOOT))
        assert after.rolled_back_version == NEW

    def test_told_again_it_stays_one_event(self) -> None:
        said = check(ROLLED_BACK, boot_id=NEXT_BOOT)
        hearing = hear(hear(node(**PENDING), said, LATER).node, said, LATER)
        assert hearing.events == []
        assert hearing.node.state == State.ROLLED_BACK

    @pytest.mark.parametrize(
        ("known", "said"),
        [
            (node(version=NEW), check(version=OLD)),  # no boot lies between
            (node(version=NEW), check(version="0.0.0", boot_id=NEXT_BOOT)),  # forced by its owner
            (node(version=NEW, is_pxe=True), check(version=OLD, boot_id=NEXT_BOOT, is_pxe=True)),
            (node(version=NEW), check(FIRST, version=OLD, boot_id=NEXT_BOOT)),  # re-installed
            (node(version=NEW), check(version=OLD, boot_id=NEXT_BOOT, aleph_version="4081.2.0")),
            (node(version=NEW), check(version="no version", boot_id=NEXT_BOOT)),
            (node(version="no version"), check(boot_id=NEXT_BOOT)),
            (node(version=""), check(boot_id=NEXT_BOOT)),
            (node(**PENDING), ping(boot_id=NEXT_BOOT)),  # it would have asked
            (node(**PENDING), ping()),
            (node(**OFFERED), check(boot_id=NEXT_BOOT)),  # a reboot before anything was applied
        ],
    )
    def test_no_rollback(self, known: Node, said: CheckIn) -> None:
        after = hear(known, said, LATER).node
        assert after.state != State.ROLLED_BACK
        assert after.rolled_back_version == ""

    def test_the_next_success_forgets_it(self) -> None:
        known = node(state=State.ROLLED_BACK, rolled_back_version=NEW)
        after = hear(known, check(version="4628.2.0", boot_id=NEXT_BOOT), LATER).node
        assert (after.state, after.rolled_back_version) == (State.NEW, "")


class TestReinstalledNode:
    def test_its_past_is_forgotten(self) -> None:
        known = node(
            version=NEW, state=State.FAILED, target_version="4628.2.0", postinst_failures=3
        )
        hearing = hear(known, check(FIRST, boot_id=NEXT_BOOT, version=OLD), LATER)
        after = hearing.node
        assert meanings(hearing) == [Meaning.FIRST_BOOT]
        assert (after.state, after.target_version, after.postinst_failures) == (State.NEW, "", 0)

    def test_with_the_same_version(self) -> None:
        known = node(**PENDING, rolled_back_version="4600.0.0")
        hearing = hear(known, check(FIRST, boot_id=NEXT_BOOT), LATER)
        assert meanings(hearing) == [Meaning.FIRST_BOOT]
        assert hearing.node.state == State.NEW
        assert hearing.node.rolled_back_version == ""

    def test_whose_first_word_was_lost(self) -> None:
        known = node(version=NEW, state=State.FAILED, target_version=NEW, postinst_failures=3)
        said = check(boot_id=NEXT_BOOT, aleph_version="4081.2.0", version="4081.2.0")
        after = hear(known, said, LATER).node
        assert (after.target_version, after.postinst_failures) == ("", 0)
        assert after.aleph_version == "4081.2.0"

    def test_the_same_boot_saying_it_again_is_no_news(self) -> None:
        hearing = hear(node(**OFFERED), check(FIRST), LATER)
        assert hearing.events == []
        assert hearing.node.state == State.OFFERED
