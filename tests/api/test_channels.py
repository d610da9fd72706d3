import pytest
from django.test import Client

from oemupdates.models import Channel, DeadEnd, Floor
from tests.api.conftest import etag, problem, send
from tests.services.makers import last_activity, make_release, seeded_channel


@pytest.fixture
def channel(db: None) -> Channel:
    return seeded_channel()


class TestTarget:
    def test_is_set_and_taken_away(self, api: Client, channel: Channel) -> None:
        path, release = f"channels/{channel.pk}", make_release("4593.2.1")
        said = {"release": release.pk, "why": "ready"}
        answer = send(api, "PUT", f"{path}/target", said, If_Match=etag(api, path))
        assert answer.json()["target"] == {
            "id": release.pk,
            "version": "4593.2.1",
            "architecture": "amd64",
        }
        assert answer.headers["ETag"] == etag(api, path)
        assert last_activity().why == "ready"
        answer = send(api, "PUT", f"{path}/target", {"release": None}, If_Match=etag(api, path))
        assert answer.json()["target"] is None

    def test_must_be_one_for_its_nodes(self, api: Client, channel: Channel) -> None:
        release = make_release("4593.2.1", architecture="arm64")
        path = f"channels/{channel.pk}/target"
        answer = send(api, "PUT", path, {"release": release.pk}, If_Match="*")
        assert problem(answer) == (409, "cannot-target")
        answer = send(api, "PUT", path, {"release": 424242}, If_Match="*")
        assert problem(answer) == (422, "unprocessable")

    def test_is_not_set_by_a_viewer(self, viewer: Client, channel: Channel) -> None:
        answer = send(
            viewer, "PUT", f"channels/{channel.pk}/target", {"release": None}, If_Match="*"
        )
        assert problem(answer) == (403, "not-allowed")


class TestFloors:
    def test_are_added_listed_and_removed(self, api: Client, channel: Channel) -> None:
        path, release = f"channels/{channel.pk}", make_release("4459.2.1")
        before = etag(api, path)
        said = {"release": release.pk, "reason": "new keys"}
        made = send(api, "POST", f"{path}/floors", said)
        assert made.status_code == 201
        assert api.get(f"/api/v1/{path}/floors").json()["items"] == [made.json()]
        assert api.get(f"/api/v1/{path}").json()["floors"] == [made.json()]
        assert etag(api, path) != before
        assert problem(send(api, "POST", f"{path}/floors", said)) == (409, "cannot-add-floor")
        gone = send(api, "DELETE", f"{path}/floors/{made.json()['id']}")
        assert gone.status_code == 204
        assert not Floor.objects.exists()

    def test_of_another_channel_are_not_found(self, api: Client, channel: Channel) -> None:
        floor = Floor.objects.create(channel=channel, release=make_release(), reason="x")
        other = seeded_channel("beta")
        assert send(api, "DELETE", f"channels/{other.pk}/floors/{floor.pk}").status_code == 404


class TestDeadEnds:
    def test_are_added_listed_and_removed(self, api: Client, channel: Channel) -> None:
        path = f"channels/{channel.pk}/dead-ends"
        made = send(api, "POST", path, {"version": "3000.0.0", "reason": "no way"})
        assert made.status_code == 201
        assert api.get(f"/api/v1/{path}").json()["items"] == [made.json()]
        assert send(api, "DELETE", f"{path}/{made.json()['id']}").status_code == 204
        assert not DeadEnd.objects.exists()

    def test_are_versions(self, api: Client, channel: Channel) -> None:
        said = {"version": "yesterday", "reason": "no way"}
        answer = send(api, "POST", f"channels/{channel.pk}/dead-ends", said)
        assert problem(answer) == (409, "cannot-add-dead-end")


def test_a_channel_is_made(api: Client) -> None:
    made = send(api, "POST", "channels", {"name": "mine", "architecture": "arm64"})
    assert (made.status_code, made.json()["target"]) == (201, None)
    again = send(api, "POST", "channels", {"name": "mine", "architecture": "arm64"})
    assert problem(again) == (409, "cannot-create")
