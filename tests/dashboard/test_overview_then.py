"""The overview of other days: thirty of them, and a past moment."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from oemupdates.services.counters import samples
from tests.dashboard.overview_maker import text
from tests.services.makers import make_node


class TestThirtyDays:
    def test_chart_says_in_words_and_a_table_what_it_draws(self, page: Client) -> None:
        node = make_node(version="4459.2.1")
        now = timezone.now()
        samples.take(now - timedelta(days=10))
        samples.take(now - timedelta(days=5))
        make_node(version="4593.2.1")
        html = text(page)
        assert "1 of 2 nodes run" in html
        assert "OS versions as a table" in html
        assert node.version in html.partition("OS versions as a table")[2]

    def test_are_hours_while_there_are_few_days(self, page: Client) -> None:
        make_node()
        samples.take(timezone.now() - timedelta(hours=5))
        assert "1 of 1 nodes run 4459.2.1, as 5 h ago." in text(page) or "6 h ago" in text(page)

    def test_have_no_chart_before_the_first_sample(self, page: Client) -> None:
        make_node()
        assert "begins with the first hourly sample" in text(page)


class TestThen:
    def test_shows_the_fleet_of_the_last_sample(self, page: Client) -> None:
        make_node(oem="azure")
        then = timezone.now() - timedelta(days=3)
        samples.take(then)
        make_node()
        html = text(page, f"/?at={then.strftime('%Y-%m-%dT%H:59')}")
        assert "1 node: all report, it up to date." in html
        assert then.strftime("%Y-%m-%d %H:00") in html

    def test_says_when_there_is_no_sample_so_old(self, page: Client) -> None:
        make_node()
        assert "No sample was taken before 2026-01-01 00:00 UTC" in text(
            page, "/?at=2026-01-01T00:00:00Z"
        )

    def test_refuses_what_is_still_to_come(self, page: Client) -> None:
        answer = page.get("/", {"at": "2199-01-01"})
        assert (answer.status_code, "still to come" in answer.text) == (400, True)

    @pytest.mark.parametrize("at", ["yesterday", "0001-01-01", "2026-13-01"])
    def test_refuses_what_is_no_moment(self, page: Client, at: str) -> None:
        make_node()
        answer = page.get("/", {"at": at})
        assert answer.status_code == 400
        assert "no date and time" in answer.content.decode()


def test_a_past_moment_may_be_of_any_zone(page: Client) -> None:
    assert page.get("/?at=2026-01-29T10:37:09-16:28").status_code == 200
