"""Releases > Mirror and disk, and removing a release by its page."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from oemupdates.domain import collection
from oemupdates.domain.access import Role
from oemupdates.models import Operator, Release
from oemupdates.services import bucket_copying, channels, collecting, release_removal
from tests.dashboard.conftest import PASSWORD, log_in, permit
from tests.services.bundle_maker import host
from tests.services.makers import last_activity, make_release, seeded_channel
from tests.upstream.bucket_server import BucketServer

PAGE = "/releases/disk/"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, settings: Any) -> Path:
    folder = tmp_path / "hosted"
    settings.PAYLOAD_DIR = folder
    return folder


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().replace("\xa0", " ").split())


def test_says_what_is_held_and_what_would_go(
    page: Client, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collection, "YOUNG", timedelta(0))
    release_removal.remove(host(tmp_path, "4459.2.1"), by=None)
    host(tmp_path, "4593.2.1")
    make_release("4081.2.0", codebase="https://mirror.example.net/")
    (root / "amd64-usr/4593.2.1/oem-azure.gz").unlink()
    html = text(page.get(PAGE))
    assert "amd64-usr/4459.2.1 <span" in html
    assert "No release names it." in html
    assert "4593.2.1</a>" in html
    assert "oem-azure.gz" in html.partition("Missing on the disk")[2]
    assert "4081.2.0" not in html
    answer = page.post(f"{PAGE}collect/", {"why": "The disk is full"}, follow=True)
    assert "Activity says what it was." in text(answer)
    assert "All that is here is somebody" in text(answer)
    assert last_activity().why == "The disk is full"
    assert not (root / "amd64-usr/4459.2.1").exists()
    assert "There is nothing to collect" in text(page.post(f"{PAGE}collect/", follow=True))


def test_an_empty_disk_is_said_to_be_empty(page: Client) -> None:
    assert "No release is hosted here" in text(page.get(PAGE))
    assert page.get(f"{PAGE}?after=nonsense").status_code == 400


def test_the_bucket_is_shown_with_what_it_holds_and_what_is_wrong(
    page: Client, tmp_path: Path, bucket_settings: Any, bucket_server: BucketServer
) -> None:
    assert "Not looked at yet" in text(page.get(PAGE))
    host(tmp_path, "4593.2.1")
    bucket_server.faults["PUT"] = ["413"]
    bucket_copying.tend(seconds=60)
    html = text(page.get(PAGE))
    assert "2 of 3 payloads," in html
    assert "answers 413." in html
    assert "Being filled" in html
    bucket_server.exists = False
    bucket_copying.tend(seconds=60)
    html = text(page.get(PAGE))
    assert "It does not answer" in html
    assert "is not there (404)." in html
    bucket_settings.S3_BUCKET = ""
    assert "The bucket" not in text(page.get(PAGE))


def test_a_viewer_may_look_and_not_collect(db: None) -> None:
    vic = Operator.objects.create_user("vic", password=PASSWORD)
    permit(vic, Role.VIEWER)
    client = log_in(vic)
    assert "Collect" not in text(client.get(PAGE))
    assert client.post(f"{PAGE}collect/").status_code == 403


def test_a_release_is_removed_by_its_page(page: Client) -> None:
    release = make_release("4459.2.1")
    channel = channels.set_target(seeded_channel(), release, by=None)
    where = f"/releases/{release.pk}/"
    answer = page.post(f"{where}remove/", {"why": "Old"}, follow=True)
    assert "it is what stable (amd64) offers" in text(answer)
    channels.clear_target(channel, by=None)
    answer = page.post(f"{where}remove/", {"why": "Old"}, follow=True)
    assert answer.redirect_chain == [("/releases/", 302)]
    assert not Release.objects.exists()
    assert page.get(where).status_code == 404


def test_the_plan_costs_no_more_for_many_files(
    page: Client, root: Path, django_assert_max_num_queries: Any
) -> None:
    folder = root / "amd64-usr" / "4593.2.1"
    folder.mkdir(parents=True)
    for number in range(50):
        (folder / f"oem-{number}.gz").write_bytes(b"1")
    with django_assert_max_num_queries(4):
        collecting.plan()
