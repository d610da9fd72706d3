from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import DownloadCount, Release
from oemupdates.services.groups import channels
from oemupdates.services.hosting import bucket_copying
from oemupdates.services.releases import release_removal
from tests.api.conftest import problem, send
from tests.domain.payload_maker import make_payload
from tests.services.bundle_maker import host
from tests.services.makers import make_release, seeded_channel
from tests.upstream.bucket_server import BucketServer


@pytest.fixture
def release(db: None) -> Release:
    return make_release("4593.2.1", payloads=(OS_PAYLOAD, "oem-azure.gz"))


class TestList:
    def test_begins_with_the_newest(self, api: Client, release: Release) -> None:
        make_release("4593.10.0")
        make_release("4593.2.1", architecture="arm64")
        items = api.get("/api/v1/releases?fields=version,architecture").json()["items"]
        assert [tuple(item.values()) for item in items] == [
            ("4593.10.0", "amd64"),
            ("4593.2.1", "arm64"),
            ("4593.2.1", "amd64"),
        ]

    def test_finds_by_version_and_block(self, api: Client, release: Release) -> None:
        make_release("4593.10.0")
        send(api, "POST", f"releases/{release.pk}/block", {"reason": "broken"})
        for query, versions in (
            ("version=4593.2.1", ["4593.2.1"]),
            ("blocked=true", ["4593.2.1"]),
            ("blocked=false", ["4593.10.0"]),
        ):
            items = api.get(f"/api/v1/releases?{query}").json()["items"]
            assert [item["version"] for item in items] == versions

    def test_has_payloads(self, api: Client, release: Release) -> None:
        items = api.get(f"/api/v1/releases/{release.pk}/payloads").json()["items"]
        assert [item["name"] for item in items] == [OS_PAYLOAD, "oem-azure.gz"]
        assert items[0]["size"] == 1000


class TestBlock:
    def test_says_why_and_is_taken_back(self, api: Client, release: Release) -> None:
        path = f"releases/{release.pk}"
        blocked = send(api, "POST", f"{path}/block", {"reason": "broken"}).json()
        assert blocked["blocked_because"] == "broken"
        assert blocked["blocked_at"].endswith("Z")
        again = send(api, "POST", f"{path}/block", {"reason": "broken"})
        assert problem(again) == (409, "cannot-block")
        assert send(api, "POST", f"{path}/unblock").json()["blocked_at"] is None
        assert problem(send(api, "POST", f"{path}/unblock")) == (409, "cannot-unblock")

    @pytest.mark.parametrize(
        ("reason", "told"), [("", (400, "invalid")), (" ", (422, "bad-words"))]
    )
    def test_needs_a_reason(
        self, api: Client, release: Release, reason: str, told: tuple[int, str]
    ) -> None:
        answer = send(api, "POST", f"releases/{release.pk}/block", {"reason": reason})
        assert problem(answer) == told

    def test_is_not_for_viewers(self, viewer: Client, release: Release) -> None:
        answer = send(viewer, "POST", f"releases/{release.pk}/block", {"reason": "x"})
        assert problem(answer) == (403, "not-allowed")


class TestRemove:
    def test_takes_the_version_that_was_read(self, api: Client, release: Release) -> None:
        path = f"releases/{release.pk}"
        etag = api.get(f"/api/v1/{path}")["ETag"]
        channel = channels.set_target(seeded_channel(), release, by=None)
        answer = send(api, "DELETE", path, If_Match=etag)
        assert problem(answer) == (409, "cannot-remove")
        channels.clear_target(channel, by=None)
        assert send(api, "DELETE", path, If_Match=etag).status_code == 204
        assert api.get(f"/api/v1/{path}").status_code == 404


class TestAddPayload:
    def test_is_verified_first(
        self, api: Client, release: Release, tmp_path: Path, settings: Any
    ) -> None:
        settings.PAYLOAD_DIR = tmp_path / "hosted"
        for name, content, words in (
            ("oem-acme.gz", b"none", "nothing that a node would take"),
            ("acme.tar", b"none", "is no payload"),
            (OS_PAYLOAD, make_payload(b"other"), "is registered with another"),
        ):
            answer = put(api, release, name, content)
            assert problem(answer) == (422, "unprocessable")
            assert words in answer.json()["errors"][0]["detail"]
        assert release.payloads.count() == 2
        added = put(api, release, "oem-acme.gz", make_payload(b"acme")).json()
        assert (added["name"], added["is_verified"]) == ("oem-acme.gz", True)
        assert (tmp_path / "hosted/amd64-usr/4593.2.1/oem-acme.gz").is_file()
        assert not [*(tmp_path / "hosted/.uploads").iterdir()]


def put(api: Client, release: Release, name: str, content: bytes) -> Any:
    path = f"/api/v1/releases/{release.pk}/payloads/{name}"
    return api.put(path, content, content_type="application/octet-stream")


class TestMirror:
    def test_says_what_is_held_and_collects_the_rest(
        self, api: Client, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.PAYLOAD_DIR = tmp_path / "hosted"
        release_removal.remove(host(tmp_path, "4459.2.1"), by=None)
        kept = host(tmp_path, "4593.2.1")
        disk = api.get("/api/v1/mirror").json()
        assert [one["version"] for one in disk["folders"]] == ["4459.2.1", "4593.2.1"]
        assert disk["hosted"] == sum(one["size"] for one in disk["folders"])
        (held,) = api.get("/api/v1/mirror/releases").json()["items"]
        assert (held["id"], held["files"], held["missing"]) == (kept.pk, 6, [])
        assert disk["bucket"] is None
        path = "mirror/collection"
        assert problem(send(api, "POST", path)) == (409, "nothing-to-collect")
        monkeypatch.setattr("oemupdates.domain.collection.YOUNG", timedelta(0))
        (piece,) = api.get(f"/api/v1/{path}").json()["pieces"]
        assert (piece["place"], piece["goes"]) == ("amd64-usr/4459.2.1", True)
        done = send(api, "POST", path, {"why": "full"}).json()
        assert done == {"size": piece["size"], "pieces": [piece]}
        assert api.get("/api/v1/mirror").json()["hosted"] == disk["hosted"] - piece["size"]

    def test_says_how_the_bucket_stands(
        self, api: Client, tmp_path: Path, bucket_settings: Any, bucket_server: BucketServer
    ) -> None:
        host(tmp_path, "4593.2.1")
        bucket_copying.tend(seconds=60)
        found = api.get("/api/v1/mirror").json()["bucket"]
        size = sum(map(len, bucket_server.objects.values()))
        assert (found["stored"], found["hosted"], found["size"]) == (3, 3, size)
        assert (found["lost_at"], found["problem"]) == (None, "")


def test_an_origin_is_forgotten(api: Client, release: Release) -> None:
    there = "https://there.example.net/amd64-usr/4593.2.1/"
    Release.objects.update(origins=[there])
    path = f"releases/{release.pk}/forget-origin"
    said = {"url": there, "why": "a typing error"}
    assert send(api, "POST", path, said).json()["origins"] == []
    assert problem(send(api, "POST", path, said)) == (409, "cannot-forget")


def test_what_was_taken_lately(api: Client, db: None) -> None:
    today = timezone.now().date()
    of = {"version": "4593.2.1", "architecture": "amd64", "is_boot": False}
    for name, ago, size in (("oem-azure.gz", 0, 30), ("oem-azure.gz", 6, 20), ("os.gz", 7, 900)):
        day = today - timedelta(days=ago)
        DownloadCount.objects.create(
            day=day, name=name, size=size, whole=2, partial=1, redirected=3, **of
        )
    found = api.get("/api/v1/mirror/downloads?days=7").json()
    assert (found["since"], found["size"]) == (str(today - timedelta(days=6)), 50)
    assert [(one["day"][-2:], one["size"]) for one in found["days"]] == [
        (f"{today - timedelta(days=6):%d}", 20),
        (f"{today:%d}", 30),
    ]
    (payload,) = found["payloads"]
    assert payload["name"] == "oem-azure.gz"
    assert (payload["whole"], payload["partial"], payload["size"]) == (4, 2, 50)
    assert payload["redirected"] == 6
    assert api.get("/api/v1/mirror/downloads").json()["size"] == 950
    assert api.get("/api/v1/mirror/downloads?days=0").status_code == 400
