"""Batches of check-ins on the real database: what two processes, a crash or a bad row may do."""

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeVar

import pytest
from django.db import connection
from django.utils import timezone

from oemupdates.domain.checkin import CheckIn
from oemupdates.domain.node import State
from oemupdates.models import (
    FLATCAR,
    Answer,
    Channel,
    Event,
    Group,
    Node,
    VersionInterval,
)
from oemupdates.omaha.batch import Batcher, Overloaded
from oemupdates.omaha.lifespan import load_in_thread, make_store
from oemupdates.services.checkins.checkins import Unwritable, Verdict
from oemupdates.services.nodes import nodes
from oemupdates.services.shared.configuration import changing
from tests.domain.plain import APPLIED, FINISHED, FIRST, STARTED, UPDATED, check, ping, say
from tests.services.makers import (
    budget_of,
    counted,
    limit,
    make_release,
    recounted,
    seeded_channel,
    seeded_group,
)

T = TypeVar("T")

pytestmark = pytest.mark.django_db(transaction=True)


def machine(number: int) -> dict[str, Any]:
    return {"machine_id": f"{number:032x}", "application": str(FLATCAR)}


def with_batchers(count: int, story: Callable[..., Awaitable[T]], *, queue_max: int = 1000) -> T:
    """Tell a story with so many batchers, each with a connection of its own as a process has."""

    async def run() -> T:
        batchers = [
            Batcher(make_store(), load_in_thread, queue_max=queue_max) for _ in range(count)
        ]
        for batcher in batchers:
            batcher.start()
        try:
            return await story(*batchers)
        finally:
            for batcher in batchers:
                await batcher.stop()

    return asyncio.run(run())


def hear_all(*said: CheckIn) -> list[Verdict]:
    """Submit check-ins one after another, as one node would."""

    async def story(batcher: Batcher) -> list[Verdict]:
        return [await batcher.submit(one) for one in said]

    return with_batchers(1, story)


def aim(version: str = "4593.2.1", channel: Channel | None = None) -> None:
    """Point the stable channel at a release, as a committed change of configuration."""
    channel = channel or seeded_channel()
    with changing():
        release = make_release(version, payloads=("flatcar_production_update.gz", "oem-azure.gz"))
        Channel.objects.filter(pk=channel.pk).update(target=release)


class TestOneNode:
    def test_is_stored_with_its_interval_and_its_answer(self) -> None:
        (verdict,) = hear_all(check(FIRST, **machine(1)))
        node = Node.objects.get()
        assert verdict.decision is not None
        assert verdict.decision.release is None
        assert (node.version, node.state, node.check_in_count) == ("4459.2.4", State.WAITING, 1)
        assert VersionInterval.objects.get().oem_version == "4459.2.4"
        answer = Answer.objects.get()
        assert answer.answer == "noupdate"
        said = json.loads(answer.said)
        assert (said["version"], said["track"], said["asks"]) == ("4459.2.4", "stable", True)
        assert said["events"]
        assert not Event.objects.exists()

    def test_goes_through_an_update_and_leaves_its_history(self) -> None:
        aim()
        hear_all(
            check(FIRST, **machine(1)),
            say(STARTED, **machine(1)),
            say(FINISHED, **machine(1)),
            say(APPLIED, **machine(1)),
            ping(**machine(1)),
            check(UPDATED, version="4593.2.1", boot_id="{boot-2}", **machine(1)),
        )
        node = Node.objects.get()
        assert (node.state, node.version, node.target_version) == (
            State.UP_TO_DATE,
            "4593.2.1",
            "",
        )
        assert [event.meaning for event in Event.objects.order_by("id")] == [
            "download_started",
            "download_finished",
            "applied",
            "updated",
        ]
        old, new = VersionInterval.objects.order_by("id")
        assert (old.version, new.version) == ("4459.2.4", "4593.2.1")
        assert old.ended_at == new.started_at
        assert new.ended_at is None
        assert counted() == recounted()

    def test_is_stored_when_nobody_knows_its_track_or_application(self) -> None:
        (lost, stranger) = hear_all(
            check(FIRST, track="nowhere", **machine(1)),
            check(FIRST, application="strange", machine_id="f" * 32),
        )
        assert lost.application_is_known
        assert not stranger.application_is_known
        assert [node.state for node in Node.objects.order_by("id")] == [State.UNASSIGNED] * 2
        assert [node.group for node in Node.objects.order_by("id")] == [None, None]

    def test_is_not_written_but_for_its_sign_of_life_by_a_routine_check(self) -> None:
        hear_all(check(FIRST, **machine(1)))
        before = Node.objects.values().get()
        hear_all(*[check(**machine(1))] * 3)
        after = Node.objects.values().get()
        changed = {name for name in before if before[name] != after[name]}
        assert changed == {"last_seen_at", "check_in_count"}
        assert after["check_in_count"] == 4
        assert Answer.objects.count() == VersionInterval.objects.count() == 1


class TestAMovedNode:
    def test_stays_where_it_was_put_whatever_its_track_says(self) -> None:
        hear_all(check(**machine(1)))
        nodes.move(Node.objects.get(), seeded_group("beta"), by=None, because="canary")
        (verdict,) = hear_all(check(**machine(1)))
        assert verdict.group is not None
        assert verdict.group.id == seeded_group("beta").pk
        hear_all(check(**machine(1), version="4593.2.1"))
        node = Node.objects.get()
        assert (node.group_id, node.moved_because) == (seeded_group("beta").pk, "canary")
        assert counted() == recounted()
        assert nodes.move_back(node, by=None).group_id == seeded_group().pk
        (verdict,) = hear_all(check(**machine(1)))
        assert verdict.group is not None
        assert verdict.group.id == seeded_group().pk
        assert counted() == recounted()

    def test_goes_back_by_itself_when_its_time_is_over(self) -> None:
        hear_all(check(**machine(1)))
        until = timezone.now() + timedelta(hours=1)
        nodes.move(Node.objects.get(), seeded_group("beta"), by=None, because="x", until=until)
        hear_all(check(**machine(1)))
        assert Node.objects.get().group_id == seeded_group("beta").pk
        Node.objects.update(moved_until=timezone.now() - timedelta(seconds=1))
        hear_all(check(**machine(1)))
        assert Node.objects.get().group_id == seeded_group().pk

    def test_of_another_architecture_since_is_where_its_track_says(self) -> None:
        hear_all(check(**machine(1)))
        nodes.move(Node.objects.get(), seeded_group("beta"), by=None, because="x")
        hear_all(check(**machine(1), architecture="arm64"))
        assert Node.objects.get().group_id == seeded_group("stable", "arm64").pk


class TestManyNodes:
    def test_may_hold_the_same_node_several_times(self) -> None:
        aim()

        async def story(batcher: Batcher) -> None:
            said = [
                check(FIRST, **machine(1)),
                say(STARTED, **machine(1)),
                check(**machine(2)),
                say(FINISHED, **machine(1)),
            ]
            await asyncio.gather(*map(batcher.submit, said))

        with_batchers(1, story)
        node = Node.objects.get(machine_id=machine(1)["machine_id"])
        assert node.check_in_count == 3
        assert VersionInterval.objects.count() == 2
        assert counted() == recounted()

    def test_are_counted_once_when_two_processes_meet_them_first(self) -> None:
        async def story(*batchers: Batcher) -> None:
            await asyncio.gather(
                *(
                    batcher.submit(check(FIRST, **machine(number)))
                    for number in range(60)
                    for batcher in batchers
                )
            )

        with_batchers(2, story)
        assert Node.objects.count() == 60
        assert set(Node.objects.values_list("check_in_count", flat=True)) == {2}
        assert VersionInterval.objects.filter(ended_at=None).count() == 60
        assert counted() == recounted()

    def test_are_recorded_by_two_processes_at_once_without_a_deadlock(self) -> None:
        async def story(*batchers: Batcher) -> None:
            for turn in range(5):
                numbers = range(40) if turn % 2 else range(39, -1, -1)
                await asyncio.gather(
                    *(
                        batcher.submit(check(version=f"4459.2.{turn + index}", **machine(number)))
                        for number in numbers
                        for index, batcher in enumerate(batchers)
                    )
                )

        with_batchers(2, story)
        assert set(Node.objects.values_list("check_in_count", flat=True)) == {10}
        assert VersionInterval.objects.filter(ended_at=None).count() == 40
        assert counted() == recounted()

    def test_are_taken_but_for_the_one_that_cannot_be_stored(self) -> None:
        # The door refuses an empty machine id; were one to come this far, a constraint would.
        async def story(batcher: Batcher) -> list[Any]:
            said = [check(FIRST, **machine(number)) for number in range(1, 64)]
            poison = check(FIRST, machine_id="", application=str(FLATCAR))
            return await asyncio.gather(
                *map(batcher.submit, [*said, poison]), return_exceptions=True
            )

        *innocent, guilty = with_batchers(1, story)
        assert isinstance(guilty, Unwritable)
        assert all(isinstance(verdict, Verdict) for verdict in innocent)
        assert Node.objects.count() == 63
        assert counted() == recounted()


class TestALimit:
    def test_is_kept_by_two_processes_that_let_nodes_in_at_once(self) -> None:
        aim()
        with changing():
            group = limit(seeded_group(), 7)

        async def story(*batchers: Batcher) -> list[Verdict]:
            return await asyncio.gather(
                *(
                    batchers[number % 2].submit(check(FIRST, **machine(number)))
                    for number in range(80)
                )
            )

        verdicts = with_batchers(2, story)
        offers = [one for one in verdicts if one.decision and one.decision.release]
        assert len(offers) == 7
        assert budget_of(group) == 7
        assert Node.objects.filter(state=State.OFFERED).count() == 7

    def test_lets_the_next_in_when_one_is_done(self) -> None:
        aim()
        with changing():
            group = limit(seeded_group(), 1)
        first, second, after, third = hear_all(
            check(FIRST, **machine(1)),
            check(FIRST, **machine(2)),
            check(UPDATED, version="4593.2.1", boot_id="{boot-2}", **machine(1)),
            check(**machine(2)),
        )
        offered = [bool(one.decision and one.decision.release) for one in (first, second, third)]
        assert offered == [True, False, True]
        assert after.decision is not None
        assert budget_of(group) == 1

    def test_is_not_written_by_nodes_that_are_held_back(self) -> None:
        aim()
        with changing():
            limit(seeded_group(), 0)
        hear_all(check(FIRST, **machine(1)))
        before = Node.objects.values().get()
        hear_all(check(**machine(1)))
        after = Node.objects.values().get()
        changed = {name for name in before if before[name] != after[name]}
        assert changed == {"last_seen_at", "check_in_count"}


class TestTheConfiguration:
    def test_is_never_older_than_its_commit(self) -> None:
        async def story(*batchers: Batcher) -> list[bool]:
            offered = []
            for turn in range(6):
                await asyncio.to_thread(switch_updates, enabled=turn % 2 == 0)
                for batcher in batchers:
                    verdict = await batcher.submit(check(**machine(turn)))
                    assert verdict.decision is not None
                    offered.append(verdict.decision.release is not None)
            return offered

        aim()
        assert with_batchers(2, story) == [True, True, False, False] * 3

    def test_waits_for_the_batch_that_is_being_answered_from_it(self) -> None:
        """A change commits only after the batch that was decided without it."""
        order: list[str] = []

        async def story(batcher: Batcher) -> None:
            await batcher.submit(check(FIRST, **machine(1)))
            change = threading.Thread(target=switch_later)
            decide_as_before = batcher._store.run

            async def slowly(keys: Any, decide: Any) -> Any:
                def decide_slowly(known: Any) -> Any:
                    result = decide(known)
                    change.start()
                    change.join(timeout=0.5)
                    order.append("decided")
                    return result

                return await decide_as_before(keys, decide_slowly)

            batcher._store.run = slowly  # type: ignore[method-assign]
            await batcher.submit(check(**machine(1)))
            await asyncio.to_thread(change.join)

        def switch_later() -> None:
            switch_updates(enabled=False)
            order.append("changed")

        with_batchers(1, story)
        assert order == ["decided", "changed"]


def switch_updates(*, enabled: bool) -> None:
    try:
        with changing():
            Group.objects.filter(track="stable").update(updates_enabled=enabled)
    finally:
        connection.close()


class TestTheQueue:
    def test_turns_nodes_away_when_it_is_full(self) -> None:
        async def story(batcher: Batcher) -> list[Any]:
            waiting = [batcher.submit(check(**machine(number))) for number in range(4)]
            with pytest.raises(Overloaded):
                batcher.submit(check(**machine(5)))
            assert batcher.poll_seconds(2700) == 5400
            assert batcher.poll_seconds(14400) == 14400
            return await asyncio.gather(*waiting)

        assert len(with_batchers(1, story, queue_max=4)) == 4
        assert Node.objects.count() == 4

    def test_is_answered_to_the_last_before_the_end(self) -> None:
        async def story(batcher: Batcher) -> list[Any]:
            waiting = [batcher.submit(check(**machine(number))) for number in range(300)]
            await batcher.stop()
            assert all(one.done() for one in waiting)
            return await asyncio.gather(*waiting)

        assert len(with_batchers(1, story)) == 300
        assert Node.objects.count() == 300
