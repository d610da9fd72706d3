"""Releases > Bundles: made, downloaded, uploaded and taken in by page."""

import io
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from oemupdates import tasks
from oemupdates.domain import bundle
from oemupdates.models import Activity, BundleImport, Channel, Operator, Release
from oemupdates.services.carrying import bundle_keys, bundle_links, bundle_runs, bundles
from oemupdates.services.carrying.bundles import Choice
from oemupdates.services.shared import file_locks
from tests.dashboard.conftest import log_in
from tests.payloads_door.test_endpoint import ask
from tests.services.bundle_maker import host, whole

PAGE = "/releases/bundles/"
NEW, OLD = "4593.2.1", "4459.2.1"


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


def text(answer: Any) -> str:
    return unescape(" ".join(answer.content.decode().split()))


def address(html: str) -> str:
    start = html.index(bundle_links.FOLDER)
    return html[start : html.index('"', start)]


class TestExport:
    def test_makes_a_link_that_needs_no_log_in(
        self, page: Client, tmp_path: Path, transactional_db: None
    ) -> None:
        key = bundle_keys.make()
        host(tmp_path, OLD)
        release = host(tmp_path, NEW)
        said = {"releases": [release.pk], "oems": ["azure"], "running": f"{OLD}, 1.0.0"}
        html = text(page.post(f"{PAGE}export/", said))
        assert "1.0.0 (amd64), which nodes run, is not here" in html
        assert Activity.objects.latest("id").verb == "bundle.exported"
        reply = ask(address(html))
        assert reply.status == 200
        assert int(reply.headers["content-length"]) == len(reply.body)
        opened = bundle.verify(io.BytesIO(reply.body), {"the": key.public_key()})
        names = [one.path for one in opened.manifest.files if one.is_payload]
        assert names == [
            f"amd64-usr/{OLD}/oem-azure.gz",
            f"amd64-usr/{NEW}/flatcar_production_update.gz",
            f"amd64-usr/{NEW}/oem-azure.gz",
        ]
        assert ask(address(html), range="bytes=600-").body == reply.body[600:]
        release.delete()
        assert ask(address(html)).status == 409
        assert ask(address(html)[:-8] + "xxxx.tar").status == 404

    @pytest.mark.parametrize(
        ("said", "names"),
        [
            ({"no_oems": "on"}, []),
            ({"no_extensions": "on"}, ["oem-ami.gz", "oem-azure.gz"]),
            ({"oems": ["ami"], "no_extensions": "on"}, ["oem-ami.gz"]),
        ],
    )
    def test_holds_some_all_or_none(
        self, page: Client, tmp_path: Path, said: dict[str, Any], names: list[str]
    ) -> None:
        bundle_keys.make()
        said |= {"releases": [host(tmp_path, NEW).pk]}
        planned = page.post(f"{PAGE}export/", said).context["planned"]
        found = [one.name for one in planned.manifest.files if one.is_payload]
        assert found == ["flatcar_production_update.gz", *names]

    def test_does_not_guess_between_some_and_none(self, page: Client, tmp_path: Path) -> None:
        bundle_keys.make()
        said = {"releases": [host(tmp_path, NEW).pk], "oems": ["ami"], "no_oems": "on"}
        answer = page.post(f"{PAGE}export/", said, follow=True)
        assert "Only these OEMs: Choose some, or none at all." in text(answer)

    def test_refuses_in_words(self, page: Client, tmp_path: Path) -> None:
        release = host(tmp_path, NEW)
        answer = page.post(f"{PAGE}export/", {"releases": [release.pk]}, follow=True)
        assert "No key was made here yet" in text(answer)
        assert "manage.py bundle keys makes one" in text(page.get(PAGE))
        bundle_keys.make()
        answer = page.post(f"{PAGE}export/", {"oems": ["nothing"]}, follow=True)
        assert "Releases: This field is required." in text(answer)


class TestImport:
    def test_takes_in_what_was_uploaded(self, page: Client, made: bytes, tmp_path: Path) -> None:
        answer = page.post(
            f"{PAGE}upload/", {"bundle": SimpleUploadedFile("my.tar", made)}, follow=True
        )
        assert "my.tar is here, and is read by a worker now" in text(answer)
        assert not Release.objects.exists()
        tasks.import_bundles()
        html = text(page.get(PAGE))
        assert f"Registered {NEW} (amd64) with flatcar_production_update.gz" in html
        assert Release.objects.get().payloads.count() == 3
        assert not Channel.objects.exclude(target=None).exists()
        assert Activity.objects.filter(verb="bundle.imported", actor__username="admin").exists()
        assert [*(tmp_path / "there" / ".bundles").iterdir()] == []
        tasks.import_bundles()
        assert BundleImport.objects.get().attempt == 1

    def test_takes_in_what_lies_in_the_folder(
        self, page: Client, made: bytes, tmp_path: Path
    ) -> None:
        (tmp_path / "stick" / "carried.tar").write_bytes(made)
        assert "Take in carried.tar" in text(page.get(PAGE))
        page.post(f"{PAGE}import/", {"name": "carried.tar"})
        again = page.post(f"{PAGE}import/", {"name": "carried.tar"}, follow=True)
        assert "carried.tar is being imported already" in text(again)
        assert bundle_runs.work_open() == 1
        assert Release.objects.get().version == NEW
        assert (tmp_path / "stick" / "carried.tar").is_file()

    def test_only_reads_what_is_to_be_verified(
        self, page: Client, made: bytes, tmp_path: Path
    ) -> None:
        (tmp_path / "stick" / "carried.tar").write_bytes(made)
        (tmp_path / "stick" / "cut.tar").write_bytes(made[:-3000])
        for name in ("carried.tar", "cut.tar"):
            page.post(f"{PAGE}import/", {"check": name})
        page.post(f"{PAGE}upload/", {"bundle": SimpleUploadedFile("my.tar", made), "check": "1"})
        assert bundle_runs.work_open() == 3
        states = dict(BundleImport.objects.values_list("name", "state"))
        assert states == {"carried.tar": "done", "cut.tar": "failed", "my.tar": "done"}
        html = text(page.get(PAGE))
        assert "All of it is as this server's own signed it." in html
        assert "cut.tar is not right." in html
        assert "Not right" in html
        assert not Release.objects.exists()
        assert not Activity.objects.filter(verb="bundle.imported").exists()
        assert not [*(tmp_path / "there" / ".bundles").glob("upload-*")]

    @pytest.mark.parametrize("name", ["../secret.tar", "absent.tar", "/etc/passwd", ""])
    def test_takes_in_nothing_else_of_the_disk(
        self, page: Client, tmp_path: Path, name: str
    ) -> None:
        (tmp_path / "secret.tar").write_bytes(b"x")
        answer = page.post(f"{PAGE}import/", {"name": name}, follow=True)
        assert "There is no bundle" in text(answer)
        assert not BundleImport.objects.exists()

    def test_says_why_one_is_not_taken(self, page: Client, made: bytes, tmp_path: Path) -> None:
        cut = SimpleUploadedFile("cut.tar", made[:-3000])
        page.post(f"{PAGE}upload/", {"bundle": cut})
        tasks.import_bundles()
        html = text(page.get(PAGE))
        assert "Not taken" in html
        assert "It ends" in html or "does not stand" in html
        assert not Release.objects.exists()
        assert not [*(tmp_path / "there" / ".bundles").glob("upload-*")]

    def test_gives_up_on_what_kills_its_workers(self, page: Client, made: bytes) -> None:
        page.post(f"{PAGE}upload/", {"bundle": SimpleUploadedFile("my.tar", made)})
        BundleImport.objects.update(attempt=bundle_runs.MAX_ATTEMPTS)
        tasks.import_bundles()
        assert "ended 5 times" in BundleImport.objects.get().problem

    def test_one_that_somebody_works_on_is_left_alone(
        self, page: Client, made: bytes, tmp_path: Path
    ) -> None:
        page.post(f"{PAGE}upload/", {"bundle": SimpleUploadedFile("my.tar", made)})
        lock = tmp_path / "there" / ".bundles" / f"import-{BundleImport.objects.get().pk}.lock"
        with file_locks.alone(lock) as is_alone:
            assert is_alone
            assert bundle_runs.work_open() == 0
        assert bundle_runs.work_open() == 1


class TestUpload:
    def test_has_an_end(self, page: Client, settings: Any, tmp_path: Path) -> None:
        settings.BUNDLE_MAX_BYTES = 1000
        big = SimpleUploadedFile("big.tar", bytes(2000))
        answer = page.post(f"{PAGE}upload/", {"bundle": big}, follow=True)
        assert "It is larger than 1000 bytes." in text(answer)
        assert not [*(tmp_path / "hosted").glob(".bundles/*")]

    def test_needs_room(self, page: Client, settings: Any) -> None:
        settings.SYNC_DISK_RESERVE = 2**60
        file = SimpleUploadedFile("my.tar", b"x")
        answer = page.post(f"{PAGE}upload/", {"bundle": file}, follow=True)
        assert "There is no room for it" in text(answer)
        assert not BundleImport.objects.exists()

    def test_without_a_file_is_told_so(self, page: Client) -> None:
        assert "Choose a file" in text(page.post(f"{PAGE}upload/", {}, follow=True))

    def test_leaves_nothing_of_a_form_without_its_token(
        self, admin: Operator, tmp_path: Path
    ) -> None:
        client = log_in(admin)
        bundle_keys.make()
        client.get(PAGE)
        client.handler.enforce_csrf_checks = True
        file = SimpleUploadedFile("my.tar", b"x" * 100)
        assert client.post(f"{PAGE}upload/", {"bundle": file}).status_code == 403
        assert not BundleImport.objects.exists()
        assert not [*(tmp_path / "hosted").glob(".bundles/*")]

    def test_of_somebody_who_may_not_is_not_even_read(
        self, viewer: Operator, tmp_path: Path
    ) -> None:
        file = SimpleUploadedFile("my.tar", b"x" * 100)
        assert log_in(viewer).post(f"{PAGE}upload/", {"bundle": file}).status_code == 403
        assert not (tmp_path / "hosted" / ".bundles").exists()
