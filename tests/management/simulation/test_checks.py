"""When nodes check in, and what they make of answers that are none."""

import pytest

from oemupdates.management.simulation.habits import Fate
from oemupdates.management.simulation.others import PxeNode, Syncer
from oemupdates.management.simulation.request import Facts
from oemupdates.management.simulation.step import Heard
from tests.management.simulation.answers import noupdate, offer
from tests.management.simulation.story import DAY, ROUTINE, SILENCE, dice, make_node, play, wait_of

pytestmark = pytest.mark.once


class TestChecks:
    def test_a_new_node_says_that_it_never_checked_before(self) -> None:
        node = make_node(is_new=True)
        assert play(node, noupdate(), noupdate()) == ["check 3/2 from 0.0.0.0", ROUTINE]

    def test_begins_within_minutes_of_its_start(self) -> None:
        waits = [wait_of(make_node(seed=seed)) for seed in range(200)]
        assert min(waits) >= 120
        assert max(waits) <= 720
        assert max(waits) - min(waits) > 500

    @pytest.mark.parametrize(
        ("interval", "lowest", "highest"),
        [
            ("", 2400, 3000),
            ("60", 2400, 3000),
            ("2700", 2400, 3000),
            ("7200", 3600, 10800),
            ("99999", 7200, 21600),
        ],
    )
    def test_keeps_the_interval_it_is_given(
        self, interval: str, lowest: int, highest: int
    ) -> None:
        node = make_node()
        waits = []
        for _ in range(200):
            play(node, noupdate(interval))
            waits.append(wait_of(node))
        assert lowest <= min(waits)
        assert max(waits) <= highest
        assert max(waits) - min(waits) > (highest - lowest) * 0.9

    def test_keeps_the_interval_of_an_offer_that_fails(self) -> None:
        node = make_node(Fate.NOT_FOUND)
        play(node, offer(poll="14400"), None, None)
        assert wait_of(node) >= 7200

    @pytest.mark.parametrize("status", [500, 503])
    def test_backs_off_from_an_overloaded_server(self, status: int) -> None:
        node = make_node()
        for nominal in (5400, 10800, 14400, 14400):
            story = play(node, Heard(status), Heard(status))
            assert story == [ROUTINE, f"event 3/0 custom {2000 + status}"]
            assert nominal / 2 <= wait_of(node) <= nominal * 1.5

    @pytest.mark.parametrize("status", [400, 404, 429, 502, 504])
    def test_does_not_back_off_from_any_other_failure(self, status: int) -> None:
        node = make_node()
        play(node, noupdate("7200"))
        story = play(node, Heard(status), None)
        assert story == [ROUTINE, f"event 3/0 custom {2000 + status}"]
        assert 2400 <= wait_of(node) <= 3000

    def test_tries_four_times_where_nobody_answers(self) -> None:
        node = make_node(is_new=True)
        first = "check 3/2 from 0.0.0.0"
        assert play(node, *[SILENCE] * 5) == [*[first] * 4, "event 3/0 custom 2000"]
        assert 2400 <= wait_of(node) <= 3000
        # What a lost request told is never told again.
        assert play(node, noupdate()) == [ROUTINE]

    def test_the_tries_are_ten_seconds_apart(self) -> None:
        node = make_node()
        play(node, SILENCE)
        assert wait_of(node) == 10
        play(node, noupdate())
        assert 2400 <= wait_of(node) <= 3000

    @pytest.mark.parametrize(
        ("body", "code"), [(b"", 30), (b"<html>", 31), (b"<response></response>", 34)]
    )
    def test_reports_an_answer_that_it_cannot_use(self, body: bytes, code: int) -> None:
        story = play(make_node(), Heard(200, body), None)
        assert story == [ROUTINE, f"event 3/0 custom {code}"]

    def test_falls_silent_for_good(self) -> None:
        node = make_node(goes_dark_after=2)
        assert len(play(node, noupdate(), noupdate())) == 2
        assert node.step is None
        assert node.score["went dark"] == 1


class TestOthers:
    def test_a_pxe_node_speaks_twice_a_boot(self) -> None:
        facts = Facts("ab" * 16, "4757.0.0", "alpha", "first", oem="diskless")
        node = PxeNode(facts, dice(), first_wait=(420, 420))
        said = []
        for _ in range(4):
            said.append((node.facts.boot_id, wait_of(node)))
            assert play(node, None) == ["stub"]
        assert said[0] == ("first", 420)
        assert said[1] == ("first", 41 * 60)
        assert said[2][0] != "first"
        assert said[2][1] >= DAY
        assert said[3][0] == said[2][0]

    def test_a_syncer_asks_once_an_hour(self) -> None:
        node = Syncer(Facts("ab" * 16, "0.0.0", "stable", "boot"), dice())
        assert play(node, noupdate(), noupdate()) == ["sync", "sync"]
        assert wait_of(node) == 3600
