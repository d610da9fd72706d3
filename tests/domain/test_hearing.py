"""What a node's own words make of it: each message a case, and what it did before."""

from typing import Any

import pytest

from oemupdates.domain.event import Event, Meaning
from oemupdates.domain.hearing import Hearing, hear
from oemupdates.domain.node import UNDER_WAY, State, starts_interval
from tests.domain.plain import (
    APPLIED,
    BOOT,
    CUSTOM,
    DEFERRED,
    DOWNLOAD_FAILED,
    FINISHED,
    FIRST,
    LATER,
    NEW,
    NEXT_BOOT,
    NOW,
    OLD,
    POSTINST_FAILED,
    ROLLED_BACK,
    STARTED,
    UPDATED,
    check,
    node,
    ping,
    say,
)

OFFERED: dict[str, Any] = {"state": State.OFFERED, "target_version": NEW}
PENDING: dict[str, Any] = {
    "state": State.REBOOT_PENDING,
    "target_version": NEW,
    "applied_boot_id": BOOT,
}


def meanings(hearing: Hearing) -> list[Meaning]:
    return [heard.meaning for heard in hearing.events]


class TestFirstContact:
    def test_a_new_node_is_seen_and_has_no_past(self) -> None:
        hearing = hear(None, check(FIRST), NOW)
        new = hearing.node
        assert (new.first_seen_at, new.last_seen_at) == (NOW, NOW)
        assert (new.state, new.version, new.track) == (State.NEW, OLD, "stable")
        assert starts_interval(None, new)
        assert hearing.events == []  # case 5: no "updated" of a version that was none

    @pytest.mark.parametrize("event", [STARTED, APPLIED, DOWNLOAD_FAILED, UPDATED])
    def test_an_event_of_a_node_never_seen_is_not_lost(self, event: Event) -> None:
        assert len(hear(None, say(event), NOW).events) == 1

    def test_pxe_stub(self) -> None:
        """Case 16: one routine event, no OEM version, no board."""
        stub = say(
            Event(3, 2), is_pxe=True, oem="diskless", oem_version="", aleph_version="",
            architecture="",
        )  # fmt: skip
        new = hear(None, stub, NOW).node
        assert new.is_pxe
        assert (new.oem_basis, new.oem_version, new.state) == ("", "", State.NEW)

    def test_rollback_as_the_first_word(self) -> None:
        hearing = hear(None, check(ROLLED_BACK), NOW)
        assert meanings(hearing) == [Meaning.ROLLED_BACK]
        assert hearing.node.state == State.ROLLED_BACK


class TestWhatIsRemembered:
    def test_what_was_known_stays_as_it_was(self) -> None:
        before, twin = node(), node()
        hear(before, check(STARTED, version=NEW, oem="gce", boot_id=NEXT_BOOT), LATER)
        assert before == twin

    def test_a_routine_check_changes_the_time_alone(self) -> None:
        hearing = hear(node(), check(), LATER)
        assert hearing.node == node(last_seen_at=LATER)
        assert not starts_interval(node(), hearing.node)
        assert hearing.events == []  # case 4

    def test_a_sign_of_life_ends_darkness_and_archive(self) -> None:
        heard = hear(node(is_dark=True, is_archived=True), ping(), LATER).node
        assert not heard.is_dark
        assert not heard.is_archived

    @pytest.mark.parametrize(
        ("changes", "attribute", "expected"),
        [
            ({"architecture": ""}, "architecture", "amd64"),
            ({"aleph_version": ""}, "aleph_version", OLD),
            ({"updater": ""}, "updater", "update_engine-0.4.10"),
            ({"boot_id": ""}, "boot_id", BOOT),
            ({"address": None}, "address", "192.0.2.7"),
            ({"oem": ""}, "oem", "azure"),
            ({"alias": ""}, "alias", "node-7"),
            ({"oem_version": ""}, "birth_version", "2.9.1.1-r4"),
        ],
    )
    def test_silence_of_an_event_clears_nothing(
        self, changes: dict[str, Any], attribute: str, expected: str
    ) -> None:
        assert getattr(hear(node(), say(STARTED, **changes), LATER).node, attribute) == expected

    @pytest.mark.parametrize("attribute", ["oem", "alias"])
    def test_a_check_says_what_is_and_may_clear_it(self, attribute: str) -> None:
        assert getattr(hear(node(), check(**{attribute: ""}), LATER).node, attribute) == ""

    @pytest.mark.parametrize(
        ("changes", "starts"),
        [
            ({}, False),
            ({"alias": "renamed"}, False),
            ({"address": "198.51.100.1"}, False),
            ({"track": "beta"}, False),
            ({"boot_id": NEXT_BOOT}, False),
            ({"version": NEW}, True),
            ({"oem": "gce"}, True),
            ({"oem_version": f"sysext/{OLD}/-"}, True),  # the same version, now observed
            ({"oem_version": "2.9.1.1-r5"}, False),
        ],
    )
    def test_an_interval_starts_when_what_runs_differs(
        self, changes: dict[str, Any], starts: object
    ) -> None:
        hearing = hear(node(), check(**changes), LATER)
        assert starts_interval(node(), hearing.node) is starts


class TestOemBasis:
    @pytest.mark.parametrize(
        ("changes", "expected"),
        [
            # Stock nodes: the sysext of the OS version, where it can only be that.
            ({}, ("derived", OLD, "", "2.9.1.1-r4")),
            ({"version": NEW}, ("derived", NEW, "", "2.9.1.1-r4")),
            # Installed before there were sysexts: nothing tells whether it was migrated.
            ({"aleph_version": "3510.2.0"}, ("reported", "", "", "2.9.1.1-r4")),
            ({"version": "3510.2.0"}, ("reported", "", "", "2.9.1.1-r4")),
            ({"oem": "rackspace"}, ("reported", "", "", "2.9.1.1-r4")),
            ({"oem": "vmware", "architecture": "arm64"}, ("reported", "", "", "2.9.1.1-r4")),
            ({"oem": "azure", "oem_version": ""}, ("derived", OLD, "", "")),
            # No OEM.
            ({"oem": "", "oem_version": ""}, ("", "", "", "")),
            ({"oem": "diskless", "oem_version": ""}, ("", "", "", "")),
            # The beacon.
            ({"oem_version": f"sysext/{OLD}/2.12.0.4"}, ("observed", OLD, "2.12.0.4", "")),
            ({"oem_version": f"sysext/{OLD}/-"}, ("observed", OLD, "", "")),
            ({"oem_version": f"sysext/{NEW}/-"}, ("observed", NEW, "", "")),
            ({"oem_version": "sysext/none"}, ("observed", "", "", "")),
            ({"oem": "rackspace", "oem_version": "sysext/1.0/-"}, ("observed", "1.0", "", "")),
        ],
    )  # fmt: skip
    def test_of_a_new_node(
        self, changes: dict[str, Any], expected: tuple[str, str, str, str]
    ) -> None:
        new = hear(None, check(**changes), NOW).node
        assert (new.oem_basis, new.oem_version, new.oem_build, new.birth_version) == expected

    @pytest.mark.parametrize("recorded", ["2.9.1.1-r4", NEW, f"{NEW}+2.13.0"])
    def test_a_birth_version_is_never_shown_as_current(self, recorded: str) -> None:
        new = hear(None, check(oem_version=recorded, aleph_version="3510.2.0"), NOW).node
        assert (new.oem_version, new.birth_version) == ("", recorded)

    def test_the_beacon_keeps_the_birth_version(self) -> None:
        heard = hear(node(), check(oem_version=f"sysext/{OLD}/2.12"), LATER).node
        assert heard.birth_version == "2.9.1.1-r4"

    def test_a_beacon_taken_away_leaves_what_can_be_derived(self) -> None:
        seen = node(oem_basis="observed", oem_version=NEW, oem_build="2.12")
        heard = hear(seen, check(), LATER).node
        assert (heard.oem_basis, heard.oem_version, heard.oem_build) == ("derived", OLD, "")

    def test_a_node_without_an_oem_has_none_that_is_not_merged(self) -> None:
        heard = hear(node(oem=""), check(oem="", oem_version="sysext/none"), LATER).node
        assert (heard.oem_basis, heard.oem_version, heard.oem_build) == ("", "", "")

    def test_silence_does_not_take_an_observation_away(self) -> None:
        seen = node(oem_basis="observed", oem_version=OLD, oem_build="2.12")
        hearing = hear(seen, say(STARTED, oem_version=""), LATER)
        assert (hearing.node.oem_basis, hearing.node.oem_build) == ("observed", "2.12")
        assert not starts_interval(seen, hearing.node)


class TestUpdate:
    @pytest.mark.parametrize(
        ("event", "state"),
        [
            (STARTED, State.DOWNLOADING),
            (FINISHED, State.DOWNLOADED),
            (APPLIED, State.REBOOT_PENDING),
            (DEFERRED, State.DEFERRED),
            (DOWNLOAD_FAILED, State.FAILED),
            (POSTINST_FAILED, State.FAILED),
        ],
    )
    @pytest.mark.parametrize("before", State)
    def test_an_event_leads_there_from_anywhere(
        self, before: State, event: Event, state: State
    ) -> None:
        """Any event may be missing (case 9), so none is asked for what came before it."""
        hearing = hear(node(state=before, target_version=NEW), say(event), LATER)
        assert hearing.node.state == state
        assert len(hearing.events) == 1

    def test_from_offer_to_reboot(self) -> None:
        """Cases 6 to 8: the whole way, with pings and repeats between."""
        states, told = [], []
        known = node(**OFFERED)
        way = [
            say(STARTED),
            say(FINISHED),
            say(APPLIED),
            ping(),
            ping(),
            check(UPDATED, version=NEW, boot_id=NEXT_BOOT),
            check(UPDATED, version=NEW, boot_id=NEXT_BOOT),
            check(version=NEW, boot_id=NEXT_BOOT),
        ]
        for said in way:
            hearing = hear(known, said, LATER)
            known = hearing.node
            states.append(known.state)
            told.append(meanings(hearing))
        assert states == [
            State.DOWNLOADING,
            State.DOWNLOADED,
            *[State.REBOOT_PENDING] * 3,
            *[State.NEW] * 3,
        ]
        assert told == [
            [Meaning.DOWNLOAD_STARTED],
            [Meaning.DOWNLOAD_FINISHED],
            [Meaning.APPLIED],
            [],
            [],
            [Meaning.UPDATED],
            [],  # the same boot says it again: stored once
            [],
        ]
        assert (known.target_version, known.applied_boot_id, known.version) == ("", "", NEW)

    @pytest.mark.parametrize("before", [*sorted(UNDER_WAY), State.FAILED, State.ROLLED_BACK])
    def test_the_new_version_ends_it_whatever_was_missed(self, before: State) -> None:
        known = node(
            state=before,
            target_version=NEW,
            rolled_back_version="4600.0.0",
            download_failures=2,
            postinst_failures=2,
            last_error_code=5,
        )
        after = hear(known, check(version=NEW, boot_id=NEXT_BOOT), LATER).node
        assert (after.state, after.target_version, after.rolled_back_version) == (
            State.NEW,
            "",
            "",
        )
        assert (after.download_failures, after.postinst_failures, after.last_error_code) == (
            0,
            0,
            0,
        )

    def test_repeats_of_an_event_are_stored_once(self) -> None:
        known = hear(node(**OFFERED), say(APPLIED), LATER).node
        assert hear(known, say(APPLIED), LATER).events == []
        assert len(hear(known, say(APPLIED, boot_id=NEXT_BOOT), LATER).events) == 1


class TestFailures:
    def test_download_and_postinst_are_counted_apart(self) -> None:
        """Case 53; code 10 with its flag is stored as 10 with the flag's name (case 10)."""
        known = node(**OFFERED)
        for event in (DOWNLOAD_FAILED, POSTINST_FAILED, Event(3, 0, CUSTOM + 10)):
            known = hear(known, say(STARTED), LATER).node
            hearing = hear(known, say(event), LATER)
            known = hearing.node
        assert (known.download_failures, known.postinst_failures) == (2, 1)
        assert known.last_error_code == 10
        assert (hearing.events[0].code, hearing.events[0].flags) == (10, ("custom server",))

    def test_the_same_failure_told_twice_counts_once(self) -> None:
        known = hear(node(**OFFERED), say(DOWNLOAD_FAILED), LATER).node
        again = hear(known, say(DOWNLOAD_FAILED), LATER)
        assert (again.node.download_failures, again.events) == (1, [])

    def test_the_next_attempt_counts_even_when_its_start_was_missed(self) -> None:
        known = hear(node(**OFFERED), say(DOWNLOAD_FAILED), LATER).node
        known.state = State.OFFERED  # it asked again, and was offered the same
        again = hear(known, say(DOWNLOAD_FAILED), LATER)
        assert (again.node.download_failures, len(again.events)) == (2, 1)

    @pytest.mark.parametrize("before", State)
    @pytest.mark.parametrize("code", [34, 2503, 30, 31])
    def test_a_failed_check_is_no_failed_update(self, code: int, before: State) -> None:
        known = node(state=before, target_version=NEW)
        hearing = hear(known, say(Event(3, 0, CUSTOM + code)), LATER)
        assert meanings(hearing) == [Meaning.CHECK_FAILED]
        assert hearing.node.state == before
        assert (hearing.node.download_failures, hearing.node.postinst_failures) == (0, 0)
        assert hear(hearing.node, say(Event(3, 0, CUSTOM + code)), LATER).events == []

    def test_days_of_back_off_are_one_event_and_no_failure(self) -> None:
        """Case 15: the node asks, is told the same, and defers, each 45 minutes for days."""
        known = node(**OFFERED)
        told = []
        for _ in range(5):
            known = hear(known, check(), LATER).node
            hearing = hear(known, say(DEFERRED), LATER)
            known = hearing.node
            told.append(len(hearing.events))
        assert told == [1, 0, 0, 0, 0]
        assert known.state == State.DEFERRED
        assert (known.download_failures, known.postinst_failures) == (0, 0)

    def test_events_of_other_clients_change_nothing(self) -> None:
        hearing = hear(node(**OFFERED), say(Event(800, 1)), LATER)
        assert meanings(hearing) == [Meaning.OTHER]
        assert hearing.node.state == State.OFFERED

    def test_several_events_in_one_message(self) -> None:
        hearing = hear(node(**OFFERED), say(STARTED, FINISHED, APPLIED), LATER)
        assert meanings(hearing) == [
            Meaning.DOWNLOAD_STARTED,
            Meaning.DOWNLOAD_FINISHED,
            Meaning.APPLIED,
        ]
        assert hearing.node.state == State.REBOOT_PENDING
