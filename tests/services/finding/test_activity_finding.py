"""Finding activity, by every mixture of filters, however it lies."""

from datetime import timedelta

import pytest
from django.db import connection

from oemupdates.domain.access import EVERYWHERE
from oemupdates.models import Activity
from oemupdates.services.finding import walking
from oemupdates.services.finding.activity_finding import Wanted, find
from tests.services.makers import NOW, make_activity, make_operator

pytestmark = pytest.mark.django_db


def subjects(*, size: int = 50, **wanted: object) -> list[str]:
    """What is found, page by page."""
    found = find(Wanted(**wanted), EVERYWHERE, reads_security=True)  # type: ignore[arg-type]
    names: list[str] = []
    after = 0
    while True:
        part = found.page(after, size=size)
        names += [row.subject for row in part.rows]
        after = part.last
        if not after:
            return names


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_pages_miss_nothing_and_repeat_nothing(size: int) -> None:
    for number in range(7):
        make_activity(subject=str(number), verb="node.held" if number % 2 else "node.retried")
    assert subjects(size=size) == ["6", "5", "4", "3", "2", "1", "0"]
    assert subjects(size=size, verb="node.held") == ["5", "3", "1"]


def test_looks_on_through_small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "FIRST_WINDOW", 2)
    ann = make_operator("ann")
    for number in range(40):
        make_activity(subject=str(number), actor=ann if number in {0, 20, 39} else None)
    assert subjects(by_people=True) == ["39", "20", "0"]


def test_stops_when_time_is_up_and_goes_on_from_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walking, "FIRST_WINDOW", 2)
    monkeypatch.setattr(walking, "PATIENCE_SECONDS", 0.0)
    for number in range(10):
        make_activity(subject=str(number), verb="node.retried" if number else "node.held")
    part = find(Wanted(verb="node.held"), EVERYWHERE, reads_security=True).page()
    assert part.rows == []
    assert part.stopped
    assert part.searched == 2
    assert subjects(verb="node.held") == ["0"]


def test_a_time_is_exact_though_rows_are_not_quite_in_order() -> None:
    """Who waited for the chain's lock has an earlier time, and a later row."""
    for minutes in (0, 20, 10, 40, 30):
        make_activity(at=NOW + timedelta(minutes=minutes), subject=str(minutes))
    since, until = NOW + timedelta(minutes=10), NOW + timedelta(minutes=30)
    assert subjects(since=since, until=until) == ["30", "10", "20"]
    assert subjects(since=NOW + timedelta(minutes=40)) == ["40"]
    assert subjects(until=NOW) == ["0"]
    assert subjects(since=NOW + timedelta(days=1)) == []
    assert subjects(until=NOW - timedelta(days=1)) == []


def test_a_time_in_the_past_is_found_without_reading_what_came_since(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for days in range(30):
        make_activity(at=NOW + timedelta(days=days), subject=str(days))
    found = find(
        Wanted(since=NOW + timedelta(days=3), until=NOW + timedelta(days=4)),
        EVERYWHERE,
        reads_security=True,
    )
    first, last = found._keys
    assert last is not None
    assert Activity.objects.filter(pk__gte=first, pk__lte=last).count() <= 4
    assert [row.subject for row in found.page().rows] == ["4", "3"]


class TestPeople:
    def test_are_those_too_who_fail_to_log_in(self) -> None:
        make_activity(subject="0", verb="operator.log_in_failed", subject_kind="operator")
        make_activity(subject="1", verb="group.updates_on", actor=make_operator("ann"))
        make_activity(subject="2", verb="demo.loaded")
        assert subjects(by_people=True) == ["1", "0"]
        assert subjects(by_people=False) == ["2"]

    def test_are_found_by_their_index(self) -> None:
        """Among so much of the system that reading all of it would be dearer."""
        Activity.objects.bulk_create(
            Activity(
                at=NOW, verb="demo.loaded", subject_kind="demofleet", previous_hash=f"{number:064}"
            )
            for number in range(500)
        )
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        rows = find(Wanted(by_people=True), EVERYWHERE, reads_security=True).rows
        assert "activity_people" in rows.order_by("-pk")[:50].explain()
