from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from oemupdates.domain.access import Role
from oemupdates.domain.node import State
from oemupdates.models import Group
from tests.api.conftest import etag, problem, send, session, somebody
from tests.services.groups.test_uptake import DAY, aim, ran
from tests.services.makers import (
    last_activity,
    make_application,
    make_node,
    make_release,
    seeded_channel,
    seeded_group,
)


@pytest.fixture
def group(db: None) -> Group:
    return seeded_group()


class TestOne:
    def test_is_shown_whole(self, api: Client, group: Group) -> None:
        shown = api.get(f"/api/v1/groups/{group.pk}").json()
        channel = seeded_channel()
        assert shown == {
            "id": group.pk,
            "uuid": str(group.uuid),
            "application": {"uuid": str(group.application.uuid), "name": group.application.name},
            "name": "stable",
            "architecture": "amd64",
            "track": "stable",
            "description": "",
            "channel": {"id": channel.pk, "name": "stable", "architecture": "amd64"},
            "updates_enabled": True,
            "needs_oem_payload": True,
            "offers_own_oem_only": False,
            "poll_interval_seconds": 2700,
            "dark_after_seconds": 21600,
            "max_postinst_failures": 3,
            "max_download_failures": 10,
            "max_under_way": None,
            "payload_source": "mirror",
            "has_node_urls": False,
        }

    def test_has_three_numbers(self, api: Client, group: Group) -> None:
        channel = seeded_channel()
        channel.target = make_release("4593.2.1")
        channel.save()
        make_node(version="4593.2.1")
        make_node(state=State.DOWNLOADING)
        make_node()
        assert api.get(f"/api/v1/groups/{group.pk}/summary").json() == {
            "target": "4593.2.1",
            "nodes": 3,
            "on_target": 1,
            "in_progress": 1,
            "behind": 1,
        }


class TestSnippet:
    def test_is_what_a_node_needs(self, api: Client, group: Group) -> None:
        shown = api.get(f"/api/v1/groups/{group.pk}/snippet")
        assert shown.json()["update_conf"] == (
            "GROUP=stable\nSERVER=http://testserver/v1/update\n"
        )
        assert "          SERVER=http://testserver/v1/update\n" in shown.json()["butane"]
        assert shown.headers["Cache-Control"] == "no-store"

    def test_holds_the_secret_for_those_who_may_change_the_group(
        self, api: Client, viewer: Client, group: Group, settings: Any
    ) -> None:
        settings.UPDATE_SECRETS = ["s3cret"]
        path = f"/api/v1/groups/{group.pk}/snippet"
        assert api.get(path).json()["server"] == "http://testserver/v1/update/s3cret"
        assert viewer.get(path).json()["server"] == "http://testserver/v1/update/<secret>"


class TestCreate:
    def test_makes_a_group_with_its_policy(self, api: Client, group: Group) -> None:
        channel = seeded_channel()
        said = {"name": "berlin", "architecture": "amd64", "channel": channel.pk}
        made = send(api, "POST", "groups", said | {"max_under_way": 5})
        assert made.status_code == 201
        assert made.json()["track"] == "berlin"
        assert made.json()["max_under_way"] == 5
        assert made.headers["ETag"] == etag(api, f"groups/{made.json()['id']}")
        assert last_activity().actor.username == "admin"

    def test_makes_one_of_another_application(self, api: Client) -> None:
        uuid = str(make_application().uuid)
        said = {"name": "other", "architecture": "amd64", "application": uuid}
        assert send(api, "POST", "groups", said).json()["application"]["uuid"] == uuid

    @pytest.mark.parametrize(
        ("said", "pointer"),
        [
            ({}, "/name"),
            ({"name": 7}, "/name"),
            ({"name": "x" * 65}, "/name"),
            ({"name": "a\x00b"}, "/name"),
            ({"name": "x", "architecture": "s390x"}, "/architecture"),
            ({"name": "x", "colour": "red"}, "/colour"),
            ({"name": "x", "channel": "1"}, "/channel"),
            ({"name": "x", "channel": True}, "/channel"),
            ({"name": "x", "channel": 1.5}, "/channel"),
            ({"name": "x", "needs_oem_payload": "true"}, "/needs_oem_payload"),
            ({"name": "x", "max_under_way": 2**31}, "/max_under_way"),
            ({"name": "x", "payload_source": "elsewhere"}, "/payload_source"),
            ({"name": "x", "application": "none"}, "/application"),
        ],
    )
    def test_names_what_is_wrong(self, api: Client, said: dict[str, object], pointer: str) -> None:
        answer = send(api, "POST", "groups", {"architecture": "amd64"} | said)
        assert problem(answer) == (400, "invalid")
        assert pointer in {fault["pointer"] for fault in answer.json()["errors"]}

    def test_refuses_what_is_not_there(self, api: Client) -> None:
        said = {"name": "x", "architecture": "amd64", "channel": 424242}
        answer = send(api, "POST", "groups", said)
        assert problem(answer) == (422, "unprocessable")
        assert answer.json()["errors"][0]["pointer"] == "/channel"
        assert not Group.objects.filter(name="x").exists()

    def test_tells_a_refusal_in_words(self, api: Client) -> None:
        answer = send(api, "POST", "groups", {"name": "stable", "architecture": "amd64"})
        assert problem(answer) == (409, "cannot-edit")
        assert answer.json()["detail"] == "Another group for amd64 is named stable."

    def test_tells_words_that_cannot_be_kept(self, api: Client) -> None:
        said = {"name": "a\u200bb", "architecture": "amd64"}
        assert problem(send(api, "POST", "groups", said)) == (422, "bad-words")

    def test_needs_the_permission(self, viewer: Client) -> None:
        answer = send(viewer, "POST", "groups", {"name": "x", "architecture": "amd64"})
        assert problem(answer) == (403, "not-allowed")


class TestChange:
    def test_changes_what_is_said_and_nothing_else(self, api: Client, group: Group) -> None:
        path = f"groups/{group.pk}"
        said = {"description": "Berlin", "channel": None, "why": "moved"}
        changed = send(api, "PATCH", path, said, If_Match=etag(api, path))
        assert changed.status_code == 200
        assert (changed.json()["description"], changed.json()["channel"]) == ("Berlin", None)
        assert changed.headers["ETag"] == etag(api, path)
        assert (last_activity().why, set(last_activity().after)) == (
            "moved",
            {"description", "channel"},
        )

    def test_needs_the_version_that_was_read(self, api: Client, group: Group) -> None:
        path = f"groups/{group.pk}"
        answer = send(api, "PATCH", path, {"description": "x"})
        assert problem(answer) == (428, "version-required")

    def test_loses_no_change_of_somebody_else(self, api: Client, group: Group) -> None:
        path = f"groups/{group.pk}"
        read = etag(api, path)
        assert send(api, "PATCH", path, {"description": "a"}, If_Match=read).status_code == 200
        answer = send(api, "PATCH", path, {"description": "b"}, If_Match=read)
        assert problem(answer) == (412, "stale-version")
        assert Group.objects.get(pk=group.pk).description == "a"

    @pytest.mark.parametrize("given", ['W/"x"', '"x"', '"x", "y"'])
    def test_takes_no_other_word_for_a_version(
        self, api: Client, group: Group, given: str
    ) -> None:
        answer = send(api, "PATCH", f"groups/{group.pk}", {"description": "a"}, If_Match=given)
        assert answer.status_code == 412

    def test_refuses_what_is_no_version(self, api: Client, group: Group) -> None:
        answer = send(api, "PATCH", f"groups/{group.pk}", {"description": "a"}, If_Match="x")
        assert problem(answer) == (400, "invalid")

    def test_goes_by_a_version_that_was_read_in_part(self, api: Client, group: Group) -> None:
        read = etag(api, f"groups/{group.pk}?fields=name")
        answer = send(api, "PATCH", f"groups/{group.pk}", {"description": "a"}, If_Match=read)
        assert answer.status_code == 200

    def test_takes_any_version_for_a_star(self, api: Client, group: Group) -> None:
        answer = send(api, "PATCH", f"groups/{group.pk}", {"track": "berlin"}, If_Match="*")
        assert answer.json()["track"] == "berlin"

    def test_is_for_the_groups_of_the_caller_alone(self, db: None, group: Group) -> None:
        other = seeded_group("beta")
        caller = session(somebody("berlin", Role.OPERATOR, group=group))
        mine = send(caller, "PATCH", f"groups/{group.pk}", {"description": "a"}, If_Match="*")
        assert mine.status_code == 200
        theirs = send(caller, "PATCH", f"groups/{other.pk}", {"description": "a"}, If_Match="*")
        assert theirs.status_code == 404

    def test_of_a_group_that_may_only_be_read_is_not_allowed(
        self, viewer: Client, group: Group
    ) -> None:
        answer = send(viewer, "PATCH", f"groups/{group.pk}", {"description": "a"}, If_Match="*")
        assert problem(answer) == (403, "not-allowed")


def test_uptake_says_how_soon_a_target_was_run(api: Client, group: Group) -> None:
    assert api.get(f"/api/v1/groups/{group.pk}/uptake").json() == {"targets": []}
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    aim("4593.2.1", hour - 2 * DAY)
    ran(hour - DAY, v4459_2_1=1, v4593_2_1=2, others=1)
    at = (hour - DAY).isoformat().replace("+00:00", "Z")
    after = [{"days": 1, "at": at, "nodes": 4, "reached": 2, "unknown": 1}]
    (told,) = api.get(f"/api/v1/groups/{group.pk}/uptake").json()["targets"]
    assert (told["version"], told["until"], told["after"]) == ("4593.2.1", None, after)


class TestDelete:
    def test_takes_away_a_group_without_nodes(self, api: Client, group: Group) -> None:
        path = f"groups/{group.pk}"
        answer = send(api, "DELETE", path, If_Match=etag(api, path))
        assert (answer.status_code, answer.content) == (204, b"")
        assert api.get(f"/api/v1/{path}").status_code == 404
        assert (last_activity().verb, last_activity().subject_id) == ("group.deleted", group.pk)

    def test_refuses_one_with_nodes(self, api: Client, group: Group) -> None:
        make_node(is_archived=True)
        answer = send(api, "DELETE", f"groups/{group.pk}", If_Match="*")
        assert problem(answer) == (409, "cannot-delete")


class TestUpdates:
    def test_are_switched_off_and_on(self, api: Client, group: Group) -> None:
        path = f"groups/{group.pk}/updates"
        off = send(api, "POST", path, {"on": False, "why": "holidays"})
        assert (off.status_code, off.json()["updates_enabled"]) == (200, False)
        assert problem(send(api, "POST", path, {"on": False})) == (409, "cannot-switch")
        assert send(api, "POST", path, {"on": True}).json()["updates_enabled"] is True

    def test_mind_the_version_if_it_is_said(self, api: Client, group: Group) -> None:
        answer = send(api, "POST", f"groups/{group.pk}/updates", {"on": False}, If_Match='"x"')
        assert answer.status_code == 412
        assert Group.objects.get(pk=group.pk).updates_enabled
