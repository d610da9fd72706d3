"""What publishing scripts send to Nebraska, as they send it."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from oemupdates.domain.access import Permission, Role
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import FLATCAR, Activity, Channel, Release
from oemupdates.services.access import tokens
from oemupdates.services.releases.releases import Source, import_release
from tests.api.conftest import problem, somebody
from tests.domain.payload_maker import make_payload
from tests.services.makers import seeded_channel

ADDRESS = f"/api/apps/{FLATCAR}/packages"
URL = "https://update.example.net/amd64-usr/4593.2.1/"
FILES = {name: make_payload(name.encode()) for name in (OS_PAYLOAD, "oem-azure.gz")}


def digest(kind: str, content: bytes) -> str:
    return base64.b64encode(hashlib.new(kind, content).digest()).decode()


def package(**changes: Any) -> dict[str, Any]:
    """As the upstream script builds it: sizes are texts."""
    main, oem = FILES[OS_PAYLOAD], FILES["oem-azure.gz"]
    said: dict[str, Any] = {
        "application_id": str(FLATCAR),
        "arch": 1,
        "channels_blacklist": [],
        "description": "Flatcar Linux 4593.2.1",
        "filename": OS_PAYLOAD,
        "hash": digest("sha1", main),
        "size": str(len(main)),
        "type": 1,
        "url": URL,
        "version": "4593.2.1",
        "flatcar_action": {"sha256": digest("sha256", main)},
        "extra_files": [
            {
                "name": "oem-azure.gz",
                "size": str(len(oem)),
                "hash": digest("sha1", oem),
                "hash256": hashlib.sha256(oem).hexdigest(),
            }
        ],
    }
    return said | changes


def extra(**changes: Any) -> dict[str, Any]:
    return {"extra_files": [package()["extra_files"][0] | changes]}


def post(client: Client, said: object, address: str = ADDRESS, **headers: str) -> Any:
    return client.post(address, json.dumps(said), content_type="application/json", headers=headers)


class TestPost:
    def test_by_token_registers_the_release(self, db: None) -> None:
        terms = tokens.Terms([Permission.READ_FLEET, Permission.CHANGE_FLEET])
        owner = somebody("robot", Role.ADMIN)
        token = tokens.create(owner=owner, by=owner, name="publish", terms=terms)
        who = {"Authorization": f"Bearer {token.secret}", "Accept": "application/json"}
        answer = post(Client(), package(), **who)
        assert answer.status_code == 200, answer.content
        release = Release.objects.get()
        assert answer.json()["id"] == str(release.pk)
        assert (release.codebase, release.architecture) == (URL, "amd64")
        stored = {one.name: one for one in release.payloads.all()}
        for name, content in FILES.items():
            one = stored[name]
            assert (one.size, one.is_verified) == (len(content), False)
            assert one.sha256 == hashlib.sha256(content).hexdigest()
            assert one.sha1 == hashlib.sha1(content, usedforsecurity=False).hexdigest()
        assert not Channel.objects.exclude(target=None).exists()
        last = Activity.objects.latest("id")
        assert (last.verb, last.token) == ("release.announced", token.token)

        listed = Client().get(ADDRESS, headers=who).json()
        assert (listed["totalCount"], listed["count"]) == (1, 1)
        found = listed["packages"][0]
        said = package()
        assert {name: found[name] for name in ("hash", "size", "url", "version", "arch")} == {
            name: said[name] for name in ("hash", "size", "url", "version", "arch")
        }
        assert found["flatcar_action"]["sha256"] == said["flatcar_action"]["sha256"]
        assert found["extra_files"][0].items() >= said["extra_files"][0].items()
        assert Client().get(f"{ADDRESS}?searchVersion=9.9", headers=who).json()["count"] == 0

    def test_again_changes_nothing(self, api: Client) -> None:
        first = post(api, package()).json()
        count = Activity.objects.count()
        assert post(api, package()).json() == first
        assert Activity.objects.count() == count

    def test_adds_files_that_come_later(self, api: Client) -> None:
        post(api, package(extra_files=[]))
        post(api, package())
        assert Release.objects.get().payloads.count() == 2

    @pytest.mark.parametrize(
        "change",
        [
            {"hash": digest("sha1", b"other")},
            {"size": "7"},
            {"flatcar_action": {"sha256": digest("sha256", b"other")}},
            extra(hash256="0" * 64),
        ],
    )
    def test_refuses_other_bytes(self, api: Client, change: dict[str, Any]) -> None:
        post(api, package())
        assert problem(post(api, package(**change))) == (409, "cannot-publish")

    def test_refuses_more_files_at_another_place(self, api: Client) -> None:
        post(api, package(extra_files=[]))
        answer = post(api, package(url="https://elsewhere.example.net/"))
        assert problem(answer) == (409, "cannot-publish")

    @pytest.mark.parametrize(
        ("change", "where", "status"),
        [
            ({"hash": "nonsense"}, "/hash", 400),
            ({"hash": digest("sha256", b"")}, "/hash", 400),
            ({"flatcar_action": {"sha256": "ab" * 32}}, "/flatcar_action/sha256", 400),
            ({"flatcar_action": {}}, "/flatcar_action/sha256", 400),
            ({"arch": 3}, "/arch", 400),
            ({"type": 4}, "/type", 400),
            ({"size": "0"}, "/size", 400),
            ({"size": "many"}, "/size", 400),
            ({"filename": "other.gz"}, "/filename", 400),
            ({"more": 1}, "/more", 400),
            ({"channels_blacklist": ["x"]}, "/channels_blacklist", 400),
            (extra(hash256="xyz"), "/extra_files/0/hash256", 400),
            (extra(name="a/oem-azure.gz"), "/extra_files/0/name", 422),
            (extra(name="image.bin"), "/extra_files/0/name", 422),
            ({"extra_files": package()["extra_files"] * 2}, "/extra_files/1/name", 422),
            ({"url": "ftp://example.net/"}, "/url", 422),
            ({"url": "file:///etc/"}, "/url", 422),
            ({"url": "https://me:secret@example.net/"}, "/url", 422),
            ({"url": "https://[example/"}, "/url", 422),
            ({"version": "latest"}, "/version", 422),
            ({"application_id": "other"}, "/application_id", 422),
        ],
    )
    def test_names_the_field_that_is_wrong(
        self, api: Client, change: dict[str, Any], where: str, status: int
    ) -> None:
        answer = post(api, package(**change))
        assert answer.status_code == status, answer.content
        assert where in [one["pointer"] for one in answer.json()["errors"]]
        assert not Release.objects.exists()

    def test_knows_no_other_application(self, api: Client) -> None:
        assert problem(post(api, package(), "/api/apps/nobody/packages")) == (404, "not-found")

    def test_is_offered_when_its_bytes_were_read(self, api: Client, tmp_path: Path) -> None:
        post(api, package())
        for name, content in FILES.items():
            (tmp_path / name).write_bytes(content)
        source = Source(tmp_path, "4593.2.1", codebase=URL, moves_target=False)
        import_release(source, channel=seeded_channel(), by=None)
        assert not Release.objects.get().payloads.filter(is_verified=False).exists()
        assert Activity.objects.latest("id").verb == "release.verified"
