"""How long nodes let an offer pass that failed, and how often it fails."""

import pytest

from oemupdates.management.simulation.habits import Chances, Fate, Habits
from oemupdates.management.simulation.step import Fetch, Fetched
from tests.management.simulation.answers import offer
from tests.management.simulation.story import DAY, ROUTINE, WITH_BACKOFF, dice, make_node, play

pytestmark = pytest.mark.once


class TestBackOff:
    def test_lets_an_offer_pass_for_a_day_after_a_full_download(self) -> None:
        node = make_node(Fate.POSTINST)
        play(node, WITH_BACKOFF, *[None] * 4)
        failed_at = node.clock
        while node.clock - failed_at < 18 * 3600 - 3000:
            assert play(node, WITH_BACKOFF, None) == [ROUTINE, "event 3/9 custom 40"]
        while node.clock - failed_at < 31 * 3600:
            last = play(node, WITH_BACKOFF, None)[-1]
            if last == "event 13/1":
                break
        assert last == "event 13/1"

    def test_doubles_up_to_sixteen_days(self) -> None:
        node = make_node(*[Fate.HASH_MISMATCH] * 7)
        failed_at, pauses = node.clock, []
        while len(pauses) < 7:
            story = play(node, WITH_BACKOFF, None)
            if story[-1] == "event 13/1":
                pauses.append((node.clock - failed_at) / DAY)
                failed_at = node.clock
                play(node, None, None)
        # A check every 45 minutes, and six hours of chance in each.
        for pause, days in zip(pauses, (0, 1, 2, 4, 8, 16, 16), strict=True):
            assert abs(pause - days) < 0.3

    def test_ends_when_the_offer_changes(self) -> None:
        node = make_node(Fate.HASH_MISMATCH)
        play(node, WITH_BACKOFF, *[None] * 3)
        assert play(node, WITH_BACKOFF, None)[-1] == "event 3/9 custom 40"
        other = offer(codebases=("http://other.example.net/",), more_action="")
        assert play(node, other, None)[-1] == "event 13/1"

    def test_an_offer_may_switch_it_off(self) -> None:
        node = make_node(Fate.HASH_MISMATCH)
        play(node, offer(), *[None] * 3)
        assert play(node, offer(), None)[-1] == "event 13/1"

    def test_stays_ten_failures_with_a_url_before_the_next(self) -> None:
        node = make_node(*[Fate.SUCCESS] * 12)
        both = offer(codebases=("http://one.example.net/", "http://two.example.net/"))
        hosts = []
        for _ in range(12):
            play(node, both, None)
            assert isinstance(node.step, Fetch)
            hosts.append(node.step.url.split("/")[2][:3])
            play(node, Fetched(404), None)
        assert hosts == ["one"] * 10 + ["two"] * 2


class TestChances:
    def test_a_node_whose_postinst_fails_does_so_until_the_offer_changes(self) -> None:
        node = make_node(chances=Chances(postinst=1))
        for _ in range(3):
            assert play(node, offer(), *[None] * 4)[-1] == "event 3/0 custom 5"
        node.habits = Habits()
        assert play(node, offer(), *[None] * 4)[-1] == "event 3/0 custom 5"
        assert play(node, offer("4628.2.0"), *[None] * 5)[-1] == "event 3/1"

    def test_come_out_as_often_as_they_are_set(self) -> None:
        rng = dice()
        chances = Chances(failure=0.2, postinst=0.1, rollback=0.1, interrupted=0.1)
        drawn = [chances.draw(rng) for _ in range(20_000)]
        for fate, share in {
            Fate.SUCCESS: 0.5,
            Fate.NOT_FOUND: 0.1,
            Fate.HASH_MISMATCH: 0.1,
            Fate.POSTINST: 0.1,
            Fate.FALLBACK: 0.05,
            Fate.ROLLBACK: 0.05,
            Fate.INTERRUPTED: 0.1,
        }.items():
            assert drawn.count(fate) / len(drawn) == pytest.approx(share, abs=0.01)
