"""Payloads that are added by a release's page."""

from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from oemupdates.models import Operator, Release
from oemupdates.services.releases.releases import Source, import_release
from oemupdates.services.upkeep import verifying
from tests.dashboard.conftest import log_in
from tests.domain.payload_maker import make_payload
from tests.services.makers import seeded_channel
from tests.services.upkeep.test_verifying import announce
from tests.upstream.public_server import PublicServer

OS = make_payload(b"the system")


@pytest.fixture
def release(tmp_path: Path, settings: Any, db: None) -> Release:
    settings.PAYLOAD_DIR = tmp_path / "hosted"
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "flatcar_production_update.gz").write_bytes(OS)
    source = Source(tmp_path / "from", "4593.2.1", moves_target=False)
    return import_release(source, channel=seeded_channel(), by=None).release


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().replace("&#x27;", "'").split())


def post(page: Client, release: Release, *files: SimpleUploadedFile) -> str:
    where = f"/releases/{release.pk}/payloads/"
    return text(page.post(where, {"payload": list(files)}, follow=True))


def test_a_payload_is_added_by_the_page(page: Client, release: Release, tmp_path: Path) -> None:
    file = SimpleUploadedFile("oem-acme.gz", make_payload(b"acme"))
    assert "oem-acme.gz is added to 4593.2.1 (amd64), and was verified." in post(
        page, release, file
    )
    assert (tmp_path / "hosted/amd64-usr/4593.2.1/oem-acme.gz").is_file()
    assert release.payloads.get(name="oem-acme.gz").is_verified
    assert "was verified; it was registered before" in post(
        page, release, SimpleUploadedFile("oem-acme.gz", make_payload(b"acme"))
    )


def test_what_is_wrong_is_told_and_changes_nothing(
    page: Client, release: Release, tmp_path: Path, settings: Any
) -> None:
    for file, words in (
        (SimpleUploadedFile("oem-acme.gz", b"none"), "oem-acme.gz is nothing that a node"),
        (SimpleUploadedFile("acme.tar", b"none"), "Payload file: 'acme.tar' is no payload"),
    ):
        assert words in post(page, release, file)
    assert "Choose a file" in post(page, release)
    two = [SimpleUploadedFile(f"oem-{name}.gz", make_payload(b"1")) for name in "ab"]
    assert "Send one file at a time" in post(page, release, *two)
    settings.SYNC_DISK_RESERVE = 2**60
    assert "no room" in post(page, release, SimpleUploadedFile("oem-acme.gz", b"none"))
    assert release.payloads.count() == 1
    assert not [*(tmp_path / "hosted/.uploads").iterdir()]


def test_nothing_is_kept_of_whoever_may_not(
    release: Release, viewer: Operator, admin: Operator, tmp_path: Path
) -> None:
    where = f"/releases/{release.pk}/payloads/"
    file = SimpleUploadedFile("oem-acme.gz", make_payload(b"acme"))
    assert log_in(viewer).post(where, {"payload": file}).status_code == 403
    assert not (tmp_path / "hosted/.uploads").exists()
    client = log_in(admin)
    client.get(f"/releases/{release.pk}/")
    client.handler.enforce_csrf_checks = True
    file = SimpleUploadedFile("oem-acme.gz", make_payload(b"acme"))
    assert client.post(where, {"payload": file}).status_code == 403
    assert not [*(tmp_path / "hosted/.uploads").iterdir()]
    assert release.payloads.count() == 1


def test_a_release_that_was_announced_is_verified_by_page_and_api(
    page: Client, public: PublicServer
) -> None:
    release = announce(public)
    where = f"/releases/{release.pk}/"
    assert "Fetch and verify" in page.get(where).content.decode()
    answer = page.post(f"{where}verify/", follow=True)
    assert "A worker fetches the payloads" in answer.content.decode()
    assert 'hx-trigger="every 2s"' in answer.content.decode()
    again = page.post(f"/api/v1/releases/{release.pk}/verifications")
    assert again.status_code == 409
    verifying.work_open()
    (row,) = page.get(f"/api/v1/releases/{release.pk}/verifications").json()["items"]
    assert row["state"] == "done"
    html = page.get(where).content.decode()
    assert "oem-azure.gz is verified." in html
    assert "Fetch and verify" not in html
