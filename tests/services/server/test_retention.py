from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from oemupdates.models import Answer, Event, RejectedRequest, Retention, Sample
from oemupdates.services.server import history, retention
from oemupdates.services.server.retention import Kind
from oemupdates.services.shared import heartbeats
from tests.services.makers import NOW, last_activity, make_node, make_operator

pytestmark = pytest.mark.django_db


def found(kind: Kind) -> retention.Kept:
    return next(one for one in retention.kept() if one.kind is kind)


def make_events(number: int, *, days: float) -> None:
    node, at = make_node(), timezone.now() - timedelta(days=days)
    Event.objects.bulk_create(
        Event(node=node, at=at, meaning="applied", type=3, result=1) for _ in range(number)
    )


class TestKept:
    def test_is_what_settings_say_until_somebody_chose(self, settings: Any) -> None:
        settings.EVENT_RETENTION_DAYS = 17
        assert (found(Kind.HISTORY).days, found(Kind.HISTORY).default) == (17, 17)
        retention.change(Kind.HISTORY, 30, by=make_operator())
        assert (found(Kind.HISTORY).days, found(Kind.HISTORY).default) == (30, 17)

    def test_says_how_much_there_is(self) -> None:
        make_events(40, days=3)
        make_events(5, days=1)
        Answer.objects.create(node=make_node(), at=timezone.now(), answer="x", reasons="[]")
        kept = found(Kind.HISTORY)
        assert kept.rows == 46
        assert kept.oldest_at
        assert timedelta(2.9) < timezone.now() - kept.oldest_at < timedelta(3.1)

    def test_counts_samples_by_the_hour_and_by_the_day(self) -> None:
        Sample.objects.bulk_create(
            Sample(
                at=NOW - timedelta(hours=hour),
                group=group,
                dimension="state",
                counts={},
                is_first_of_day=hour % 24 == 0,
            )
            for hour in range(73)
            for group in range(3)
        )
        assert found(Kind.DAILY).rows == 4 * 3
        assert found(Kind.HOURLY).rows == 71 * 3  # an hour a day is the day's

    def test_counts_what_is_never_many(self) -> None:
        RejectedRequest.objects.create(
            day=NOW.date(), reason="x", source="y", first_at=NOW, last_at=NOW
        )
        assert found(Kind.REJECTED).rows == 1
        assert found(Kind.DELIVERIES).rows == 0

    def test_scans_no_table(self) -> None:
        make_events(3, days=1)
        with CaptureQueriesContext(connection) as asked:
            retention.kept()
        events = [one["sql"] for one in asked if "oemupdates_event" in one["sql"]]
        assert events
        assert all("LIMIT 1" in sql for sql in events)


class TestChange:
    def test_says_what_it_deletes_and_the_clock_does_it(self) -> None:
        make_events(40, days=50)
        make_events(5, days=1)
        ann = make_operator()
        assert retention.change(Kind.HISTORY, 30, by=ann, why="space").deletes == 40
        row = last_activity()
        assert (row.verb, row.subject, row.why) == ("retention.changed", "history", "space")
        assert (row.before, row.after) == ({"days": 90}, {"days": 30})
        assert history.forget(timezone.now()) == 40

    def test_concerns_its_kind_alone(self) -> None:
        make_events(4, days=50)
        retention.change(Kind.REJECTED, 1, by=make_operator())
        assert history.forget(timezone.now()) == 0

    @pytest.mark.parametrize(
        ("kind", "number"),
        [
            (kind, edge)
            for kind, (least, most) in retention.BOUNDS.items()
            for edge in (least, most)
        ],
    )
    def test_takes_what_is_within_bounds(self, kind: Kind, number: int) -> None:
        retention.change(kind, number, by=make_operator())
        assert Retention.objects.get().days == number

    @pytest.mark.parametrize(
        ("kind", "number"),
        [
            (kind, edge)
            for kind, (least, most) in retention.BOUNDS.items()
            for edge in (least - 1, most + 1)
        ],
    )
    def test_refuses_what_is_not(self, kind: Kind, number: int) -> None:
        with pytest.raises(retention.CannotKeepSo):
            retention.change(kind, number, by=make_operator())
        assert not Retention.objects.exists()


class TestNextCleaning:
    def test_is_an_hour_after_the_last(self) -> None:
        assert retention.next_cleaning(NOW) is None
        heartbeats.beat(retention.TASK, NOW - timedelta(minutes=20))
        assert retention.next_cleaning(NOW) == NOW + timedelta(minutes=40)
        assert retention.next_cleaning(NOW + timedelta(hours=9)) == NOW + timedelta(hours=9)
