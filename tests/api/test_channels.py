import pytest
from django.test import Client

from oemupdates.domain.access import Role
from oemupdates.models import Channel, DeadEnd, Floor
from tests.api.conftest import etag, problem, send
from tests.dashboard.conftest import log_in, permit
from tests.services.makers import (
    last_activity,
    make_node,
    make_operator,
    make_release,
    seeded_channel,
    seeded_group,
)


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


def test_a_channel_is_renamed_and_deleted(api: Client, channel: Channel) -> None:
    made = send(api, "POST", "channels", {"name": "canary", "architecture": "amd64"}).json()
    path = f"channels/{made['id']}"
    answer = send(api, "PATCH", path, {"name": "early", "why": "x"}, If_Match=etag(api, path))
    assert answer.json()["name"] == "early"
    taken = send(api, "PATCH", path, {"name": channel.name}, If_Match="*")
    assert problem(taken) == (409, "cannot-rename")
    assert problem(send(api, "DELETE", path)) == (428, "version-required")
    assert send(api, "DELETE", path, If_Match=etag(api, path)).status_code == 204
    assert not Channel.objects.filter(pk=made["id"]).exists()
    followed = send(api, "DELETE", f"channels/{channel.pk}", If_Match="*")
    assert problem(followed) == (409, "cannot-delete")


class TestNumbers:
    def test_of_a_channel_are_its_groups_numbers(self, api: Client, channel: Channel) -> None:
        group = channel.groups.get()
        channel.target = make_release("4593.2.1")
        channel.save()
        for version in ("4593.2.1", "4459.0.0", "4459.0.0"):
            make_node(group=group, version=version)
        found = api.get(f"/api/v1/channels/{channel.pk}/summary").json()
        assert (found["target"], found["on_target"], found["behind"]) == ("4593.2.1", 1, 2)
        assert found["groups"] == [
            {"id": group.pk, "name": "stable", "on_target": 1, "in_progress": 0, "behind": 2}
        ]

    def test_are_those_of_ones_own_groups(self, channel: Channel) -> None:
        beta = seeded_group("beta")
        make_node(group=channel.groups.get())
        client = log_in(permit(make_operator("bob"), Role.VIEWER, beta))
        found = client.get(f"/api/v1/channels/{channel.pk}/summary").json()
        assert (found["groups"], found["behind"]) == ([], 0)


class TestAPreview:
    def test_says_who_would_get_a_release_and_how(self, api: Client, channel: Channel) -> None:
        group, floor = channel.groups.get(), make_release("4500.0.0")
        Floor.objects.create(channel=channel, release=floor, reason="New partition table.")
        release = make_release("4593.2.1")
        for version in ("4459.0.0", "4500.0.0", "4593.2.1"):
            make_node(group=group, version=version, state="waiting")
        found = api.get(f"/api/v1/channels/{channel.pk}/preview", {"release": release.pk}).json()
        (row,) = found["groups"]
        assert (row["direct"], row["by_floor"], row["there"], row["stranded"]) == (1, 1, 1, 0)
        assert found["floors"] == [{"version": "4500.0.0", "nodes": 1}]
        assert found["obstacle"] == ""

    def test_of_no_release_says_so(self, api: Client, channel: Channel) -> None:
        where = f"/api/v1/channels/{channel.pk}/preview"
        assert problem(api.get(where))[0] == 400
        assert problem(api.get(where, {"release": 424242})) == (422, "unprocessable")


class TestAReleasesSummary:
    def test_counts_who_runs_it_and_whose_oem_it_lacks(self, api: Client) -> None:
        release = make_release("4593.2.1")
        make_node(version="4593.2.1")
        make_node(version="4459.0.0", oem="azure", oem_basis="derived", oem_version="4459.0.0")
        found = api.get(f"/api/v1/releases/{release.pk}/summary").json()
        assert found["nodes"] == 1
        (gap,) = found["gaps"]
        assert (gap["oem"], gap["payload"], gap["nodes"]) == ("azure", "oem-azure.gz", 1)

    def test_compares_payloads_with_another(self, api: Client) -> None:
        new = make_release("4593.2.1", payloads=("flatcar_production_update.gz", "oem-azure.gz"))
        old, arm = make_release("4459.0.0"), make_release("4459.0.0", architecture="arm64")
        where = f"/api/v1/releases/{new.pk}/compare"
        found = api.get(where, {"other": old.pk}).json()["payloads"]
        assert {one["name"]: one["change"] for one in found}["oem-azure.gz"] == "added"
        assert problem(api.get(where, {"other": arm.pk})) == (422, "unprocessable")
