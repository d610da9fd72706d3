"""The fleet's nodes as they were at a moment of the past."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from oemupdates.domain.access import Role
from oemupdates.models import Answer, Node, VersionInterval
from tests.dashboard.conftest import log_in, permit
from tests.services.makers import make_node, make_operator, seeded_group

pytestmark = pytest.mark.django_db

NOW = timezone.now()
DAY = timedelta(days=1)
OLD, NEW = "4459.0.0", "4593.2.1"


def updated(days_ago: int = 5, **given: object) -> Node:
    """A node that went from the old version to the new one so many days ago."""
    node = make_node(version=NEW, **given)
    at = NOW - days_ago * DAY
    rows = [(OLD, NOW - 30 * DAY, at), (NEW, at, None)]
    for version, started_at, ended_at in rows:
        VersionInterval.objects.create(
            node=node,
            version=version,
            oem="azure",
            oem_version=version,
            oem_basis="derived",
            started_at=started_at,
            ended_at=ended_at,
        )
    return node


def then(page: Client, days_ago: int, query: str = "") -> str:
    at = f"{NOW - days_ago * DAY:%Y-%m-%dT%H:%M}"
    answer = page.get("/nodes/", {"at": at, "q": query})
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


class TestTheList:
    def test_shows_what_each_node_ran_then(self, page: Client) -> None:
        node = updated()
        assert f'id="node-{node.pk}"' in then(page, 10)
        assert f'<td data-label="OS version">{OLD}</td>' in then(page, 10)
        assert f'<td data-label="OS version">{NEW}</td>' in then(page, 2)

    def test_leaves_out_who_was_not_heard_of_yet(self, page: Client) -> None:
        node = updated()
        assert f'id="node-{node.pk}"' not in then(page, 40)

    def test_says_that_it_is_the_past_and_what_that_does_not_know(self, page: Client) -> None:
        shown = then(page, 10)
        assert "States, groups and labels of that time are not known" in shown

    @pytest.mark.parametrize(
        ("query", "is_found"),
        [
            (f"os:{OLD}", True),
            ("os:4459", True),
            ("os:445", False),
            (f"os:{NEW}", False),
            (f"-os:{OLD}", False),
            ("oem:azure,ami", True),
            ("oem:-", False),
            ("basis:derived", True),
        ],
    )
    def test_is_asked_as_the_list_of_today_is(
        self, page: Client, query: str, *, is_found: bool
    ) -> None:
        node = updated()
        assert (f'id="node-{node.pk}"' in then(page, 10, query)) is is_found

    @pytest.mark.parametrize(
        ("query", "words"),
        [
            ({"q": "state:failed"}, "and not state"),
            ({"q": "web-"}, "and not words"),
            ({"q": "os:<4593"}, "only versions and their beginnings"),
            ({"at": "yesterday"}, "no date and time"),
            ({"at": "2199-01-01T00:00"}, "still to come"),
            ({"after": "!"}, "damaged"),
        ],
    )
    def test_says_what_it_cannot_know(
        self, page: Client, query: dict[str, str], words: str
    ) -> None:
        answer = page.get("/nodes/", {"at": "2026-01-01T00:00"} | query)
        assert answer.status_code == 400
        assert words in answer.content.decode()

    def test_goes_on_page_by_page_without_a_gap(self, page: Client) -> None:
        nodes = {updated().pk for _ in range(60)}
        at = f"{NOW - 10 * DAY:%Y-%m-%dT%H:%M}"
        answer = page.get("/nodes/", {"at": at})
        first = {ran.node_id for ran in answer.context["page"].rows}
        assert len(first) == 50
        after = answer.context["page"].after
        rest = page.get("/nodes/", {"at": at, "after": after}).context["page"]
        assert first | {ran.node_id for ran in rest.rows} == nodes
        assert rest.after == ""

    def test_is_narrowed_to_ones_groups(self) -> None:
        home, beta = seeded_group(), seeded_group("beta")
        client = log_in(permit(make_operator("bob"), Role.VIEWER, home))
        mine, other = updated(group=home), updated(group=beta)
        shown = then(client, 10)
        assert f'id="node-{mine.pk}"' in shown
        assert f'id="node-{other.pk}"' not in shown


class TestANode:
    def test_is_shown_with_what_it_ran_and_heard_then(self, page: Client) -> None:
        node = updated()
        for days, answer in ((20, "noupdate"), (6, f"offer {NEW}")):
            Answer.objects.create(node=node, at=NOW - days * DAY, answer=answer, reasons="[]")
        shown = page.get(f"/nodes/{node.pk}/", {"at": f"{NOW - 10 * DAY:%Y-%m-%dT%H:%M}"})
        text = shown.content.decode()
        assert shown.context["ran"].version == OLD
        assert shown.context["heard"].answer == "noupdate"
        assert "Its state and labels of that time are not known" in text
        assert f'action="/nodes/{node.pk}/' not in text, "the past cannot be changed"

    def test_of_before_its_first_check_in_says_so(self, page: Client) -> None:
        node = updated()
        shown = page.get(f"/nodes/{node.pk}/", {"at": "2020-01-01T00:00"}).content.decode()
        assert "It was not heard of yet" in shown

    @pytest.mark.parametrize(
        ("at", "words"), [("soon", "no date and time"), ("2199-01-01T00:00", "still to come")]
    )
    def test_of_a_moment_that_is_none_says_so(self, page: Client, at: str, words: str) -> None:
        answer = page.get(f"/nodes/{updated().pk}/", {"at": at})
        assert answer.status_code == 400
        assert words in answer.content.decode()
