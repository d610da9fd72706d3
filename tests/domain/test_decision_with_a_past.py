"""What a node hears that has a past: failures, a place, a release that it is on its way to."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from oemupdates.domain.decision import KEEPS_OFFER, Decision, decide, settle
from oemupdates.domain.node import UNDER_WAY, Node, State
from oemupdates.domain.policy import Group, Release
from oemupdates.domain.reason import Reason, Why
from tests.domain.plain import (
    BOOT,
    NEW,
    NOW,
    OLD,
    channel,
    group,
    node,
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


class TestHistoryRefuses:
    @pytest.mark.parametrize(
        ("failures", "state"),
        [
            ({"postinst_failures": 2}, State.OFFERED),
            ({"postinst_failures": 3}, State.FAILED),
            ({"postinst_failures": 4}, State.FAILED),
            ({"download_failures": 9}, State.OFFERED),
            ({"download_failures": 10}, State.FAILED),
            ({"download_failures": 9, "postinst_failures": 2}, State.OFFERED),
        ],
    )
    def test_the_circuit_breaker(self, failures: dict[str, int], state: State) -> None:
        """Case 53: both edges of both limits; the two never add up."""
        decision = ask(node(target_version=NEW, **failures), group())
        assert decision.state == state

    def test_both_limits_are_told(self) -> None:
        asks = node(target_version=NEW, postinst_failures=3, download_failures=10)
        assert ask(asks, group()).reasons == (
            Reason(Why.POSTINST_FAILURES, NEW, "3"),
            Reason(Why.DOWNLOAD_FAILURES, NEW, "10"),
        )

    def test_the_groups_own_limits(self) -> None:
        strict = replace(group(), max_postinst_failures=1, max_download_failures=2)
        assert ask(node(target_version=NEW, postinst_failures=1), strict).release is None
        assert offered(ask(node(target_version=NEW, download_failures=1), strict)) == NEW

    def test_another_target_starts_anew(self) -> None:
        asks = node(target_version=NEW, postinst_failures=3, state=State.FAILED)
        assert offered(ask(asks, on(release(NEWER)))) == NEWER

    @pytest.mark.parametrize("state", State)
    def test_what_it_rolled_back_from_is_not_offered_again(self, state: State) -> None:
        asks = node(rolled_back_version=NEW, state=state)
        decision = ask(asks, group())
        assert decision == Decision(None, (Reason(Why.ROLLED_BACK, NEW),), State.ROLLED_BACK)
        assert offered(ask(asks, on(release(NEWER)))) == NEWER


class TestLimit:
    @pytest.mark.parametrize(
        ("places", "expected"), [(None, NEW), (2, NEW), (1, NEW), (0, ""), (-1, "")]
    )
    def test_places(self, places: int | None, expected: str) -> None:
        of = replace(group(), max_under_way=5)
        decision = ask(node(), of, places_left=places)
        assert offered(decision) == expected
        if not expected:
            assert decision == Decision(None, (Reason(Why.LIMIT, "5"),), State.WAITING)

    @pytest.mark.parametrize("state", State)
    def test_who_has_a_place_keeps_it(self, state: State) -> None:
        of = replace(group(), max_under_way=5)
        decision = ask(node(state=state, target_version=NEW), of, places_left=0)
        assert (decision.release is not None) is (state in UNDER_WAY)


# By version, while the channel is at the newer one.
NOW_AT_NEWER = {NEW: release(), NEWER: release(NEWER)}


class TestUnderWay:
    def started(self, **changes: Any) -> Node:
        values = {"state": State.DOWNLOADING, "target_version": NEW, "offered_at": NOW}
        return node(**(values | changes))

    def test_the_same_question_has_the_same_answer(self) -> None:
        """Case 37: a changed offer makes the client throw its download away."""
        first = ask(node(), group())
        asks = node()
        settle(asks, first, NOW)
        assert ask(asks, group(), releases=NOW_AT_NEWER) == first

    @pytest.mark.parametrize("state", sorted(UNDER_WAY))
    def test_keeps_its_release_though_the_channel_moved_on(self, state: State) -> None:
        decision = ask(self.started(state=state), on(release(NEWER)), releases=NOW_AT_NEWER)
        assert offered(decision) == NEW
        assert decision.reasons == (Reason(Why.UNDER_WAY, NEW, NEWER),)

    @pytest.mark.parametrize(
        ("since", "expected"),
        [
            (timedelta(0), NEW),
            (KEEPS_OFFER - timedelta(microseconds=1), NEW),
            (KEEPS_OFFER, NEWER),
        ],
    )
    def test_for_a_day(self, since: timedelta, expected: str) -> None:
        asks = self.started(offered_at=NOW - since)
        decision = ask(asks, on(release(NEWER)), releases=NOW_AT_NEWER)
        assert offered(decision) == expected

    @pytest.mark.parametrize(
        ("changes", "releases"),
        [
            ({"state": State.WAITING}, NOW_AT_NEWER),
            ({"state": State.FAILED}, NOW_AT_NEWER),
            ({"offered_at": None}, NOW_AT_NEWER),
            ({"target_version": ""}, NOW_AT_NEWER),
            ({}, {NEWER: release(NEWER)}),  # its release was taken away
            ({}, NOW_AT_NEWER | {NEW: release(blocked_because="it does not boot")}),
            ({"target_version": OLD}, NOW_AT_NEWER | {OLD: release(OLD)}),  # it runs that already
        ],
    )
    def test_or_gets_the_new_target(
        self, changes: dict[str, Any], releases: dict[str, Release]
    ) -> None:
        decision = ask(self.started(**changes), on(release(NEWER)), releases=releases)
        assert offered(decision) == NEWER

    def test_a_target_that_was_taken_back_is_not_followed(self) -> None:
        asks = self.started(target_version=NEWER)
        assert offered(ask(asks, group(), releases=NOW_AT_NEWER)) == NEW

    def test_a_started_release_is_weighed_like_any_other(self) -> None:
        asks = self.started(postinst_failures=3, is_held=True, held_because="kernel bug")
        decision = ask(asks, on(release(NEWER)), releases=NOW_AT_NEWER)
        assert decision.reasons == (
            Reason(Why.HELD, "kernel bug"),
            Reason(Why.POSTINST_FAILURES, NEW, "3"),
        )

    def test_a_node_in_its_own_back_off_stays_there(self) -> None:
        """Case 15: told the same for days, it does not look offered anew each time."""
        asks = self.started(state=State.DEFERRED)
        assert ask(asks, group()).state == State.DEFERRED
        assert ask(asks, on(release(NEWER))).state == State.OFFERED


class TestSettle:
    def test_an_offer_of_a_new_release(self) -> None:
        asks = node(
            target_version="4515.2.0",
            postinst_failures=3,
            download_failures=1,
            last_error_code=5,
            applied_boot_id=BOOT,
            offered_at=NOW - timedelta(days=9),
        )
        settle(asks, ask(asks, group()), NOW)
        assert (asks.state, asks.target_version, asks.offered_at) == (State.OFFERED, NEW, NOW)
        assert (asks.postinst_failures, asks.download_failures, asks.last_error_code) == (0, 0, 0)
        assert asks.applied_boot_id == ""

    def test_an_offer_of_the_same_release_counts_on(self) -> None:
        before = NOW - timedelta(hours=2)
        asks = node(target_version=NEW, download_failures=2, offered_at=before)
        settle(asks, ask(asks, group()), NOW)
        assert (asks.download_failures, asks.offered_at) == (2, before)

    def test_an_offer_whose_time_was_lost(self) -> None:
        asks = node(target_version=NEW, offered_at=None)
        settle(asks, ask(asks, group()), NOW)
        assert asks.offered_at == NOW

    def test_up_to_date(self) -> None:
        asks = node(version=NEW, target_version=NEW, download_failures=2, offered_at=NOW)
        asks.applied_boot_id = BOOT
        settle(asks, ask(asks, group()), NOW)
        assert (asks.state, asks.target_version, asks.offered_at) == (State.UP_TO_DATE, "", None)
        assert asks.applied_boot_id == ""
        assert asks.download_failures == 0

    def test_a_refusal_keeps_the_count(self) -> None:
        asks = node(target_version=NEW, postinst_failures=3)
        settle(asks, ask(asks, group()), NOW)
        assert (asks.state, asks.target_version, asks.postinst_failures) == (State.FAILED, NEW, 3)
