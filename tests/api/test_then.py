"""The fleet over the API as it was at a moment of the past."""

import csv
import io
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from oemupdates.domain.access import Role
from oemupdates.domain.node import State
from oemupdates.models import Answer, Node, VersionInterval
from oemupdates.services.counters import samples
from tests.api.conftest import problem, session, somebody
from tests.services.makers import make_node, seeded_group

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)
OLD, NEW = "4459.0.0", "4593.2.1"


def updated(**given: object) -> Node:
    """A node that went from the old version to the new one five days ago."""
    now = timezone.now()
    node = make_node(version=NEW, first_seen_at=now - 30 * DAY, **given)
    for version, started, ended in ((OLD, 30, 5), (NEW, 5, None)):
        VersionInterval.objects.create(
            node=node,
            version=version,
            oem="azure",
            oem_version=version,
            oem_basis="derived",
            started_at=now - started * DAY,
            ended_at=now - ended * DAY if ended else None,
        )
    return node


def at(days_ago: float) -> str:
    return f"at={timezone.now() - days_ago * DAY:%Y-%m-%dT%H:%M:%SZ}"


def says(answer: object, words: str) -> None:
    """Whether a moment is refused, and in which words."""
    assert problem(answer) == (422, "unprocessable")
    (fault,) = answer.json()["errors"]  # type: ignore[attr-defined]
    assert fault["parameter"] == "at"
    assert words in fault["detail"]


class TestNodes:
    def test_are_listed_with_what_they_ran(self, api: Client) -> None:
        node = updated(alias="web-1")
        (then,) = api.get(f"/api/v1/nodes?{at(10)}").json()["items"]
        assert (then["id"], then["alias"], then["version"]) == (node.pk, "web-1", OLD)
        assert then["group"]["name"] == "stable"
        assert then["ended_at"] > then["started_at"]
        assert "state" not in then
        (later,) = api.get(f"/api/v1/nodes?{at(2)}").json()["items"]
        assert (later["version"], later["ended_at"]) == (NEW, None)

    def test_who_were_not_heard_of_yet_are_left_out(self, api: Client) -> None:
        updated()
        assert api.get(f"/api/v1/nodes?{at(40)}").json()["items"] == []

    @pytest.mark.parametrize(
        ("query", "number"),
        [(f"version={OLD}", 1), ("q=os:4459", 1), (f"version={NEW}", 0), ("oem=azure", 1)],
    )
    def test_are_found_by_what_they_ran(self, api: Client, query: str, number: int) -> None:
        updated()
        assert len(api.get(f"/api/v1/nodes?{at(10)}&{query}").json()["items"]) == number

    @pytest.mark.parametrize("query", ["state=failed", "q=web-", "q=os:<4593", "dark=true"])
    def test_are_not_found_by_what_nobody_wrote_down(self, api: Client, query: str) -> None:
        answer = api.get(f"/api/v1/nodes?{at(10)}&{query}")
        assert problem(answer) == (422, "unprocessable")
        assert "Of the past only" in answer.json()["detail"]

    def test_lead_on_and_back_and_are_a_table(self, api: Client) -> None:
        keys = [updated().pk for _ in range(5)][::-1]
        pages = [api.get(f"/api/v1/nodes?{at(10)}&limit=2&fields=id").json()]
        while pages[-1]["next"]:
            pages.append(api.get(pages[-1]["next"]).json())
        assert [item["id"] for page in pages for item in page["items"]] == keys
        assert api.get(pages[1]["previous"]).json()["items"] == pages[0]["items"]
        table = api.get(f"/api/v1/nodes?{at(10)}&format=csv&fields=id,version")
        rows = csv.DictReader(io.StringIO(b"".join(table.streaming_content).decode()))
        assert [(int(row["id"]), row["version"]) for row in rows] == [(key, OLD) for key in keys]

    def test_are_those_within_reach(self) -> None:
        updated(group=seeded_group())
        mine = updated(group=seeded_group("beta"))
        caller = session(somebody("bob", Role.VIEWER, group=seeded_group("beta")))
        items = caller.get(f"/api/v1/nodes?{at(10)}").json()["items"]
        assert [item["id"] for item in items] == [mine.pk]

    def test_have_the_fields_of_the_time_that_is_asked_for(self, api: Client) -> None:
        for query in (f"{at(10)}&fields=state", "fields=started_at"):
            assert problem(api.get(f"/api/v1/nodes?{query}")) == (422, "unprocessable")
        assert problem(api.get(f"/api/v1/nodes?{at(10)}&fields=colour")) == (400, "invalid")


class TestANode:
    def test_is_shown_with_what_it_ran_and_heard(self, api: Client) -> None:
        node = updated()
        for days, answer in ((20, "noupdate"), (6, f"offer {NEW}")):
            heard_at = timezone.now() - days * DAY
            Answer.objects.create(node=node, at=heard_at, answer=answer, reasons="[]")
        then = api.get(f"/api/v1/nodes/{node.pk}?{at(10)}").json()
        assert (then["version"], then["heard"]["offer"]) == (OLD, None)
        assert api.get(f"/api/v1/nodes/{node.pk}?{at(5.5)}").json()["heard"]["offer"] == NEW
        assert api.get(f"/api/v1/nodes/{node.pk}?{at(25)}").json()["heard"] is None

    def test_of_before_its_first_check_in_is_none(self, api: Client) -> None:
        says(api.get(f"/api/v1/nodes/{updated().pk}?{at(40)}"), "not heard of yet")

    def test_out_of_reach_is_none_then_either(self) -> None:
        caller = session(somebody("bob", Role.VIEWER, group=seeded_group("beta")))
        assert caller.get(f"/api/v1/nodes/{updated().pk}?{at(10)}").status_code == 404


class TestOverview:
    def test_says_how_the_fleet_is(self, api: Client) -> None:
        make_node(oem="azure", oem_version="4459.2.1", oem_basis="observed")
        make_node(version=NEW, state=State.FAILED, is_dark=True)
        now = api.get("/api/v1/overview").json()
        assert now["at"] is None
        assert now["sentence"] == "2 nodes: 1 report, 1 up to date, 1 failing."
        assert (now["nodes"], now["dark"], now["failing"]) == (2, 1, 1)
        assert now["states"] == {"up_to_date": 1, "failed": 1}
        assert now["versions"] == {"4459.2.1": 1, NEW: 1}
        azure = next(row for row in now["oems"] if row["oem"] == "azure")
        assert (azure["nodes"], azure["same"], azure["different"]) == (1, 1, 0)

    def test_says_how_the_fleet_was(self, api: Client) -> None:
        make_node()
        samples.take(timezone.now() - 2 * DAY)
        make_node()
        then = api.get(f"/api/v1/overview?{at(1)}").json()
        assert then["nodes"] == 1
        assert datetime.fromisoformat(then["at"]) < timezone.now() - DAY
        assert api.get("/api/v1/overview").json()["nodes"] == 2

    def test_is_narrowed_to_ones_groups(self, api: Client) -> None:
        make_node()
        make_node(group=seeded_group("beta"))
        samples.take(timezone.now() - 2 * DAY)
        caller = session(somebody("bob", Role.VIEWER, group=seeded_group("beta")))
        assert caller.get("/api/v1/overview").json()["nodes"] == 1
        assert caller.get(f"/api/v1/overview?{at(1)}").json()["nodes"] == 1

    def test_of_before_the_first_sample_is_none(self, api: Client) -> None:
        says(api.get(f"/api/v1/overview?{at(1)}"), "No sample had been taken yet")


@pytest.mark.parametrize("path", ["nodes", "overview", "node"])
class TestMoments:
    @pytest.fixture
    def place(self, path: str) -> str:
        return f"/api/v1/nodes/{updated().pk}" if path == "node" else f"/api/v1/{path}"

    def test_that_are_to_come_are_refused(self, api: Client, place: str) -> None:
        says(api.get(f"{place}?at=2199-01-01T00:00:00Z"), "still to come")

    def test_that_are_before_all_nodes_are_refused(self, api: Client, place: str) -> None:
        says(api.get(f"{place}?at=0001-01-01T00:00:00%2B14:00"), "as old as that")

    @pytest.mark.parametrize("text", ["yesterday", "2026-09-01T12:00", ""])
    def test_have_a_date_a_time_and_a_zone(self, api: Client, place: str, text: str) -> None:
        assert problem(api.get(f"{place}?at={text}")) == (400, "invalid")
