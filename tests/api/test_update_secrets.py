"""Secrets of the update endpoint over the API."""

from django.test import Client

from oemupdates.services.checkins import passes
from oemupdates.services.checkins.passes import digest
from tests.api.conftest import problem, send
from tests.services.makers import seeded_group


def made(api: Client, **said: object) -> tuple[int, str]:
    """The id and the value of a new secret."""
    answer = send(api, "POST", "update-secrets", {"name": "all", **said})
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.json()["secret"]["id"], answer.json()["server"].rpartition("/")[2]


def test_are_made_and_told_to_new_nodes(api: Client) -> None:
    group = seeded_group()
    _, value = made(api, group=group.pk)
    assert digest(value) in passes.passes()
    snippet = api.get(f"/api/v1/groups/{group.pk}/snippet").json()
    assert snippet["server"].endswith(f"/v1/update/{value}")
    listed = api.get("/api/v1/update-secrets")
    assert value not in listed.content.decode()
    assert [one["kind"] for one in listed.json()["items"]] == ["secret", "plain"]


def test_are_rotated_put_off_and_revoked(api: Client) -> None:
    pk, _ = made(api)
    answer = send(api, "POST", f"update-secrets/{pk}/rotate", {"days": 7, "why": "yearly"})
    assert answer.status_code == 201
    assert api.get(f"/api/v1/update-secrets/{pk}").json()["ends_at"]
    assert problem(send(api, "POST", f"update-secrets/{pk}/rotate")) == (
        409,
        "cannot-change-secret",
    )
    put_off = send(api, "POST", f"update-secrets/{pk}/end", {"days": None})
    assert put_off.json()["ends_at"] is None
    assert send(api, "POST", f"update-secrets/{pk}/revoke").json()["revoked_at"]
    valid = api.get("/api/v1/update-secrets?valid=true").json()["items"]
    assert pk not in {one["id"] for one in valid}
    gone = api.get("/api/v1/update-secrets?valid=false").json()["items"]
    assert {one["id"] for one in gone} == {pk}


def test_never_leave_nobody(api: Client) -> None:
    made(api)
    secret, plain = api.get("/api/v1/update-secrets").json()["items"]
    send(api, "POST", f"update-secrets/{plain['id']}/revoke")
    refused = send(api, "POST", f"update-secrets/{secret['id']}/revoke")
    assert problem(refused) == (409, "last-secret")
    opened = send(api, "POST", "update-secrets/plain", {"days": 3})
    assert opened.json()["kind"] == "plain"


def test_are_for_groups_that_exist(api: Client) -> None:
    answer = send(api, "POST", "update-secrets", {"name": "all", "group": 999_999})
    assert problem(answer) == (422, "unprocessable")
