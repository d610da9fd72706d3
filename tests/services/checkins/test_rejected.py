from datetime import UTC, date, datetime, timedelta

import pytest

from oemupdates.models import RejectedRequest
from oemupdates.services.checkins import rejected
from oemupdates.services.checkins.rejected import Rejection

pytestmark = pytest.mark.django_db
AT = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)


def make_rejection(**given):
    values = {
        "day": date(2026, 9, 1),
        "reason": "malformed",
        "source": "192.0.2.7",
        "times": 1,
        "first_at": AT,
        "last_at": AT,
        "detail": "line 3",
        "sample": "<request",
    } | given
    return Rejection(**values)


def row():
    return RejectedRequest.objects.get()


class TestRecord:
    def test_keeps_all_of_the_first(self):
        rejected.record([make_rejection(times=3)])
        assert (row().day, row().reason, row().source) == (
            date(2026, 9, 1),
            "malformed",
            "192.0.2.7",
        )
        assert (row().times, row().first_at, row().last_at) == (3, AT, AT)
        assert (row().detail, row().sample) == ("line 3", "<request")

    def test_adds_to_what_is_there_and_keeps_the_last_sample(self):
        later = AT + timedelta(minutes=5)
        rejected.record([make_rejection(times=3)])
        rejected.record(
            [
                make_rejection(
                    times=2, first_at=later, last_at=later, detail="line 4", sample="<app"
                )
            ]
        )
        assert (row().times, row().first_at, row().last_at) == (5, AT, later)
        assert (row().detail, row().sample) == ("line 4", "<app")

    def test_keeps_the_later_sample_when_a_slower_process_writes_after_it(self):
        earlier = AT - timedelta(minutes=5)
        rejected.record([make_rejection()])
        rejected.record([make_rejection(first_at=earlier, last_at=earlier, sample="<old")])
        assert (row().times, row().first_at, row().last_at) == (2, earlier, AT)
        assert row().sample == "<request"

    def test_merges_what_a_batch_says_twice(self):
        later = AT + timedelta(minutes=5)
        rejected.record([make_rejection(last_at=later, sample="<app"), make_rejection(times=4)])
        assert (row().times, row().last_at, row().sample) == (5, later, "<app")

    def test_keeps_days_reasons_and_sources_apart(self):
        rejected.record(
            [
                make_rejection(),
                make_rejection(day=date(2026, 9, 2)),
                make_rejection(reason="too_large"),
                make_rejection(source="192.0.2.8"),
            ]
        )
        assert list(RejectedRequest.objects.values_list("times", flat=True)) == [1, 1, 1, 1]

    def test_takes_any_text_that_a_stranger_sends(self):
        rejected.record(
            [make_rejection(source="x" * 99, detail="\x00" * 600, sample="\ud800" + "y" * 5000)]
        )
        assert row().source == "x" * 64
        assert row().detail == "\ufffd" * 500
        assert len(row().sample) == 4000

    def test_of_nothing_is_nothing(self, django_assert_num_queries):
        with django_assert_num_queries(0):
            rejected.record([])
