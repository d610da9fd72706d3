"""Components and their images over the API."""

import hashlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from oemupdates.domain.access import Role
from oemupdates.models import Component, ComponentImage
from oemupdates.services.components import component_wants
from tests.api.component_maker import make_component, make_row
from tests.api.conftest import etag, problem, send, session, somebody
from tests.component_images import make_image
from tests.services.makers import last_activity, seeded_group

pytestmark = pytest.mark.django_db
IMAGES = "components/tool/images"


def versions(api: Client, query: str = "") -> list[tuple[str, str]]:
    items = api.get(f"/api/v1/{IMAGES}{query}").json()["items"]
    return [(one["version"], one["architecture"]) for one in items]


class TestList:
    def test_says_what_is_newest_and_who_wants_it(self, api: Client) -> None:
        tool = make_component("tool", "1.9.0", "1.10.0", "2.0.0")
        make_row(tool, "1.8.0", "arm64")
        tool.images.filter(version="2.0.0").update(
            withdrawn_at=tool.added_at, withdrawn_because="broken"
        )
        make_component("another")
        group = seeded_group("stable")
        component_wants.want(group, tool, by=None)
        another, shown = api.get("/api/v1/components").json()["items"]
        assert (another["name"], another["newest"], another["images"]) == ("another", [], 0)
        assert shown == api.get("/api/v1/components/tool").json()
        assert shown == {
            "id": tool.pk,
            "name": "tool",
            "added_at": "2026-09-01T12:00:00Z",
            "newest": [
                {"architecture": "amd64", "version": "1.10.0"},
                {"architecture": "arm64", "version": "1.8.0"},
            ],
            "images": 4,
            "groups": [{"id": group.pk, "name": "stable", "architecture": "amd64"}],
        }

    def test_names_the_groups_within_reach_alone(self, db: None) -> None:
        tool = make_component("tool", "1.0")
        for name in ("stable", "beta"):
            component_wants.want(seeded_group(name), tool, by=None)
        near = session(somebody("near", Role.VIEWER, group=seeded_group("beta")))
        for shown in (
            near.get("/api/v1/components").json()["items"][0],
            near.get("/api/v1/components/tool").json(),
        ):
            assert [group["name"] for group in shown["groups"]] == ["beta"]

    def test_asks_no_more_for_more_of_them(
        self, api: Client, django_assert_max_num_queries: Any
    ) -> None:
        for number in range(20):
            component = make_component(f"tool{number:02}", "1.0", "1.1")
            component_wants.want(seeded_group("stable"), component, by=None)
        with django_assert_max_num_queries(9):
            assert len(api.get("/api/v1/components").json()["items"]) == 20

    @pytest.mark.parametrize("name", ["nothing", "Tool", "to%00ol", "%2e%2e", "a" * 65])
    def test_knows_no_other_names(self, api: Client, name: str) -> None:
        for path in (f"components/{name}", f"components/{name}/images"):
            assert problem(api.get(f"/api/v1/{path}")) == (404, "not-found")


class TestRemove:
    def test_waits_until_no_group_wants_it(self, api: Client) -> None:
        tool, group = make_component("tool", "1.0"), seeded_group("stable")
        component_wants.want(group, tool, by=None)
        read = etag(api, "components/tool")
        refused = send(api, "DELETE", "components/tool", If_Match=read)
        assert problem(refused) == (409, "cannot-remove-component")
        assert "stable (amd64) wants it" in refused.json()["detail"]
        component_wants.unwant(group, tool, by=None)
        assert problem(send(api, "DELETE", "components/tool", If_Match=read)) == (
            412,
            "stale-version",
        )
        said, read = {"why": "nobody has it"}, etag(api, "components/tool")
        assert send(api, "DELETE", "components/tool", said, If_Match=read).status_code == 204
        assert not Component.objects.exists()
        assert (last_activity().verb, last_activity().why) == ("component.removed", said["why"])

    def test_says_what_it_was_decided_on(self, api: Client) -> None:
        make_component("tool")
        assert problem(send(api, "DELETE", "components/tool")) == (428, "version-required")


class TestImages:
    def test_begin_with_the_newest_version(self, api: Client) -> None:
        tool = make_component("tool", "1.9.0", "1.10.0", "1.10.0-rc1", bound_to="4593.2.1")
        make_row(tool, "1.10.0", "arm64")
        make_component("another", "7.0")
        assert versions(api) == [
            ("1.10.0-rc1", "amd64"),
            ("1.10.0", "arm64"),
            ("1.10.0", "amd64"),
            ("1.9.0", "amd64"),
        ]
        shown = api.get(f"/api/v1/{IMAGES}").json()["items"][2]
        assert shown == {
            "id": tool.images.get(version="1.10.0", architecture="amd64").pk,
            "component": "tool",
            "version": "1.10.0",
            "architecture": "amd64",
            "file": "tool-1.10.0-x86-64.raw",
            "size": 4096,
            "sha256": "a" * 64,
            "bound_to": "4593.2.1",
            "added_at": "2026-09-01T12:00:00Z",
            "withdrawn_at": None,
            "withdrawn_because": "",
        }

    def test_come_in_pages_there_and_back(self, api: Client) -> None:
        tool = make_component("tool", *(f"1.{number}" for number in range(5)))
        # Of one age, and written otherwise.
        make_row(tool, "1.04")
        newest_first = [row[0] for row in versions(api)]
        assert newest_first == ["1.4", "1.04", "1.3", "1.2", "1.1", "1.0"]
        walked, pages = [], []
        path: str | None = f"/api/v1/{IMAGES}?limit=2"
        while path:
            pages.append(api.get(path).json())
            walked += [one["version"] for one in pages[-1]["items"]]
            path = pages[-1]["next"]
        assert walked == newest_first
        assert pages[0]["previous"] is None
        for earlier, later in pairwise(pages):
            assert api.get(later["previous"]).json()["items"] == earlier["items"]
        table = api.get(f"/api/v1/{IMAGES}?format=csv&fields=version")
        assert b"".join(table).decode().split() == ["version", *newest_first]  # type: ignore[call-overload]

    def test_take_no_cursor_of_another_list(self, api: Client) -> None:
        for name in ("tool", "another"):
            make_component(name, "1.0", "1.1")
        following = api.get("/api/v1/components/another/images?limit=1").json()["next"]
        stolen = following.replace("another", "tool")
        assert problem(api.get(stolen)) == (422, "unprocessable")


@pytest.fixture
def _hosted(tmp_path: Path, settings: Any) -> None:
    settings.PAYLOAD_DIR = tmp_path / "hosted"


def put(client: Client, name: str, content: bytes) -> Any:
    path = f"/api/v1/components/images/{name}"
    return client.put(path, content, content_type="application/octet-stream")


@pytest.mark.usefixtures("_hosted")
class TestAdd:
    def test_hosts_an_image_once(self, api: Client, tmp_path: Path) -> None:
        inside = "ID=flatcar\nVERSION_ID=4593.2.1\n"
        image = make_image(tmp_path, "tool", "1.2.0", inside=inside)
        content = image.read_bytes()
        added = put(api, image.name, content)
        assert added.status_code == 201
        said = added.json()
        assert (said["component"], said["version"], said["architecture"]) == (
            "tool",
            "1.2.0",
            "amd64",
        )
        assert (said["file"], said["size"]) == (image.name, len(content))
        assert said["sha256"] == hashlib.sha256(content).hexdigest()
        assert said["bound_to"] == "4593.2.1"
        again = put(api, image.name, content)
        assert (again.status_code, again.json()) == (200, said)
        assert ComponentImage.objects.count() == 1
        assert [one.name for one in (tmp_path / "hosted").rglob("*.raw")] == [image.name]
        assert not [*(tmp_path / "hosted/.uploads").iterdir()]

    def test_refuses_other_bytes_of_a_version(self, api: Client, tmp_path: Path) -> None:
        for content in (b"one", b"other"):
            image = make_image(tmp_path, "tool", "1.2.0", content=content)
            refused = put(api, image.name, image.read_bytes())
        assert problem(refused) == (409, "cannot-add-image")
        assert "is here with other bytes" in refused.json()["detail"]

    def test_refuses_what_is_no_image(self, api: Client, tmp_path: Path) -> None:
        refused = put(api, "tool-1.2.0-x86-64.raw", b"no image")
        assert problem(refused) == (409, "cannot-add-image")
        assert "tool-1.2.0-x86-64.raw" in refused.json()["detail"]
        assert not Component.objects.exists()
        assert not [*(tmp_path / "hosted/.uploads").iterdir()]

    @pytest.mark.parametrize("name", ["tool.raw", "tool-1.2.0.raw", "Tool-1-arm64.raw", "%00"])
    def test_refuses_a_name_before_it_reads(self, api: Client, tmp_path: Path, name: str) -> None:
        refused = put(api, name, b"no image")
        assert problem(refused) == (422, "unprocessable")
        assert refused.json()["errors"][0]["parameter"] == "file"
        assert not (tmp_path / "hosted").exists()

    def test_is_for_those_who_publish_releases(self, viewer: Client) -> None:
        assert problem(put(viewer, "tool-1-arm64.raw", b"x")) == (403, "not-allowed")


class TestWithdraw:
    PATH = f"{IMAGES}/1.0/amd64"

    def test_takes_it_off_the_lists_and_back(self, api: Client) -> None:
        make_component("tool", "1.0")
        gone = send(api, "POST", f"{self.PATH}/withdraw", {"why": "crashes"}).json()
        assert gone["withdrawn_because"] == "crashes"
        assert gone["withdrawn_at"].endswith("Z")
        again = send(api, "POST", f"{self.PATH}/withdraw", {"why": "crashes"})
        assert problem(again) == (409, "cannot-withdraw")
        back = send(api, "POST", f"{self.PATH}/put-back", {"why": "it was the disk"}).json()
        assert (back["withdrawn_at"], back["withdrawn_because"]) == (None, "")
        assert last_activity().why == "it was the disk"
        assert problem(send(api, "POST", f"{self.PATH}/put-back")) == (409, "cannot-withdraw")

    @pytest.mark.parametrize(
        ("said", "told"),
        [
            ({}, (400, "invalid")),
            ({"why": ""}, (400, "invalid")),
            ({"why": " "}, (422, "bad-words")),
        ],
    )
    def test_needs_a_reason(self, api: Client, said: object, told: tuple[int, str]) -> None:
        make_component("tool", "1.0")
        assert problem(send(api, "POST", f"{self.PATH}/withdraw", said)) == told

    @pytest.mark.parametrize("place", ["1.1/amd64", "1.0/arm64", "1.0/%00", "%00/amd64"])
    def test_knows_no_other_image(self, api: Client, place: str) -> None:
        make_component("tool", "1.0")
        answer = send(api, "POST", f"{IMAGES}/{place}/withdraw", {"why": "crashes"})
        assert problem(answer) == (404, "not-found")
