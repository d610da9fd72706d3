import pytest
from django.test import Client

from oemupdates.models import SyncRun, Upstream
from oemupdates.services.sync import proposals
from tests.api.conftest import etag, problem, send
from tests.services.makers import make_release, seeded_channel

SAID = {"name": "flatcar", "kind": "public"}


@pytest.fixture
def path(api: Client) -> str:
    return f"upstreams/{send(api, 'POST', 'upstreams', SAID).json()['id']}"


def follow(api: Client, path: str) -> int:
    made = send(api, "POST", f"{path}/followers", {"channel": seeded_channel().pk})
    assert (made.status_code, made.json()["track"]) == (201, "stable")
    return int(made.json()["id"])


def test_is_added_changed_switched_and_removed(api: Client, path: str) -> None:
    shown = api.get(f"/api/v1/{path}").json()
    assert shown["address"].startswith("https://")
    assert problem(send(api, "POST", "upstreams", SAID)) == (409, "cannot-keep")
    wrong = send(api, "POST", "upstreams", SAID | {"name": "x", "address": "file:///etc"})
    assert problem(wrong) == (409, "cannot-keep")
    read = etag(api, path)
    changed = send(api, "PATCH", path, {"policy": "follow", "why": "ours"}, If_Match=read)
    assert (changed.json()["policy"], changed.json()["name"]) == ("follow", "flatcar")
    assert send(api, "PATCH", path, {"policy": "mirror"}, If_Match=read).status_code == 412
    assert send(api, "POST", f"{path}/active", {"on": False}).json()["is_enabled"] is False
    assert send(api, "DELETE", path, If_Match=etag(api, path)).status_code == 204
    assert not Upstream.objects.exists()


def test_is_followed_and_left(api: Client, path: str) -> None:
    key = follow(api, path)
    again = send(api, "POST", f"{path}/followers", {"channel": seeded_channel().pk})
    assert problem(again) == (409, "cannot-subscribe")
    assert [one["id"] for one in api.get(f"/api/v1/{path}/followers").json()["items"]] == [key]
    assert send(api, "POST", f"{path}/followers/{key}/remove").status_code == 200
    assert api.get(f"/api/v1/{path}/followers").json()["items"] == []


def test_is_synced_watched_and_cancelled(api: Client, path: str) -> None:
    follow(api, path)
    said = {"channel": seeded_channel().pk}
    run = send(api, "POST", f"{path}/sync", said)
    assert (run.status_code, run.json()["state"]) == (202, "waiting")
    assert problem(send(api, "POST", f"{path}/sync", said)) == (409, "cannot-ask")
    SyncRun.objects.update(bytes_done=5, bytes_total=9)
    place = f"sync-runs/{run.json()['id']}"
    assert api.get(f"/api/v1/{place}").json()["bytes_done"] == 5
    assert send(api, "POST", f"{place}/cancel", {"why": "x"}).json()["state"] == "cancelled"
    assert problem(send(api, "POST", f"{place}/cancel", {})) == (409, "cannot-cancel")
    assert api.get("/api/v1/sync-runs?state=waiting").json()["items"] == []
    by_number = send(api, "POST", f"{path}/sync", said | {"version": "4459.2.1"})
    assert by_number.json()["version"] == "4459.2.1"


@pytest.mark.parametrize(("verb", "state"), [("accept", "accepted"), ("dismiss", "dismissed")])
def test_proposes_what_is_decided_once(api: Client, path: str, verb: str, state: str) -> None:
    release = make_release("4593.2.1")
    made = proposals.propose(Upstream.objects.get(), seeded_channel(), release, [])
    assert made is not None
    (listed,) = api.get("/api/v1/proposals?state=open").json()["items"]
    assert (listed["id"], listed["release"]) == (made.pk, release.pk)
    decided = send(api, "POST", f"proposals/{made.pk}/{verb}", {"why": "tested"})
    assert decided.json()["state"] == state
    assert problem(send(api, "POST", f"proposals/{made.pk}/{verb}", {})) == (409, "cannot-decide")
    assert (seeded_channel().target == release) is (verb == "accept")


def test_is_changed_by_administrators_alone(viewer: Client) -> None:
    assert viewer.get("/api/v1/upstreams").status_code == 200
    assert problem(send(viewer, "POST", "upstreams", SAID)) == (403, "not-allowed")
