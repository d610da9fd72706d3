import csv
import io
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from oemupdates.api.frame import paging
from oemupdates.api.nodes.nodes import NodePages
from oemupdates.domain.access import EVERYWHERE, Role
from oemupdates.domain.node import State
from oemupdates.domain.query import Query
from oemupdates.models import Answer, Event, Node, Operator, RoleGrant, VersionInterval
from oemupdates.services.finding.finding import find
from tests.api.conftest import etag, problem, send, session, somebody
from tests.services.makers import NOW, make_node, seeded_group


@pytest.fixture
def node(db: None) -> Node:
    return make_node(machine_id="0" * 31 + "f", alias="web-1", oem="azure")


def found(client: Client, query: str) -> list[str]:
    answer = client.get(f"/api/v1/nodes?fields=alias&{query}")
    assert answer.status_code == 200, answer.content
    return [item["alias"] for item in answer.json()["items"]]


class TestList:
    @pytest.fixture(autouse=True)
    def fleet(self, db: None) -> None:
        make_node(alias="a", state=State.FAILED, oem="azure", version="4459.2.1")
        make_node(alias="b", oem="vmware", version="4593.2.1", architecture="arm64")
        make_node(alias="c", group=seeded_group("beta"), is_dark=True)
        make_node(alias="d", group=None, state=State.UNASSIGNED)
        make_node(alias="e", is_archived=True)

    @pytest.mark.parametrize(
        ("query", "aliases"),
        [
            ("", "dcba"),
            ("state=failed", "a"),
            ("state=failed&state=unassigned", "da"),
            ("oem=azure", "a"),
            ("oem=-", "dc"),
            ("version=4593.2.1", "b"),
            ("architecture=arm64", "b"),
            ("dark=true", "c"),
            ("dark=1", "c"),
            ("dark=false", "dba"),
            ("unassigned=true", "d"),
            ("archived=true", "e"),
            ("q=oem:azure,vmware", "ba"),
            ("q=os:<4593", "dca"),
            ("q=b", "b"),
            ("q=oem:azure&state=up_to_date", ""),
        ],
    )
    def test_finds_what_pages_find(self, api: Client, query: str, aliases: str) -> None:
        assert "".join(found(api, query)) == aliases

    def test_finds_a_groups_nodes(self, api: Client) -> None:
        assert found(api, f"group={seeded_group('beta').pk}") == ["c"]
        assert found(api, f"group={seeded_group().pk}&standing=behind") == ["b", "a"]

    def test_leads_on_and_back(self, api: Client) -> None:
        first = api.get("/api/v1/nodes?limit=2&fields=alias").json()
        second = api.get(first["next"]).json()
        assert [item["alias"] for item in second["items"]] == ["b", "a"]
        assert (first["previous"], second["next"]) == (None, None)
        assert api.get(second["previous"]).json()["items"] == first["items"]

    def test_shows_the_nodes_within_reach_alone(self, db: None) -> None:
        caller = session(somebody("beta", Role.VIEWER, group=seeded_group("beta")))
        assert found(caller, "") == ["c"]
        hidden = Node.objects.get(alias="a")
        assert caller.get(f"/api/v1/nodes/{hidden.pk}").status_code == 404

    @pytest.mark.parametrize("query", ["q=colour:red", "q=group:nowhere", "standing=behind"])
    def test_says_what_has_no_meaning(self, api: Client, query: str) -> None:
        assert problem(api.get(f"/api/v1/nodes?{query}")) == (422, "unprocessable")

    @pytest.mark.parametrize("query", ["state=odd", "dark=yes", "group=stable", "limit=1000"])
    def test_refuses_what_the_document_does_not_have(self, api: Client, query: str) -> None:
        assert problem(api.get(f"/api/v1/nodes?{query}")) == (400, "invalid")

    def test_is_a_table_of_all(self, api: Client) -> None:
        Node.objects.filter(alias="a").update(alias="=1+1")
        answer = api.get("/api/v1/nodes?format=csv&limit=1")
        rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
        assert [row["alias"] for row in rows] == ["d", "c", "b", "'=1+1"]

    def test_begins_at_once_and_goes_on_in_bigger_parts(
        self, admin: Operator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(paging, "FIRST_ROWS", 1)
        monkeypatch.setattr(paging, "STREAM_ROWS", 2)
        pages = NodePages(find(Query(), EVERYWHERE, now=timezone.now()))
        assert [[node.alias for node in chunk] for chunk in pages.chunks()] == [
            ["d"],
            ["c", "b"],
            ["a"],
        ]

    def test_costs_the_same_however_many(
        self, api: Client, django_assert_max_num_queries: Any
    ) -> None:
        api.get("/api/v1/nodes")
        with django_assert_max_num_queries(9) as few:
            api.get("/api/v1/nodes?limit=1")
        for number in range(20):
            make_node(alias=f"more-{number}")
        with django_assert_max_num_queries(len(few.captured_queries)):
            assert len(found(api, "limit=500")) == 24

    def test_never_counts_rows(self, api: Client, django_assert_max_num_queries: Any) -> None:
        with django_assert_max_num_queries(9) as asked:
            api.get("/api/v1/nodes?state=failed")
        assert not [query for query in asked.captured_queries if "COUNT(" in query["sql"]]


class TestOne:
    def test_is_shown_whole(self, api: Client, node: Node) -> None:
        shown = api.get(f"/api/v1/nodes/{node.pk}").json()
        group = seeded_group()
        assert shown["group"] == {"id": group.pk, "name": "stable", "architecture": "amd64"}
        assert (shown["machine_id"], shown["alias"]) == ("0" * 31 + "f", "web-1")
        assert (shown["hold"], shown["last_seen_at"]) == (None, "2026-09-01T12:00:00Z")

    def test_is_renamed(self, api: Client, node: Node) -> None:
        path = f"nodes/{node.pk}"
        answer = send(api, "PATCH", path, {"name": "Berlin 7"}, If_Match=etag(api, path))
        assert answer.json()["name"] == "Berlin 7"
        assert problem(send(api, "PATCH", path, {"name": "x"})) == (428, "version-required")

    def test_may_check_in_between_reading_and_changing(self, api: Client, node: Node) -> None:
        path = f"nodes/{node.pk}"
        read = etag(api, path)
        Node.objects.update(last_seen_at=NOW + timedelta(hours=1), check_in_count=7)
        known = api.get(f"/api/v1/{path}", headers={"If-None-Match": read})
        assert known.status_code == 200
        assert send(api, "PATCH", path, {"name": "x"}, If_Match=read).status_code == 200
        assert send(api, "PATCH", path, {"name": "y"}, If_Match=read).status_code == 412


class TestVerbs:
    def test_hold_until_and_release(self, api: Client, node: Node) -> None:
        until = (timezone.now() + timedelta(days=1)).isoformat()
        held = send(
            api, "POST", f"nodes/{node.pk}/hold", {"because": "broken disk", "until": until}
        )
        hold = held.json()["hold"]
        assert (hold["because"], hold["by"]) == ("broken disk", "admin")
        assert hold["until"].endswith("Z")
        again = send(api, "POST", f"nodes/{node.pk}/hold", {"because": "x"})
        assert problem(again) == (409, "cannot-hold")
        released = send(api, "POST", f"nodes/{node.pk}/release", {"why": "mended"})
        assert released.json()["hold"] is None

    @pytest.mark.parametrize("until", ["tomorrow", "2026-09-01T12:00:00", 5, "2026-13-01T00:00Z"])
    def test_hold_until_a_time_with_its_zone(self, api: Client, node: Node, until: object) -> None:
        answer = send(api, "POST", f"nodes/{node.pk}/hold", {"because": "x", "until": until})
        assert problem(answer) == (400, "invalid")

    def test_retry(self, api: Client, node: Node) -> None:
        assert problem(send(api, "POST", f"nodes/{node.pk}/retry")) == (409, "cannot-retry")
        Node.objects.update(download_failures=10, state=State.FAILED)
        shown = send(api, "POST", f"nodes/{node.pk}/retry", {"why": "again"}).json()
        assert shown["download_failures"] == 0

    def test_archive_and_unarchive(self, api: Client, node: Node) -> None:
        assert send(api, "POST", f"nodes/{node.pk}/archive").json()["is_archived"] is True
        assert send(api, "POST", f"nodes/{node.pk}/unarchive").json()["is_archived"] is False

    @pytest.mark.parametrize("verb", ["hold", "release", "retry", "archive", "unarchive"])
    def test_are_not_for_viewers(self, viewer: Client, node: Node, verb: str) -> None:
        said = {"because": "x"} if verb == "hold" else {}
        answer = send(viewer, "POST", f"nodes/{node.pk}/{verb}", said)
        assert problem(answer) == (403, "not-allowed")

    @pytest.mark.parametrize("verb", ["hold", "release", "retry", "archive", "unarchive"])
    def test_are_for_the_callers_groups_alone(self, node: Node, verb: str) -> None:
        caller = session(somebody("beta", Role.OPERATOR, group=seeded_group("beta")))
        said = {"because": "x"} if verb == "hold" else {}
        answer = send(caller, "POST", f"nodes/{node.pk}/{verb}", said)
        assert problem(answer) == (404, "not-found")

    def test_mind_the_version_if_it_is_said(self, api: Client, node: Node) -> None:
        answer = send(api, "POST", f"nodes/{node.pk}/hold", {"because": "x"}, If_Match='"old"')
        assert problem(answer) == (412, "stale-version")


class TestHistory:
    def test_explains_what_it_hears(self, api: Client, node: Node) -> None:
        reasons = '[["held", "broken disk", ""], ["updates_off", "stable", ""]]'
        Node.objects.update(answer="noupdate", reasons=reasons, state=State.WAITING)
        Answer.objects.create(node=node, at=NOW, answer="noupdate", reasons=reasons)
        shown = api.get(f"/api/v1/nodes/{node.pk}/explain").json()
        assert (shown["offer"], shown["state"]) == (None, "waiting")
        assert shown["heard_at"] == "2026-09-01T12:00:00Z"
        assert shown["reasons"][0] == {
            "code": "held",
            "subject": "broken disk",
            "detail": "",
            "sentence": "It is held: broken disk.",
            "would_change": {"kind": "person", "words": "Release the hold."},
        }
        assert shown["reasons"][1]["code"] == "updates_off"
        past = api.get(f"/api/v1/nodes/{node.pk}/answers").json()["items"]
        assert past[0]["reasons"] == shown["reasons"]

    def test_explains_an_offer(self, api: Client, node: Node) -> None:
        Node.objects.update(answer="offer 4593.2.1", reasons='[["target", "4593.2.1", ""]]')
        shown = api.get(f"/api/v1/nodes/{node.pk}/explain").json()
        assert (shown["offer"], shown["reasons"][0]["code"]) == ("4593.2.1", "target")

    def test_lists_events_and_intervals(self, api: Client, node: Node) -> None:
        for minute in range(3):
            at = NOW + timedelta(minutes=minute)
            Event.objects.create(
                node=node, at=at, meaning="download_started", type=13, result=1, code=minute
            )
            VersionInterval.objects.create(
                node=node, version=f"{minute}.0.0", started_at=at, ended_at=at
            )
        events = api.get(f"/api/v1/nodes/{node.pk}/events?limit=2").json()
        assert [item["code"] for item in events["items"]] == [2, 1]
        assert [item["code"] for item in api.get(events["next"]).json()["items"]] == [0]
        ran = api.get(f"/api/v1/nodes/{node.pk}/intervals").json()["items"]
        assert [item["version"] for item in ran] == ["2.0.0", "1.0.0", "0.0.0"]


class TestLabels:
    def test_are_written_found_and_taken_off(self, api: Client, node: Node) -> None:
        path = f"nodes/{node.pk}/labels"
        said = {"key": "rack", "value": "7"}
        assert send(api, "POST", path, said).json()["labels"] == {"rack": "7"}
        assert problem(send(api, "POST", path, said)) == (409, "cannot-label")
        assert send(api, "POST", path, {"key": "canary"}).json()["labels"] == {
            "rack": "7",
            "canary": "",
        }
        listed = api.get("/api/v1/labels?fields=key,value").json()["items"]
        assert listed == [{"key": "canary", "value": ""}, {"key": "rack", "value": "7"}]
        assert api.get("/api/v1/nodes?fields=labels").json()["items"][0]["labels"]["rack"] == "7"
        gone = send(api, "POST", f"{path}/remove", {"key": "rack"})
        assert gone.json()["labels"] == {"canary": ""}
        assert problem(send(api, "POST", path, {"key": "two words"})) == (409, "bad-label")

    def test_change_the_version(self, api: Client, node: Node) -> None:
        read = etag(api, f"nodes/{node.pk}")
        send(api, "POST", f"nodes/{node.pk}/labels", {"key": "canary"})
        answer = send(api, "PATCH", f"nodes/{node.pk}", {"name": "x"}, If_Match=read)
        assert answer.status_code == 412

    def test_are_listed_within_reach(self, api: Client, node: Node) -> None:
        send(api, "POST", f"nodes/{node.pk}/labels", {"key": "canary"})
        caller = session(somebody("beta", Role.VIEWER, group=seeded_group("beta")))
        assert caller.get("/api/v1/labels").json()["items"] == []


class TestMove:
    def test_puts_a_node_elsewhere_and_back(self, api: Client, node: Node) -> None:
        beta = seeded_group("beta")
        moved = send(api, "POST", f"nodes/{node.pk}/move", {"group": beta.pk, "because": "canary"})
        assert moved.json()["group"]["name"] == "beta"
        back = send(api, "POST", f"nodes/{node.pk}/move-back")
        assert back.json()["group"]["name"] == "stable"

    def test_needs_the_permission_at_both_ends(self, node: Node) -> None:
        stable, beta = seeded_group(), seeded_group("beta")
        caller = session(somebody("ann", Role.OPERATOR, group=stable))
        said = {"group": beta.pk, "because": "x"}
        answer = send(caller, "POST", f"nodes/{node.pk}/move", said)
        assert problem(answer) == (422, "unprocessable")
        operator = somebody("bob", Role.OPERATOR, group=stable)
        RoleGrant.objects.create(operator=operator, role=Role.VIEWER, group=beta)
        answer = send(session(operator), "POST", f"nodes/{node.pk}/move", said)
        assert problem(answer) == (403, "not-allowed")
