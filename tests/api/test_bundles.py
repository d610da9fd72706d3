"""Bundles over the API: from one server to another with no page in between."""

import io
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from oemupdates import tasks
from oemupdates.domain import bundle
from oemupdates.models import BundleImport, Release
from oemupdates.services.carrying import bundle_keys, bundles
from oemupdates.services.carrying.bundles import Choice
from tests.api.conftest import problem, send
from tests.payloads_door.test_endpoint import ask
from tests.services.bundle_maker import host, whole

NEW = "4593.2.1"
UPLOADS = "/api/v1/bundles/uploads/my.tar"


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, settings: Any) -> None:
    settings.PAYLOAD_DIR = tmp_path / "hosted"
    settings.BUNDLE_KEY = tmp_path / "keys" / "bundle-key.pem"
    settings.BUNDLE_DIR = tmp_path / "stick"
    (tmp_path / "stick").mkdir()


@pytest.fixture
def made(tmp_path: Path, settings: Any, db: None) -> bytes:
    """A bundle of a release that is not here any more."""
    bundle_keys.make()
    content = whole(bundles.plan(Choice([host(tmp_path, NEW)])))
    Release.objects.all().delete()
    settings.PAYLOAD_DIR = tmp_path / "there"
    return content


def put(
    api: Client, content: bytes, path: str = UPLOADS, kind: str = "application/octet-stream"
) -> Any:
    return api.put(path, content, content_type=kind)


def test_is_made_and_downloaded(api: Client, tmp_path: Path, transactional_db: None) -> None:
    key = bundle_keys.make()
    release = host(tmp_path, NEW)
    shown = api.get("/api/v1/bundles").json()
    assert shown["key"] == bundle.fingerprint(key.public_key())
    assert shown["public_key"].startswith("-----BEGIN PUBLIC KEY-----")
    for said, names in (
        ({}, ["oem-ami.gz", "oem-azure.gz"]),
        ({"oems": None}, ["oem-ami.gz", "oem-azure.gz"]),
        ({"oems": ["azure"]}, ["oem-azure.gz"]),
        ({"oems": [], "running": ["1.0.0"]}, []),
    ):
        answer = send(api, "POST", "bundles", said | {"releases": [release.pk]})
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "no-store"
        reply = ask(urlsplit(answer.json()["url"]).path)
        opened = bundle.verify(io.BytesIO(reply.body), {"the": key.public_key()})
        found = [one.name for one in opened.manifest.files if one.is_payload]
        assert found == ["flatcar_production_update.gz", *names]
        assert answer.json()["size"] == len(reply.body)
    assert "1.0.0 (amd64), which nodes run, is not here" in answer.json()["remarks"][0]


def test_is_refused_where_it_cannot_be_made(api: Client, tmp_path: Path) -> None:
    release = host(tmp_path, NEW)
    said = {"releases": [release.pk]}
    assert problem(send(api, "POST", "bundles", said)) == (409, "no-key")
    bundle_keys.make()
    unknown = send(api, "POST", "bundles", {"releases": [release.pk, 10**9]})
    assert problem(unknown) == (422, "unprocessable")
    assert send(api, "POST", "bundles", {"releases": []}).status_code == 400


def test_is_uploaded_and_taken_in(api: Client, made: bytes, tmp_path: Path) -> None:
    answer = put(api, made)
    assert (answer.status_code, answer.json()["state"]) == (202, "open")
    place = f"/api/v1/bundles/imports/{answer.json()['id']}"
    tasks.import_bundles()
    ended = api.get(place).json()
    assert (ended["state"], ended["name"], ended["is_check"]) == ("done", "my.tar", False)
    assert f"Registered {NEW} (amd64)" in ended["results"][0]
    assert Release.objects.get().payloads.count() == 3
    assert api.get("/api/v1/bundles/imports?state=open").json()["items"] == []
    assert [*(tmp_path / "there" / ".bundles").iterdir()] == []


def test_is_verified_and_not_taken_in(api: Client, made: bytes) -> None:
    whole_one = put(api, made, f"{UPLOADS}?is_check=true").json()["id"]
    cut = put(api, made[:-3000], f"{UPLOADS}?is_check=true&fields=id").json()["id"]
    tasks.import_bundles()
    states = dict(BundleImport.objects.values_list("pk", "state"))
    assert states == {whole_one: "done", cut: "failed"}
    assert not Release.objects.exists()


def test_of_the_folder_is_listed_and_taken_in(api: Client, made: bytes, tmp_path: Path) -> None:
    (tmp_path / "stick" / "b.tar").write_bytes(made)
    found = api.get("/api/v1/bundles").json()["found"]
    assert found == [{"name": "b.tar", "size": len(made)}]
    said = {"name": "b.tar"}
    assert send(api, "POST", "bundles/imports", said).status_code == 202
    again = send(api, "POST", "bundles/imports", said | {"is_check": True})
    assert problem(again) == (409, "cannot-ask-import")
    absent = send(api, "POST", "bundles/imports", {"name": "../b.tar"})
    assert problem(absent) == (409, "cannot-ask-import")
    tasks.import_bundles()
    assert Release.objects.get().version == NEW


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [(b"", "application/octet-stream", 422), (b"{}", "application/json", 415)],
)
def test_upload_is_refused_as_no_bundle(
    api: Client, content: bytes, kind: str, status: int
) -> None:
    assert put(api, content, kind=kind).status_code == status
    assert not BundleImport.objects.exists()


def test_upload_has_an_end(api: Client, settings: Any, tmp_path: Path) -> None:
    settings.BUNDLE_MAX_BYTES = 10
    assert problem(put(api, b"x" * 11)) == (409, "cannot-ask-import")
    assert not [*(tmp_path / "hosted").glob(".bundles/*")]


def test_upload_of_somebody_who_may_not_is_not_read(viewer: Client, tmp_path: Path) -> None:
    assert put(viewer, b"x").status_code == 403
    assert not (tmp_path / "hosted" / ".bundles").exists()
