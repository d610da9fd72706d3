import pytest
from django.test import Client

from oemupdates.domain.access import Role
from oemupdates.models import Group, ShareLink
from oemupdates.services.access import share_links
from oemupdates.services.groups import channels
from tests.api.conftest import problem, send, session, somebody
from tests.services.makers import (
    NOW,
    last_activity,
    make_node,
    make_release,
    seeded_channel,
    seeded_group,
)


@pytest.fixture
def group(db: None) -> Group:
    return seeded_group()


def path_of(url: str) -> str:
    assert url.startswith("http://testserver/")
    return url.removeprefix("http://testserver")


class TestBadge:
    def test_is_made_shown_renewed_and_revoked(self, api: Client, group: Group) -> None:
        here = f"groups/{group.pk}/badge"
        assert problem(api.get(f"/api/v1/{here}")) == (404, "not-found")
        made = send(api, "POST", here).json()
        assert Client().get(path_of(made["url"])).status_code == 200
        shown = api.get(f"/api/v1/{here}")
        assert shown.json() == made
        assert shown.headers["Cache-Control"] == "no-store"
        assert made["markdown"] == (
            f"[![stable]({made['url']})](http://testserver/groups/{group.pk}/)"
        )
        assert send(api, "POST", here).json()["url"] != made["url"]
        assert send(api, "POST", f"{here}/revoke", {"why": "leaked"}).status_code == 204
        assert last_activity().why == "leaked"
        assert problem(send(api, "POST", f"{here}/revoke", {})) == (409, "no-link")

    def test_is_for_those_who_operate_the_group(self, viewer: Client, group: Group) -> None:
        share_links.make_badge(group, by=None, now=NOW)
        assert problem(viewer.get(f"/api/v1/groups/{group.pk}/badge"))[0] == 403
        here = session(somebody("here", Role.OPERATOR, group=group))
        assert here.get(f"/api/v1/groups/{group.pk}/badge").status_code == 200
        other = seeded_group("beta")
        assert send(here, "POST", f"groups/{other.pk}/badge").status_code == 404


class TestWallboardLinks:
    def test_are_made_listed_and_revoked(self, api: Client, group: Group) -> None:
        made = send(api, "POST", "wallboard-links", {"name": "Office", "group": group.pk})
        assert made.status_code == 201
        assert made.headers["Cache-Control"] == "no-store"
        link, url = made.json()["link"], made.json()["url"]
        assert (link["name"], link["group"]["id"]) == ("Office", group.pk)
        assert Client().get(path_of(url)).status_code == 200
        (listed,) = api.get("/api/v1/wallboard-links").json()["items"]
        assert listed["last_used_at"] is not None
        assert "url" not in listed
        one = f"wallboard-links/{link['id']}"
        assert api.get(f"/api/v1/{one}").json()["url"] == url
        assert send(api, "POST", f"{one}/revoke", {}).status_code == 204
        assert Client().get(path_of(url)).status_code == 404

    def test_need_a_group_that_can_be_seen(self, api: Client) -> None:
        said = {"name": "Office", "group": 424242}
        assert problem(send(api, "POST", "wallboard-links", said))[0] == 422

    def test_show_no_more_than_their_maker_may_operate(self, api: Client, group: Group) -> None:
        of_all = share_links.make_wallboard("All", group=None, by=None, now=NOW)
        here = session(somebody("here", Role.OPERATOR, group=group))
        assert problem(send(here, "POST", "wallboard-links", {"name": "x"}))[0] == 403
        beta = {"name": "x", "group": seeded_group("beta").pk}
        assert problem(send(here, "POST", "wallboard-links", beta))[0] == 422
        mine = {"name": "x", "group": group.pk}
        assert send(here, "POST", "wallboard-links", mine).status_code == 201
        assert len(here.get("/api/v1/wallboard-links").json()["items"]) == 1
        assert here.get(f"/api/v1/wallboard-links/{of_all.pk}").status_code == 404
        assert send(here, "POST", f"wallboard-links/{of_all.pk}/revoke", {}).status_code == 404
        assert ShareLink.objects.filter(pk=of_all.pk).exists()

    def test_leave_badges_alone(self, api: Client, group: Group) -> None:
        badge = share_links.make_badge(group, by=None, now=NOW)
        assert api.get("/api/v1/wallboard-links").json()["items"] == []
        assert api.get(f"/api/v1/wallboard-links/{badge.pk}").status_code == 404


class TestPreview:
    def test_says_what_a_policy_would_do_and_changes_nothing(
        self, api: Client, group: Group
    ) -> None:
        channels.set_target(seeded_channel("beta"), make_release("4593.2.1"), by=None)
        make_node(version="4459.2.1")
        make_node(version="4593.2.1")
        said = {"channel": seeded_channel("beta").pk, "max_under_way": 5}
        shown = send(api, "POST", f"groups/{group.pk}/preview", said).json()
        assert "At most 5 of them are between offer and reboot at once." in shown["sentences"]
        assert shown["offers"] == [{"version": "4593.2.1", "nodes": 1}]
        assert (shown["stays"], shown["there"]) == ([], 1)
        group.refresh_from_db()
        assert (group.channel, group.max_under_way) == (seeded_channel(), None)

    def test_says_what_stops_nodes(self, api: Client, group: Group) -> None:
        make_node()
        shown = send(api, "POST", f"groups/{group.pk}/preview", {}).json()
        assert shown["stays"] == [
            {"reason": "Its channel stable has no target release.", "nodes": 1}
        ]

    def test_refuses_what_could_not_be_saved(self, api: Client, group: Group) -> None:
        said = {"poll_interval_seconds": 1}
        answer = send(api, "POST", f"groups/{group.pk}/preview", said)
        assert problem(answer) == (409, "cannot-edit")
