import pytest
from django.test import Client

from oemupdates.domain.access import Role
from oemupdates.models import SavedView
from tests.api.conftest import etag, problem, send, session, somebody

pytestmark = pytest.mark.django_db


def test_are_kept_changed_and_forgotten(api: Client) -> None:
    said = {"name": "Azure, held", "query": "oem:azure  is:held"}
    made = send(api, "POST", "views", said)
    assert (made.status_code, made.json()["query"]) == (201, "oem:azure is:held")
    path = f"views/{made.json()['id']}"
    again = send(api, "POST", "views", said | {"is_shared": True}).json()
    assert (again["id"], again["is_shared"]) == (made.json()["id"], True)
    assert problem(send(api, "PATCH", path, {"name": "x"})) == (428, "version-required")
    changed = send(api, "PATCH", path, {"is_default": True}, If_Match=etag(api, path)).json()
    assert (changed["name"], changed["is_default"], changed["is_shared"]) == (
        "Azure, held",
        True,
        True,
    )
    assert send(api, "DELETE", path, If_Match=etag(api, path)).status_code == 204
    assert not SavedView.objects.exists()


def test_of_others_are_seen_when_shared_and_never_changed(api: Client) -> None:
    mine = send(api, "POST", "views", {"name": "mine"}).json()
    ours = send(api, "POST", "views", {"name": "ours", "is_shared": True}).json()
    bo = session(somebody("bo", Role.VIEWER))
    assert [one["name"] for one in bo.get("/api/v1/views").json()["items"]] == ["ours"]
    assert bo.get(f"/api/v1/views/{mine['id']}").status_code == 404
    path = f"views/{ours['id']}"
    present = etag(bo, path)
    assert send(bo, "PATCH", path, {"name": "x"}, If_Match=present).status_code == 404
    assert send(bo, "DELETE", path, If_Match=present).status_code == 404


def test_refuse_what_is_no_query(api: Client) -> None:
    said = {"name": "broken", "query": "colour:red"}
    assert problem(send(api, "POST", "views", said)) == (422, "unprocessable")
    assert not SavedView.objects.exists()
