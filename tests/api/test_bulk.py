from typing import Any

import pytest
from django.test import Client

from oemupdates.domain.access import Permission, Role
from oemupdates.models import BulkChange, Node, Operator
from oemupdates.services.access import tokens
from oemupdates.services.nodes import bulk_work
from tests.api.conftest import problem, send, session, somebody
from tests.services.makers import make_node, seeded_group


@pytest.fixture
def nodes(db: None) -> list[Node]:
    return [make_node(alias=f"web-{number}", oem="azure") for number in range(3)]


def finish(made: Any) -> BulkChange:
    assert made.status_code == 202, made.content
    return bulk_work.advance(BulkChange.objects.get(pk=made.json()["id"]), seconds=5)


def test_holds_what_a_query_means_and_takes_it_back(api: Client, nodes: list[Node]) -> None:
    said = {"verb": "hold", "query": "oem:azure", "why": "broken"}
    made = send(api, "POST", "bulk-changes", said, Idempotency_Key="k1")
    assert (made.json()["state"], made.json()["expected"]) == ("running", 3)
    assert send(api, "POST", "bulk-changes", said, Idempotency_Key="k1").json() == made.json()
    change = finish(made)
    path = f"bulk-changes/{change.pk}"
    shown = api.get(f"/api/v1/{path}").json()
    assert (shown["state"], shown["done"], shown["by"]["username"]) == ("done", 3, "admin")
    assert len(api.get("/api/v1/holds").json()["items"]) == 3
    assert problem(send(api, "POST", f"{path}/stop")) == (409, "cannot-stop")
    finish(send(api, "POST", f"{path}/undo"))
    assert api.get("/api/v1/holds").json()["items"] == []


def test_labels_nodes_by_id(api: Client, nodes: list[Node]) -> None:
    keys = [nodes[0].pk, nodes[2].pk]
    finish(send(api, "POST", "bulk-changes", {"verb": "label", "nodes": keys, "label": "a=b"}))
    found = api.get("/api/v1/nodes?fields=alias,labels").json()["items"]
    assert [item["alias"] for item in found if item["labels"]] == ["web-2", "web-0"]


def test_says_first_how_many_it_would_meet(api: Client, nodes: list[Node]) -> None:
    keys = [node.pk for node in nodes[::-1]]
    said: dict[str, Any] = {"verb": "hold", "query": "web-", "why": "broken"}
    shown = send(api, "POST", "bulk-changes/preview", said).json()
    assert shown == {"number": 3, "is_exact": True, "first": keys}
    said = {"verb": "retry", "nodes": keys[:2]}
    assert send(api, "POST", "bulk-changes/preview", said).json()["first"] == keys[:2]
    said = {"verb": "move", "query": "web-", "why": "x"}
    assert problem(send(api, "POST", "bulk-changes/preview", said)) == (409, "cannot-start")
    assert not BulkChange.objects.exists()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"verb": "hold"}, (422, "unprocessable")),
        ({"verb": "hold", "nodes": [1], "query": "x"}, (422, "unprocessable")),
        ({"verb": "hold", "query": "colour:red", "why": "x"}, (422, "unprocessable")),
        ({"verb": "hold", "nodes": [424242], "why": "x"}, (422, "unprocessable")),
        ({"verb": "hold", "query": "web-"}, (422, "bad-words")),
        ({"verb": "explode", "query": "web-"}, (400, "invalid")),
    ],
)
def test_says_what_is_wrong(api: Client, said: dict[str, object], told: tuple[int, str]) -> None:
    assert problem(send(api, "POST", "bulk-changes", said)) == told


def test_of_a_limited_token_stays_within_its_groups(nodes: list[Node]) -> None:
    admin = Operator.objects.create_superuser("root")
    terms = tokens.Terms(tuple(Permission), [seeded_group("beta")])
    secret = tokens.create(owner=admin, by=admin, name="ci", terms=terms).secret
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    answer = send(client, "POST", "bulk-changes", {"verb": "archive", "query": "", "why": "x"})
    assert answer.status_code in {400, 403}
    answer = send(client, "POST", "bulk-changes", {"verb": "archive", "query": "web-", "why": "x"})
    assert problem(answer) == (403, "not-allowed")
    said = {"verb": "archive", "nodes": [nodes[0].pk], "why": "x"}
    assert problem(send(client, "POST", "bulk-changes", said)) == (422, "unprocessable")
    assert not BulkChange.objects.exists()


def test_of_others_is_theirs(api: Client, nodes: list[Node]) -> None:
    made = send(api, "POST", "bulk-changes", {"verb": "retry", "query": "web-"}).json()
    caller = session(somebody("berlin", Role.OPERATOR, group=seeded_group()))
    assert caller.get("/api/v1/bulk-changes").json()["items"] == []
    assert caller.get(f"/api/v1/bulk-changes/{made['id']}").status_code == 404
    assert send(caller, "POST", f"bulk-changes/{made['id']}/stop").status_code == 404


class TestUsers:
    def test_are_shown_with_their_roles(self, api: Client, viewer: Client) -> None:
        somebody("berlin", Role.OPERATOR, group=seeded_group())
        (shown,) = api.get("/api/v1/users?username=berlin&fields=username,roles").json()["items"]
        assert shown["roles"][0]["role"] == "operator"
        assert shown["roles"][0]["group"]["name"] == "stable"
        assert "password" not in api.get("/api/v1/users").content.decode().replace(
            "must_change_password", ""
        )
        assert problem(viewer.get("/api/v1/users")) == (403, "not-allowed")
