"""What a node hears, as tables: a node, its group's policy, and every reason."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from oemupdates.domain.decision import Decision, decide
from oemupdates.domain.node import Node, State
from oemupdates.domain.policy import OS_PAYLOAD, Group, Release
from oemupdates.domain.reason import Reason, Why
from tests.domain.plain import (
    NEW,
    NOW,
    OLD,
    channel,
    floors,
    group,
    node,
    payload,
    release,
)

NEWER = "4628.2.0"


def ask(
    asks: Node,
    of: Group | None,
    *,
    releases: dict[str, Release] | None = None,
    places_left: int | None = None,
) -> Decision:
    return decide(asks, of, releases=releases or {}, places_left=places_left, now=NOW)


def on(target: Release | None, **changes: Any) -> Group:
    """A group on a channel with this target; the rest goes to the channel."""
    return group(channel(target, **changes))


def offered(decision: Decision) -> str:
    return decision.release.version if decision.release else ""


class TestOffer:
    def test_the_target(self) -> None:
        decision = ask(node(), group())
        assert decision == Decision(release(), (Reason(Why.TARGET, NEW),), State.OFFERED)
        assert decision.answer == f"offer {NEW}"

    @pytest.mark.parametrize("version", ["0.0.0", "3510.3.6", "4593.2.0", "4593.2.1-rc.1"])
    def test_whatever_is_older(self, version: str) -> None:
        assert offered(ask(node(version=version, aleph_version=version), group())) == NEW

    @pytest.mark.parametrize(
        ("version", "reason"),
        [
            (NEW, Reason(Why.UP_TO_DATE, NEW)),
            (f"{NEW}+build-7", Reason(Why.UP_TO_DATE, f"{NEW}+build-7")),
            ("4593.2.2", Reason(Why.AHEAD, NEW)),
            ("4593.2.2-rc.1", Reason(Why.AHEAD, NEW)),
            (NEWER, Reason(Why.AHEAD, NEW)),
        ],
    )
    def test_never_the_same_and_never_an_older_one(self, version: str, reason: Reason) -> None:
        """Cases 2 and 3."""
        decision = ask(node(version=version), group())
        assert decision == Decision(None, (reason,), State.UP_TO_DATE)
        assert decision.answer == "noupdate"


class TestNowhereToGo:
    @pytest.mark.parametrize(
        ("asks", "of", "reason", "state"),
        [
            (
                node(architecture=""),
                group(),
                Reason(Why.UNKNOWN_ARCHITECTURE),
                State.WAITING,
            ),
            (
                node(architecture=""),
                None,
                Reason(Why.UNKNOWN_ARCHITECTURE),
                State.UNASSIGNED,
            ),
            (node(track="odd"), None, Reason(Why.UNKNOWN_TRACK, "odd"), State.UNASSIGNED),
            (
                node(),
                replace(group(), channel=None),
                Reason(Why.NO_CHANNEL, "stable"),
                State.WAITING,
            ),
            (node(), on(None), Reason(Why.NO_TARGET, "stable"), State.WAITING),
            (
                node(version="4593"),
                group(),
                Reason(Why.BAD_VERSION, "4593"),
                State.WAITING,
            ),
            (node(version=""), group(), Reason(Why.BAD_VERSION, ""), State.WAITING),
        ],
    )
    def test_is_a_plain_no(
        self, asks: Node, of: Group | None, reason: Reason, state: State
    ) -> None:
        assert ask(asks, of) == Decision(None, (reason,), state)


class TestOperatorsRefuse:
    @pytest.mark.parametrize(
        ("until", "now_is", "held"),
        [
            (None, NOW, True),
            (NOW + timedelta(microseconds=1), NOW, True),
            (NOW, NOW, False),
            (NOW - timedelta(days=1), NOW, False),
        ],
    )
    def test_a_hold_holds_to_its_end(self, until: Any, now_is: Any, held: object) -> None:
        asks = node(is_held=True, held_because="kernel bug", held_until=until)
        decision = decide(asks, group(), releases={}, places_left=None, now=now_is)
        assert (decision.release is None) is held

    def test_a_hold_says_why_and_until_when(self) -> None:
        asks = node(is_held=True, held_because="kernel bug", held_until=NOW + timedelta(hours=1))
        decision = ask(asks, group())
        assert decision.reasons == (Reason(Why.HELD, "kernel bug", "2026-09-01 13:00 UTC"),)
        assert ask(replace(asks, held_until=None), group()).reasons == (
            Reason(Why.HELD, "kernel bug"),
        )
        assert decision.state == State.WAITING

    def test_a_hold_that_was_released_leaves_its_words_behind(self) -> None:
        asks = node(is_held=False, held_because="kernel bug", held_until=None)
        assert offered(ask(asks, group())) == NEW

    def test_updates_switched_off(self) -> None:
        decision = ask(node(), replace(group(), updates_enabled=False))
        assert decision == Decision(None, (Reason(Why.UPDATES_OFF, "stable"),), State.WAITING)

    def test_a_dead_end(self) -> None:
        decision = ask(node(), on(release(), dead_ends={OLD: "its boot loader"}))
        assert decision.reasons == (Reason(Why.DEAD_END, OLD, "its boot loader"),)
        assert offered(ask(node(), on(release(), dead_ends={"4459.2.3": "another"}))) == NEW


class TestFloors:
    @pytest.mark.parametrize(
        ("version", "expected"),
        [
            ("4152.2.3", "4230.2.0"),
            ("4230.2.0", "4459.2.0"),  # on the floor itself: the next one
            ("4230.2.1", "4459.2.0"),
            ("4459.2.0", NEW),
            (OLD, NEW),
        ],
    )
    def test_the_lowest_above_the_node(self, version: str, expected: str) -> None:
        """Case 33."""
        of = on(release(), floors=floors("4230.2.0", "4459.2.0"))
        decision = ask(node(version=version), of)
        assert offered(decision) == expected
        if expected != NEW:
            assert decision.reasons == (Reason(Why.FLOOR, expected, NEW),)

    @pytest.mark.parametrize("floor", [NEW, NEWER])
    def test_none_at_or_beyond_the_target(self, floor: str) -> None:
        assert ask(node(), on(release(), floors=floors(floor))).reasons == (
            Reason(Why.TARGET, NEW),
        )

    def test_what_refuses_the_floor_refuses_the_way(self) -> None:
        blocked = replace(floors("4515.2.0")[0].release, blocked_because="it does not boot")
        of = on(release(), floors=(replace(floors("4515.2.0")[0], release=blocked),))
        assert ask(node(), of).reasons == (Reason(Why.BLOCKED, "4515.2.0", "it does not boot"),)


class TestReleaseRefuses:
    def test_blocked(self) -> None:
        of = on(release(blocked_because="it does not boot"))
        assert ask(node(), of).reasons == (Reason(Why.BLOCKED, NEW, "it does not boot"),)

    def test_built_for_others(self) -> None:
        """Case 35: whatever an operator mixed up, no node gets what it cannot boot."""
        of = on(release(architecture="arm64"))
        assert ask(node(), of).reasons == (Reason(Why.WRONG_ARCHITECTURE, NEW, "arm64"),)

    def test_without_its_os_payload(self) -> None:
        of = on(release(payloads=(payload("oem-azure.gz"),)))
        assert ask(node(), of).reasons == (Reason(Why.NOT_READY, NEW, OS_PAYLOAD),)

    @pytest.mark.parametrize(
        ("oem", "version", "reason"),
        [
            ("gce", OLD, Reason(Why.NOT_READY, NEW, "oem-gce.gz")),
            ("hyperv", OLD, Reason(Why.NOT_READY, NEW, "oem-hyperv.gz")),
            ("gce", "3510.2.0", Reason(Why.NOT_READY, NEW, "oem-gce.gz")),
            ("azure", OLD, None),
            ("", OLD, None),
            ("diskless", OLD, None),
            ("own-oem", OLD, None),
            ("oraclecloud", OLD, None),  # not shipped yet at that target
        ],
    )
    def test_without_the_payload_of_the_nodes_oem(
        self, oem: str, version: str, reason: Reason | None
    ) -> None:
        """Case 31."""
        decision = ask(node(oem=oem, version=version), group())
        assert decision.reasons == (reason or Reason(Why.TARGET, NEW),)

    def test_unless_the_group_does_without(self) -> None:
        decision = ask(node(oem="gce"), replace(group(), needs_oem_payload=False))
        assert offered(decision) == NEW
        assert decision.reasons == (
            Reason(Why.TARGET, NEW),
            Reason(Why.OEM_NOT_IN_RELEASE, NEW, "gce"),
        )

    def test_which_is_not_said_where_nothing_lacks(self) -> None:
        decision = ask(node(), replace(group(), needs_oem_payload=False))
        assert decision.reasons == (Reason(Why.TARGET, NEW),)

    @pytest.mark.parametrize(
        ("target", "why"), [("4721.0.0", Why.NOT_READY), ("4722.0.0", Why.OEM_DROPPED)]
    )
    def test_an_oem_that_flatcar_dropped(self, target: str, why: Why) -> None:
        """Case 32."""
        assert [each.why for each in ask(node(oem="packet"), on(release(target))).reasons] == [why]

    def test_a_dropped_oem_whose_payload_somebody_made(self) -> None:
        of = on(release("4722.0.0", "oem-packet.gz"))
        assert offered(ask(node(oem="packet"), of)) == "4722.0.0"

    @pytest.mark.parametrize(
        ("name", "refused"),
        [
            (OS_PAYLOAD, True),
            ("oem-azure.gz", True),
            ("flatcar-python.gz", True),
            ("oem-gce.gz", False),  # another OEM's is of no concern
        ],
    )
    def test_a_payload_that_is_not_verified(self, name: str, refused: object) -> None:
        whole = release(NEW, "flatcar-python.gz", "oem-gce.gz")
        doubtful = tuple(replace(one, is_verified=one.name != name) for one in whole.payloads)
        decision = ask(node(), on(replace(whole, payloads=doubtful)))
        assert (decision.reasons == (Reason(Why.NOT_VERIFIED, NEW, name),)) is refused
        assert (decision.release is None) is refused


def test_every_reason_that_applies_is_told() -> None:
    asks = node(
        oem="gce",
        state=State.WAITING,
        target_version=NEW,
        is_held=True,
        held_because="kernel bug",
        postinst_failures=3,
        download_failures=10,
        rolled_back_version=NEW,
    )
    target = release(
        architecture="arm64",
        blocked_because="it does not boot",
        payloads=(payload("flatcar-python.gz", is_verified=False),),
    )
    of = replace(on(target, dead_ends={OLD: "its boot loader"}), updates_enabled=False)
    decision = ask(asks, of, places_left=0)
    assert [reason.why for reason in decision.reasons] == [
        Why.HELD,
        Why.UPDATES_OFF,
        Why.DEAD_END,
        Why.BLOCKED,
        Why.WRONG_ARCHITECTURE,
        Why.NOT_READY,  # the OS
        Why.NOT_READY,  # its OEM
        Why.NOT_VERIFIED,
        Why.ROLLED_BACK,
        Why.POSTINST_FAILURES,
        Why.DOWNLOAD_FAILURES,
        Why.LIMIT,
    ]
    assert decision.state == State.ROLLED_BACK
