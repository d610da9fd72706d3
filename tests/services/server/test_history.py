from datetime import timedelta

import pytest

from oemupdates.models import Answer, Event, RejectedRequest, VersionInterval
from oemupdates.services.server import history
from tests.services.makers import NOW, make_node

pytestmark = pytest.mark.django_db
DAYS = 90
OLD, KEPT = NOW - timedelta(days=DAYS, seconds=1), NOW - timedelta(days=DAYS)


def make_refused(at, number=1):
    RejectedRequest.objects.bulk_create(
        RejectedRequest(
            day=at.date(), reason="malformed", source=f"{at:%s}-{one}", first_at=at, last_at=at
        )
        for one in range(number)
    )


class TestForget:
    def test_deletes_what_is_older_and_keeps_what_is_not(self):
        node = make_node()
        for at in (OLD, KEPT):
            Event.objects.create(node=node, at=at, meaning="applied", type=3, result=1)
            Answer.objects.create(node=node, at=at, answer="noupdate", reasons="[]")
        assert history.forget(NOW) == 2
        assert list(Event.objects.values_list("at", flat=True)) == [KEPT]
        assert list(Answer.objects.values_list("at", flat=True)) == [KEPT]

    def test_keeps_every_version_interval(self):
        node = make_node()
        VersionInterval.objects.create(
            node=node, version="3033.2.0", started_at=OLD, ended_at=OLD + timedelta(minutes=1)
        )
        assert history.forget(NOW) == 0
        assert VersionInterval.objects.exists()

    def test_goes_on_after_a_full_chunk(self, monkeypatch):
        monkeypatch.setattr(history, "CHUNK", 2)
        node = make_node()
        for _ in range(5):
            Event.objects.create(node=node, at=OLD, meaning="applied", type=3, result=1)
        assert history.forget(NOW) == 5

    def test_deletes_refused_requests_of_more_than_30_days_ago(self):
        make_refused(NOW - timedelta(days=30, seconds=1))
        make_refused(NOW - timedelta(days=30))
        assert history.forget(NOW) == 1

    def test_keeps_the_1000_newest_refused_requests(self):
        make_refused(NOW - timedelta(days=1), 700)
        make_refused(NOW, 700)
        assert history.forget(NOW) == 400
        assert RejectedRequest.objects.filter(last_at=NOW).count() == 700
        assert history.forget(NOW) == 0
