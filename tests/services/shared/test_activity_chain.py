"""The chain of activity, and what breaks it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from oemupdates.domain.chain import START
from oemupdates.models import Activity, ActivityCheck, Operator
from oemupdates.services.shared import activity, activity_chain
from tests.services.makers import seeded_group

pytestmark = pytest.mark.django_db


@contextmanager
def as_owner_of_the_database() -> Iterator[None]:
    """Lift the triggers, as somebody can who owns the database; the test's rollback mends it."""
    on = " ON oemupdates_activity" if connection.vendor == "postgresql" else ""
    with connection.cursor() as cursor:
        for name in ("activity_is_append_only", "activity_is_never_deleted"):
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on}")
    yield


def write(number: int = 4) -> list[Activity]:
    ann, _ = Operator.objects.get_or_create(username="ann")
    group = seeded_group()
    return [
        activity.record(
            verb="group.edited",
            subject=group,
            by=ann,
            before={"n": one, "at": datetime(2026, 1, 2, tzinfo=UTC)},
            after={"names": ["ä", "ö"], "on": True, "none": None},
            why=f"reason {one}",
        )
        for one in range(number)
    ]


class TestVerify:
    def test_finds_nothing_wrong_with_what_was_written(self):
        rows = write()
        assert rows[0].previous_hash == START
        found = activity_chain.verify()
        assert (found.rows, found.last_id, found.last_hash) == (4, rows[-1].pk, rows[-1].hash)
        assert found.is_whole

    def test_finds_nothing_wrong_with_nothing(self):
        assert activity_chain.verify() == activity_chain.Found()

    @pytest.mark.parametrize(
        "change",
        [
            {"why": "a better reason"},
            {"verb": "group.updates_on"},
            {"actor": None},
            {"address": "192.0.2.1"},
            {"before": {"n": 1}},
            {"after": {}},
            {"subject": "another"},
            {"at": datetime(2026, 1, 1, tzinfo=UTC)},
            {"hash": "1" * 64},
        ],
    )
    def test_finds_a_changed_row(self, change: dict[str, object]):
        rows = write()
        with as_owner_of_the_database():
            Activity.objects.filter(pk=rows[1].pk).update(**change)
        found = activity_chain.verify()
        assert found.problem == f"Row {rows[1].pk} is not what was written: it was changed."
        assert found.last_id == rows[0].pk

    @pytest.mark.parametrize("which", [0, 1, 2])
    def test_finds_a_removed_row(self, which: int):
        rows = write()
        with as_owner_of_the_database():
            Activity.objects.filter(pk=rows[which].pk).delete()
        found = activity_chain.verify()
        assert f"Row {rows[which + 1].pk} does not follow" in found.problem

    @pytest.mark.parametrize("previous", ["1" * 64, None])
    def test_finds_an_inserted_row(self, previous: str | None):
        rows = write()
        forged = activity.Entry("group.edited", seeded_group(), None).row(rows[1].at)
        forged.pk = rows[2].pk
        forged.previous_hash = previous or rows[1].hash
        forged.hash = forged.link(forged.previous_hash)
        with as_owner_of_the_database():
            Activity.objects.filter(pk__gte=rows[2].pk).delete()
            forged.save(force_insert=True)
            for row in rows[2:]:
                row.pk += 1
                if previous is None and row is rows[2]:
                    row.previous_hash = "2" * 64  # the database has room for one row after one
                row.save(force_insert=True)
        broken = forged.pk if previous else rows[2].pk
        assert f"Row {broken} does not follow" in activity_chain.verify().problem

    def test_finds_a_cut_end_by_the_hash_that_was_last(self):
        rows = write()
        with as_owner_of_the_database():
            Activity.objects.filter(pk__gte=rows[2].pk).delete()
        assert activity_chain.verify().is_whole
        assert activity_chain.verify(rows[1].hash).is_whole
        assert "the end was cut off" in activity_chain.verify(rows[3].hash).problem


class TestCheck:
    def test_remembers_how_far_the_chain_is_whole(self):
        rows = write()
        assert activity_chain.check().is_whole
        kept = ActivityCheck.objects.get()
        assert (kept.rows, kept.last_id, kept.problem) == (4, rows[-1].pk, "")

    def test_finds_an_end_that_was_cut_off_since_and_goes_on_finding_it(self):
        rows = write()
        activity_chain.check()
        with as_owner_of_the_database():
            Activity.objects.filter(pk=rows[-1].pk).delete()
        assert "cut off" in activity_chain.check().problem
        assert "cut off" in activity_chain.check().problem
        kept = ActivityCheck.objects.get()
        assert "cut off" in kept.problem
        assert kept.last_hash == rows[-1].hash


class TestCheckNew:
    def test_goes_on_from_where_the_last_check_ended(self):
        write()
        activity_chain.check()
        rows = write()
        with CaptureQueriesContext(connection) as asked:
            assert activity_chain.check_new().is_whole
        kept = ActivityCheck.objects.get()
        assert (kept.rows, kept.last_id) == (8, rows[-1].pk)
        reads = [one["sql"] for one in asked if 'FROM "oemupdates_activity"' in one["sql"]]
        assert len(reads) == 2

    def test_is_whole_where_nothing_is_written(self):
        assert activity_chain.check_new().is_whole
        assert ActivityCheck.objects.get().last_id is None

    def test_reads_on_in_chunks(self, monkeypatch):
        monkeypatch.setattr(activity_chain, "_CHUNK", 3)
        rows = write() + write()
        assert activity_chain.check_new().last_id == rows[-1].pk

    def test_finds_what_was_changed_after_it(self):
        write()
        activity_chain.check_new()
        rows = write()
        with as_owner_of_the_database():
            Activity.objects.filter(pk=rows[1].pk).update(why="another")
        assert "it was changed" in activity_chain.check_new().problem
        assert ActivityCheck.objects.get().last_id == rows[0].pk - 1

    def test_finds_an_end_that_was_cut_off(self):
        rows = write()
        activity_chain.check_new()
        with as_owner_of_the_database():
            Activity.objects.filter(pk=rows[-1].pk).delete()
        assert "cut off" in activity_chain.check_new().problem

    def test_leaves_a_fault_until_all_is_read_again(self):
        rows = write()
        activity_chain.check()
        with as_owner_of_the_database():
            Activity.objects.filter(pk=rows[1].pk).update(why="another")
        assert activity_chain.check_new().is_whole
        assert not activity_chain.check().is_whole
        assert not activity_chain.check_new().is_whole
        with as_owner_of_the_database():
            Activity.objects.filter(pk=rows[1].pk).update(why=rows[1].why)
        assert activity_chain.check().is_whole
        assert activity_chain.check_new().is_whole


class TestCommand:
    def test_says_how_far_it_is_whole(self, capsys: pytest.CaptureFixture[str]):
        rows = write()
        call_command("verify_activity")
        assert capsys.readouterr().out == f"4 rows, whole.\nLast hash: {rows[-1].hash}\n"

    def test_ends_badly_with_the_first_broken_row(self):
        rows = write()
        with as_owner_of_the_database():
            Activity.objects.filter(pk=rows[1].pk).update(why="")
        with pytest.raises(CommandError, match=f"Row {rows[1].pk} .* Whole up to row"):
            call_command("verify_activity")

    def test_misses_a_hash_that_was_known(self):
        write()
        with pytest.raises(CommandError, match="cut off"):
            call_command("verify_activity", known="0" * 63 + "1")


@pytest.mark.django_db(transaction=True)
class TestManyHandsAtOnce:
    HANDS, EACH = 6, 15

    def test_write_one_chain_in_the_order_of_ids(self):
        group = seeded_group()

        def work(hand: int) -> None:
            try:
                for one in range(self.EACH):
                    with transaction.atomic():
                        activity.record(
                            verb="group.edited", subject=group, by=None, why=f"{hand} {one}"
                        )
            finally:
                connection.close()

        in_threads(self.HANDS, work)
        found = activity_chain.verify()
        assert (found.rows, found.problem) == (self.HANDS * self.EACH, "")

    def test_leave_no_gap_where_one_gives_up(self):
        group = seeded_group()

        def work(hand: int) -> None:
            try:
                for one in range(self.EACH):
                    with transaction.atomic():
                        activity.record(verb="group.edited", subject=group, by=None)
                        if (hand + one) % 3 == 0:
                            transaction.set_rollback(True)
            finally:
                connection.close()

        in_threads(self.HANDS, work)
        found = activity_chain.verify()
        assert found.problem == ""
        assert found.rows == self.HANDS * self.EACH * 2 // 3


def in_threads(hands: int, work: Callable[[int], None]) -> None:
    with ThreadPoolExecutor(hands) as pool:
        for done in [pool.submit(work, hand) for hand in range(hands)]:
            done.result()
