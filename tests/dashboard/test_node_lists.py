"""What is done with lists of nodes: exports, columns, saved views, changes of many."""

import csv
import io
import json
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from oemupdates.domain.access import Role
from oemupdates.models import BulkChange, Node, Operator, SavedView
from oemupdates.services.finding import walking
from oemupdates.services.nodes import bulk, bulk_work, labels, nodes
from oemupdates.services.nodes.bulk import Wanted
from tests.dashboard.conftest import log_in, permit
from tests.services.makers import make_node, seeded_group

pytestmark = pytest.mark.django_db


def exported(page: Client, query: str) -> str:
    answer = page.get(f"/nodes/export/?{query}")
    assert answer.status_code == 200
    assert answer.streaming
    return b"".join(answer).decode()


def cells(page: Client, query: str = "") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(exported(page, query))))


class TestExport:
    def test_says_what_the_screen_shows(self, page: Client) -> None:
        make_node(oem="ami")
        node = make_node(oem="azure", name="web-1", address="192.0.2.7", is_dark=True)
        (row,) = cells(page, "q=oem:azure")
        assert row["Machine id"] == node.machine_id
        assert row["Name"] == "web-1"
        assert row["State"] == "Up to date dark"
        assert row["Group"] == "stable (amd64)"
        assert row["OS"] == "4459.2.1"
        assert row["Seen"].endswith("Z")
        screen = page.get("/nodes/?q=oem:azure").content.decode().partition("<thead>")[2]
        shown = re.findall(r"<th>([^<]+)</th>", screen.partition("</thead>")[0])
        assert list(row) == ["Machine id", "Name", *shown[1:]]

    def test_of_held_nodes_says_by_whom_why_and_until_when(
        self, page: Client, admin: Operator
    ) -> None:
        ends = timezone.now() + timedelta(hours=5, minutes=1)
        nodes.hold(make_node(), because="disk", until=ends, by=admin)
        nodes.hold(make_node(), because="for good", by=admin)
        make_node()
        page.post("/nodes/columns/", {"column": ["os"]})
        html = page.get("/nodes/?held=1").content.decode()
        assert "admin: disk" in html
        assert re.search(r"ends <time [^>]+>in 5 h</time>", html)
        assert "has no end" in html
        told = [row["Hold"] for row in cells(page, "q=is:held")]
        assert told == ["admin: for good", f"admin: disk, until {ends:%Y-%m-%dT%H:%M:%S}Z"]
        assert list(cells(page, "q=-is:held")[0]) == ["Machine id", "Name", "OS"]

    def test_follows_the_picked_columns(self, page: Client) -> None:
        labels.label(make_node(), "rack=7", by=None)
        page.post("/nodes/columns/", {"column": ["labels", "basis"]})
        (row,) = cells(page)
        assert list(row) == ["Machine id", "Name", "Basis", "Labels"]
        assert row["Labels"] == "rack=7"
        page.post("/nodes/columns/", {"column": ["basis"], "usual": "1"})
        assert "OEM" in cells(page)[0]

    @pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
    def test_takes_no_cell_for_a_formula(self, page: Client, start: str) -> None:
        make_node(name=f"{start}1+1", track="x=1")
        assert cells(page)[0]["Name"] == f"'{start}1+1"
        assert json.loads(exported(page, "format=json"))[0]["name"] == f"{start}1+1"

    def test_is_json_with_no_node_too(self, page: Client) -> None:
        assert json.loads(exported(page, "format=json")) == []
        assert cells(page) == []

    def test_goes_through_every_chunk_and_asks_the_same_of_each(
        self, page: Client, monkeypatch: pytest.MonkeyPatch, django_assert_max_num_queries
    ) -> None:
        monkeypatch.setattr("oemupdates.dashboard.nodes.node_export.CHUNK", 4)
        made = [make_node().machine_id for _ in range(10)]
        with django_assert_max_num_queries(10):
            rows = cells(page)
        assert [row["Machine id"] for row in rows] == made[::-1]

    def test_stays_within_reach(self, viewer: Operator) -> None:
        mine = make_node()
        make_node(group=seeded_group("beta"))
        somebody = Operator.objects.create_user("somebody")
        permit(somebody, Role.VIEWER, seeded_group())
        rows = cells(log_in(Operator.objects.get(pk=somebody.pk)))
        assert [row["Machine id"] for row in rows] == [mine.machine_id]

    @pytest.mark.parametrize("query", ["q=a:b", "format=xml", "q=group:nowhere", "stat=x"])
    def test_says_what_it_cannot_do_before_it_begins(self, page: Client, query: str) -> None:
        answer = page.get(f"/nodes/export/?{query}")
        assert answer.status_code == 400
        assert not answer.streaming


class TestColumns:
    def test_are_remembered(self, page: Client, admin: Operator) -> None:
        make_node(track="canary-track")
        assert "canary-track" not in page.get("/nodes/").content.decode()
        answer = page.post("/nodes/columns/", {"column": ["track"], "q": "oem:-"})
        assert answer["location"] == "/nodes/?q=oem%3A-"
        html = page.get("/nodes/").content.decode()
        assert "canary-track" in html
        assert "<th>State</th>" not in html

    def test_are_those_that_there_are(self, page: Client) -> None:
        assert page.post("/nodes/columns/", {"column": ["secrets"]}).status_code == 400

    def test_with_labels_cost_one_question(
        self, page: Client, django_assert_max_num_queries
    ) -> None:
        page.post("/nodes/columns/", {"column": ["labels", "state"]})
        for _ in range(20):
            labels.label(make_node(), "rack=7", by=None)
        with django_assert_max_num_queries(14):
            page.get("/nodes/?all=1")


class TestViews:
    def save(self, page: Client, name: str, query: str, **more: str) -> None:
        page.post("/nodes/views/save/", {"name": name, "q": query, **more})

    def test_are_kept_and_opened(self, page: Client) -> None:
        self.save(page, "Azure, held", "oem:azure  is:held")
        view = SavedView.objects.get()
        assert view.query == "oem:azure is:held"
        html = page.get("/nodes/?q=oem:azure is:held").content.decode()
        assert re.search(r'aria-current="true"><span>Azure, held', html)
        self.save(page, "Azure, held", "oem:azure")
        assert SavedView.objects.get().query == "oem:azure"

    def test_open_the_list_when_they_are_the_default(self, page: Client) -> None:
        self.save(page, "Azure", "oem:azure")
        self.save(page, "Ami", "oem:ami")
        for view in SavedView.objects.all():
            page.post(f"/nodes/views/{view.pk}/", {"name": view.name, "is_default": "on"})
        assert SavedView.objects.filter(is_default=True).count() == 1
        assert page.get("/nodes/")["location"].startswith("/nodes/?q=oem%3A")
        assert page.get("/nodes/?all=1").status_code == 200

    def test_of_others_are_seen_when_shared_and_never_changed(
        self, page: Client, viewer: Operator
    ) -> None:
        self.save(page, "Mine", "oem:azure")
        self.save(page, "Ours", "oem:ami", is_shared="on")
        other = log_in(viewer)
        html = other.get("/nodes/views/").content.decode()
        assert "Ours" in html
        assert "Mine" not in html
        mine, ours = SavedView.objects.order_by("name")
        assert other.post(f"/nodes/views/{mine.pk}/delete/").status_code == 404
        other.post(f"/nodes/views/{ours.pk}/delete/")
        other.post(f"/nodes/views/{ours.pk}/", {"name": "Theirs"})
        assert SavedView.objects.filter(name="Ours").exists()
        page.post(f"/nodes/views/{ours.pk}/", {"name": "Mine"})
        assert SavedView.objects.filter(name="Ours").exists(), "the name is taken"
        page.post(f"/nodes/views/{ours.pk}/delete/")
        assert SavedView.objects.get() == mine

    def test_refuse_what_is_no_query(self, page: Client) -> None:
        self.save(page, "Broken", "colour:red")
        self.save(page, " ", "oem:azure")
        assert not SavedView.objects.exists()


def plan(page: Client, query: str) -> str:
    answer = page.get(f"/nodes/bulk/?{query}")
    assert answer.status_code == 200
    return answer.content.decode()


class TestBulk:
    def test_of_picked_nodes_is_done_at_once_and_taken_back(self, page: Client) -> None:
        picked, other = make_node(name="web-1"), make_node(name="web-2")
        html = plan(page, f"verb=hold&key={picked.pk}")
        assert "Hold 1 node" in html
        assert "web-2" not in html
        given = {"verb": "hold", "key": picked.pk, "expected": "1", "why": "disk"}
        answer = page.post("/nodes/bulk/start/", given, follow=True)
        change = BulkChange.objects.get()
        assert f'1 node is held. <a href="/nodes/bulk/{change.pk}/">' in answer.content.decode()
        assert Node.objects.get(is_held=True) == picked
        assert "Undo" in page.get(f"/nodes/bulk/{change.pk}/").content.decode()
        page.post(f"/nodes/bulk/{change.pk}/undo/")
        assert not Node.objects.filter(is_held=True).exists()
        html = page.get(f"/nodes/bulk/{change.pk}/").content.decode()
        assert "taken back" in html
        assert f"/nodes/bulk/{change.pk}/undo/" not in html
        assert not other.is_held

    def test_of_more_than_a_hundred_is_typed(self, page: Client) -> None:
        for _ in range(100):
            make_node()
        assert 'name="confirmed"' not in plan(page, "verb=archive&all=1&q=")
        make_node()
        assert 'data-confirm="101"' in plan(page, "verb=archive&all=1&q=")
        given = {"verb": "archive", "all": "1", "q": "", "expected": "101", "why": "gone"}
        page.post("/nodes/bulk/start/", given)
        page.post("/nodes/bulk/start/", {**given, "confirmed": "100"})
        page.post("/nodes/bulk/start/", {**given, "expected": "5", "confirmed": ""})
        assert not BulkChange.objects.exists()
        page.post("/nodes/bulk/start/", {**given, "confirmed": "101"})
        assert Node.objects.listed().count() == 0

    def test_counts_row_by_row_what_no_counter_knows(
        self, page: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for number in range(6):
            make_node(alias=f"web-{number}")
        make_node(alias="db-1")
        assert "Hold 6 nodes" in plan(page, "verb=hold&all=1&q=web-")
        monkeypatch.setattr("oemupdates.services.nodes.bulk_preview.COUNTING_SECONDS", 0)
        monkeypatch.setattr("oemupdates.services.nodes.bulk_preview.COUNTED_AT_ONCE", 2)
        html = plan(page, "verb=hold&all=1&q=web-")
        assert "Hold more than 2 nodes" in html
        assert 'data-confirm="2"' in html

    def test_tells_refusals_with_their_reasons(self, page: Client) -> None:
        plain, labelled = make_node(), make_node()
        labels.label(labelled, "rack=7", by=None)
        given = {"verb": "unlabel", "all": "1", "key_of_label": "rack", "expected": "2"}
        answer = page.post("/nodes/bulk/start/", given, follow=True)
        html = answer.content.decode()
        assert "1 done, 1 refused" in html
        assert "carries no label rack." in html
        assert f'<a href="/nodes/{plain.pk}/">' in html.partition("carries no label rack.")[2]

    @pytest.mark.parametrize(
        "given",
        [
            {"verb": "explode", "all": "1"},
            {"verb": "hold"},
            {"verb": "hold", "all": "1"},
            {"verb": "hold", "all": "1", "why": "x", "q": "colour:red"},
            {"verb": "move", "all": "1", "why": "x"},
            {"verb": "hold", "all": "1", "why": "x", "expected": "many"},
        ],
    )
    def test_begins_nothing_that_is_not_whole(self, page: Client, given: dict[str, str]) -> None:
        make_node()
        answer = page.post("/nodes/bulk/start/", given, follow=True)
        assert answer.status_code == 200
        assert 'class="bad"' in answer.content.decode()
        assert not BulkChange.objects.exists()

    def test_goes_on_after_the_page_and_is_stopped(
        self, page: Client, admin: Operator, viewer: Operator
    ) -> None:
        make_node()
        change = bulk.start(Wanted("hold", "x"), by=admin)
        here = permit(viewer, Role.OPERATOR, seeded_group())
        other = log_in(here)
        other.post(f"/nodes/bulk/{change.pk}/stop/")
        assert BulkChange.objects.get().state == "running"
        assert "Stop it here" in page.get(f"/nodes/bulk/{change.pk}/").content.decode()
        page.post(f"/nodes/bulk/{change.pk}/stop/")
        assert BulkChange.objects.get().state == "stopped"

    def test_tells_by_itself_how_far_it_is(self, page: Client, admin: Operator) -> None:
        make_node()
        change = bulk.start(Wanted("hold", "x"), by=admin)
        assert 'hx-trigger="every 2s"' in page.get(f"/nodes/bulk/{change.pk}/").content.decode()
        bulk_work.advance(change, seconds=9)
        assert "hx-trigger" not in page.get(f"/nodes/bulk/{change.pk}/").content.decode()

    def test_of_others_is_shown_to_those_who_see_the_whole_fleet(
        self, page: Client, admin: Operator
    ) -> None:
        make_node()
        change = bulk.start(Wanted("hold", "x"), by=admin)
        here = permit(Operator.objects.create_user("here"), Role.OPERATOR, seeded_group())
        client = log_in(here)
        path = f"/nodes/bulk/{change.pk}/"
        assert client.get(path).status_code == 404
        assert client.post(f"{path}stop/").status_code == 404
        assert client.post(f"{path}undo/").status_code == 404
        own = bulk.start(Wanted("hold", "y"), by=here)
        assert client.get(f"/nodes/bulk/{own.pk}/").status_code == 200
        assert page.get(f"/nodes/bulk/{own.pk}/").status_code == 200

    def test_suggests_the_labels_of_nodes_within_reach(self, page: Client) -> None:
        labels.label(make_node(), "rack=7", by=None)
        labels.label(make_node(group=seeded_group("beta")), "secret=project", by=None)
        here = permit(Operator.objects.create_user("here"), Role.OPERATOR, seeded_group())
        for client, is_told in ((page, True), (log_in(here), False)):
            for path in ("/nodes/", "/nodes/bulk/?verb=label&all=1"):
                html = client.get(path).content.decode()
                assert "rack=7" in html
                assert ("secret=project" in html) is is_told

    def test_is_offered_to_those_who_may(self, page: Client, viewer: Operator) -> None:
        make_node()
        for client, is_offered in ((page, True), (log_in(viewer), False)):
            html = client.get("/nodes/").content.decode()
            assert ("data-bulk" in html) is is_offered
            assert ("/nodes/bulk/" in html) is is_offered


def test_a_search_that_stops_says_how_far_it_looked(
    page: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("oemupdates.services.finding.finding._FEW_ROWS", 0)
    monkeypatch.setattr(walking, "FIRST_WINDOW", 2)
    monkeypatch.setattr(walking, "PATIENCE_SECONDS", 0)
    for _ in range(5):
        make_node()
    html = page.get("/nodes/?q=seen:<1s").content.decode()
    assert "2 nodes were looked at one by one" in html
    assert "Look further" in html
