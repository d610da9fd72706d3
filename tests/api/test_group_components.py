"""Which components a group's nodes should have, over the API."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from django.test import Client

from oemupdates.domain.access import Role
from oemupdates.models import ComponentWant, Group
from oemupdates.services.components import component_wants, list_keys
from tests.api.component_maker import make_component, make_row
from tests.api.conftest import etag, problem, send, session, somebody
from tests.services.makers import last_activity, seeded_group

pytestmark = pytest.mark.django_db


@pytest.fixture
def group(db: None) -> Group:
    return seeded_group("stable")


class TestWant:
    def test_is_listed_with_the_newest_there_is(self, api: Client, group: Group) -> None:
        tool = make_component("tool", "1.9", "1.10", "2.0")
        make_row(tool, "3.0", "arm64")
        path = f"groups/{group.pk}/components"
        said = send(api, "PUT", f"{path}/tool", {"why": "everybody needs it"})
        assert (said.status_code, said.json()["up_to"], said.json()["newest"]) == (
            200,
            None,
            "2.0",
        )
        assert last_activity().why == "everybody needs it"
        pinned = send(api, "PUT", f"{path}/tool", {"up_to": "1.10"}).json()
        assert (pinned["up_to"], pinned["newest"]) == ("1.10", "1.10")
        tool.images.filter(version="1.10").update(
            withdrawn_at=tool.added_at, withdrawn_because="broken"
        )
        shown = {
            "id": ComponentWant.objects.get().pk,
            "component": "tool",
            "up_to": "1.10",
            "newest": "1.9",
        }
        assert api.get(f"/api/v1/{path}").json()["items"] == [shown]
        assert api.get(f"/api/v1/{path}/tool").json() == shown
        tool.images.all().delete()
        assert api.get(f"/api/v1/{path}/tool").json()["newest"] is None

    def test_lets_the_newest_come_again(self, api: Client, group: Group) -> None:
        tool = make_component("tool", "1.0", "1.1")
        component_wants.want(group, tool, up_to="1.0", by=None)
        path = f"groups/{group.pk}/components/tool"
        assert send(api, "PUT", path, {"up_to": None}).json()["newest"] == "1.1"
        assert ComponentWant.objects.get().up_to == ""

    @pytest.mark.parametrize(
        ("name", "said", "told"),
        [
            ("tool", {"up_to": "9.9"}, (409, "cannot-want")),
            ("tool", {"up_to": "not a version"}, (409, "cannot-want")),
            ("tool", {"up_to": ""}, (400, "invalid")),
            ("tool", {"up_to": 1}, (400, "invalid")),
            ("empty", {}, (409, "cannot-want")),
            ("nothing", {}, (404, "not-found")),
            ("%00", {}, (404, "not-found")),
        ],
    )
    def test_is_refused_in_words(
        self, api: Client, group: Group, name: str, said: object, told: tuple[int, str]
    ) -> None:
        make_component("tool", "1.0")
        make_component("empty")
        answer = send(api, "PUT", f"groups/{group.pk}/components/{name}", said)
        assert problem(answer) == told
        assert not ComponentWant.objects.exists()

    def test_minds_what_it_was_decided_on(self, api: Client, group: Group) -> None:
        tool = make_component("tool", "1.0", "1.1")
        component_wants.want(group, tool, by=None)
        path = f"groups/{group.pk}/components/tool"
        read = etag(api, path)
        make_row(tool, "1.2")
        assert send(api, "PUT", path, {"up_to": "1.1"}, If_Match=read).status_code == 200
        stale = send(api, "PUT", path, {"up_to": "1.0"}, If_Match=read)
        assert problem(stale) == (412, "stale-version")
        component_wants.unwant(group, tool, by=None)
        assert problem(send(api, "PUT", path, If_Match=read)) == (412, "stale-version")
        assert not ComponentWant.objects.exists()

    def test_is_for_those_who_operate_the_group(self, group: Group) -> None:
        make_component("tool", "1.0")
        beta = seeded_group("beta")
        near = session(somebody("near", Role.OPERATOR, group=beta))
        assert send(near, "PUT", f"groups/{beta.pk}/components/tool").status_code == 200
        far = send(near, "PUT", f"groups/{group.pk}/components/tool")
        assert problem(far) == (404, "not-found")
        watching = session(somebody("watching", Role.VIEWER))
        answer = send(watching, "PUT", f"groups/{group.pk}/components/tool")
        assert problem(answer) == (403, "not-allowed")


class TestUnwant:
    def test_ends_it_with_a_reason(self, api: Client, group: Group) -> None:
        component_wants.want(group, make_component("tool", "1.0"), by=None)
        path = f"groups/{group.pk}/components/tool"
        assert problem(send(api, "DELETE", path)) == (428, "version-required")
        read = etag(api, path)
        done = send(api, "DELETE", path, {"why": "unused"}, If_Match=read)
        assert done.status_code == 204
        assert (last_activity().verb, last_activity().why) == (
            "group.unwants_component",
            "unused",
        )
        assert problem(send(api, "DELETE", path, If_Match="*")) == (404, "not-found")


class TestSnippet:
    def test_holds_what_a_node_needs(
        self, api: Client, group: Group, settings: Any, tmp_path: Path
    ) -> None:
        settings.SYSUPDATE_KEY = tmp_path / "key"
        settings.FLEET_URL = "https://fleet.example.net"
        for name in ("tool", "another"):
            component_wants.want(group, make_component(name, "1.0"), by=None)
        path = f"/api/v1/groups/{group.pk}/component-snippet"
        said = api.get(path).json()
        assert said["is_signed"] is False
        another, tool = said["components"]
        assert (another["component"], tool["component"]) == ("another", "tool")
        assert tool["path"] == "/etc/sysupdate.tool.d/tool.conf"
        place = f"Path=https://fleet.example.net/sysupdate/v1/{group.track}/%m/%b/%w/tool/\n"
        assert place in tool["transfer"]
        assert "Verify=no\n" in tool["transfer"]
        assert [(unit["name"], unit["is_enabled"]) for unit in tool["units"]] == [
            ("sysupdate-tool.service", False),
            ("sysupdate-tool.timer", True),
        ]
        butane = yaml.safe_load(said["butane"])
        texts = [one["contents"]["inline"] for one in butane["storage"]["files"]]
        assert texts == [another["transfer"], tool["transfer"]]
        list_keys.make()
        signed = api.get(path).json()
        assert signed["is_signed"] is True
        assert "Verify=yes\n" in signed["components"][1]["transfer"]

    def test_is_empty_where_nothing_is_wanted(self, api: Client, group: Group) -> None:
        said = api.get(f"/api/v1/groups/{group.pk}/component-snippet").json()
        assert (said["components"], said["butane"]) == ([], "")
