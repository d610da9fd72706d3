"""Releases > Mirror and disk, and removing a release by its page."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.template.defaultfilters import filesizeformat
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from oemupdates.domain import collection
from oemupdates.domain.access import Role
from oemupdates.models import DownloadCount, Operator, Release
from oemupdates.services.components import components
from oemupdates.services.groups import channels
from oemupdates.services.hosting import bucket_copying, payload_disk
from oemupdates.services.releases import release_removal
from oemupdates.services.upkeep import collecting
from tests.component_images import host_image
from tests.dashboard.conftest import PASSWORD, log_in, permit
from tests.services.bundle_maker import host
from tests.services.makers import last_activity, make_release, seeded_channel, seeded_group
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
    with django_assert_max_num_queries(5):
        collecting.plan()


def test_images_of_components_are_a_line_of_their_own(
    page: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collection, "YOUNG", timedelta(0))
    assert "Images of components" not in text(page.get(PAGE))
    image = host_image(tmp_path, "tool", "1.0.0")
    size = filesizeformat(payload_disk.survey().components[0].size).replace("\xa0", " ")
    html = text(page.get(PAGE))
    assert f'<dt>Images of components</dt><dd><a href="/components/">{size}</a>' in html
    assert "<dt>Payload files</dt><dd>0 bytes</dd>" in html
    assert '>1 component</td><td class="num" data-label="Files">2</td>' in html
    components.remove(image.component, by=None)
    assert "No component names it." in text(page.get(PAGE))


def take(name: str, size: int, ago: int = 0, **given: Any) -> None:
    DownloadCount.objects.create(
        day=(timezone.now() - timedelta(days=ago)).date(),
        name=name,
        size=size,
        **({"version": "4593.2.1", "architecture": "amd64", "is_boot": False, "whole": 1} | given),
    )


class TestTakenLately:
    def test_says_how_much_was_sent_and_of_what_the_most(self, page: Client) -> None:
        release = make_release("4593.2.1")
        take("oem-azure.gz", 5 * 2**20)
        take("oem-azure.gz", 2**20, ago=6, partial=3)
        take("flatcar_production_update.gz", 400 * 2**20, ago=29, version="4459.2.1", whole=1200)
        take("oem-vmware.gz", 2**20, ago=8, is_boot=True, whole=2)
        take("oem-qemu.gz", 2**30, ago=30)  # a month ago is not lately
        html = text(page.get(PAGE)).partition('id="taken"')[2].partition("</section>")[0]
        for label, value in (
            ("Sent today", "5.0 MB"),
            ("Sent in 7 days", "6.0 MB"),
            ("Sent in 30 days", "407.0 MB"),
            ("Requests in 30 days", "1,207"),
        ):
            assert f"<dt>{label}</dt><dd>{value}</dd>" in html
        rows = [row.split("</th>")[0] for row in html.split('<th scope="row" class="long">')[1:]]
        assert rows == ["flatcar_production_update.gz", "oem-azure.gz", "oem-vmware.gz"]
        assert f'<a href="/releases/{release.pk}/">4593.2.1</a>' in html
        assert "4459.2.1</a>" not in html  # it is registered no more
        assert "qemu" not in html

    def test_asks_as_much_whatever_was_taken(
        self, page: Client, django_assert_num_queries: Any
    ) -> None:
        with CaptureQueriesContext(connection) as few:
            page.get(PAGE)
        for number in range(40):
            take(f"oem-{number:02}.gz", 1000 + number, ago=number % 30)
        with django_assert_num_queries(len(few) + 1):  # the releases of what was taken
            html = text(page.get(PAGE))
        assert "oem-39.gz" in html
        assert "oem-29.gz" not in html

    def test_is_not_for_those_who_may_see_some_groups_alone(self, page: Client) -> None:
        take("oem-azure.gz", 1000)
        bo = Operator.objects.create_user("bo", password=PASSWORD)
        some = log_in(permit(bo, Role.VIEWER, group=seeded_group()))
        assert "Taken from this server" in text(page.get(PAGE))
        assert "Taken from this server" not in text(some.get(PAGE))
