"""The payload door of a server with a bucket: nodes are sent on, and get all that they ask for."""

import subprocess
import sys
import threading
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from oemupdates.models import DownloadCount, NodeDownload
from oemupdates.payloads import redirecting
from oemupdates.services.hosting import bucket, bucket_copying, node_urls
from tests.omaha.door import Answer, Door, serving
from tests.services.bundle_maker import host
from tests.services.makers import make_node
from tests.upstream.bucket_server import BucketServer

pytestmark = pytest.mark.django_db(transaction=True)

FOLDER = "amd64-usr/4593.2.1"
PATH = f"/payloads/{FOLDER}/oem-azure.gz"


@pytest.fixture
def content(bucket_settings: Any, tmp_path: Path) -> bytes:
    """What a file is that is on this server's disk and in the bucket."""
    host(tmp_path, "4593.2.1")
    bucket_copying.tend(seconds=60)
    found: bytes = (bucket_settings.PAYLOAD_DIR / FOLDER / "oem-azure.gz").read_bytes()
    return found


@pytest.fixture
def door(content: bytes) -> Any:
    with serving() as opened:
        yield opened


def follow(answer: Answer, **headers: str) -> tuple[int, bytes]:
    assert answer.status == 302
    request = urllib.request.Request(answer.headers["location"], headers=headers)  # noqa: S310
    try:
        with urllib.request.urlopen(request) as there:  # noqa: S310
            return there.status, there.read()
    except HTTPError as refused:
        return refused.code, refused.read()


def counted() -> tuple[int, int, int, int]:
    row = DownloadCount.objects.get(name="oem-azure.gz")
    return row.whole, row.partial, row.redirected, row.size


class TestANode:
    def test_is_sent_on_for_a_file_and_its_parts(self, door: Door, content: bytes) -> None:
        answer = door.get(PATH)
        assert answer.headers["cache-control"] == "no-store"
        assert answer.body == b""
        assert follow(answer) == (200, content)
        part = door.get(PATH, ("range", "bytes=100-"))
        assert follow(part, range="bytes=100-") == (206, content[100:])

    def test_must_begin_before_the_link_ends(
        self, door: Door, bucket_server: BucketServer, bucket_settings: Any
    ) -> None:
        answer = door.get(PATH)
        bucket_server.ahead = timedelta(seconds=bucket_settings.S3_LINK_SECONDS - 60)
        assert follow(answer)[0] == 200
        bucket_server.ahead += timedelta(minutes=2)
        assert follow(answer) == (403, b"Request has expired")

    def test_hears_heads_and_sums_from_here(self, door: Door, content: bytes) -> None:
        head = door.send([b""], PATH, method="HEAD")
        assert (head.status, head.headers["content-length"]) == (200, str(len(content)))
        assert door.get(f"{PATH}.sha256").body.endswith(b"  oem-azure.gz\n")

    def test_is_counted_as_asking_by_payload_and_by_its_own_url(self, door: Door) -> None:
        node = make_node(oem="azure")
        own = f"/payloads/n/{node_urls.token(node.pk, FOLDER)}/{FOLDER}/oem-azure.gz"
        assert [door.get(one).status for one in (PATH, own, own)] == [302, 302, 302]
        door.run(door.application.payloads.takings.flush())
        assert counted() == (0, 0, 3, 0)
        assert NodeDownload.objects.get(node=node).redirected == 2

    def test_that_booted_without_its_oem_is_seen_all_the_same(self, door: Door) -> None:
        node = make_node(oem="azure", version="4593.2.1", address="192.0.2.7")
        door.get(PATH)
        door.run(door.application.payloads.takings.flush())
        assert NodeDownload.objects.get(node=node, is_boot=True).redirected == 1
        (boots,) = DownloadCount.objects.boots(DownloadCount.objects.get().day)
        assert boots.times == 1
        assert [one.boots for one in DownloadCount.objects.taken()] == [1]


class TestFromHere:
    def fetch(self, door: Door) -> Answer:
        """Ask once what was known a few seconds ago is known no more."""
        door.application.payloads.links._read_at = float("-inf")
        return door.get(PATH)

    def test_comes_what_the_bucket_lost(
        self, door: Door, content: bytes, bucket_server: BucketServer
    ) -> None:
        assert self.fetch(door).status == 302
        bucket_server.exists = False
        bucket_copying.tend(seconds=60)
        assert self.fetch(door).body == content

    def test_comes_what_is_not_in_the_bucket(self, door: Door, bucket_settings: Any) -> None:
        path = bucket_settings.PAYLOAD_DIR / FOLDER / "oem-new.gz"
        path.write_bytes(b"new")
        assert door.get(f"/payloads/{FOLDER}/oem-new.gz").body == b"new"
        assert door.get(f"/payloads/{FOLDER}/oem-qemu.gz").status == 404

    def test_comes_everything_while_nobody_says_what_is_there(
        self, door: Door, content: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answers = threading.Event()
        monkeypatch.setattr(bucket, "shelf", answers.wait)
        monkeypatch.setattr(redirecting, "WAIT_SECONDS", 0.01)
        try:
            assert self.fetch(door).body == content
            assert self.fetch(door).body == content
        finally:
            answers.set()

    def test_comes_everything_when_the_keys_are_gone(
        self, door: Door, content: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        bucket.bucket._finder.cache_clear()
        assert self.fetch(door).body == content

    def test_comes_everything_without_a_bucket(
        self, door: Door, content: bytes, bucket_settings: Any
    ) -> None:
        bucket_settings.S3_BUCKET = ""
        assert door.get(PATH).body == content


@pytest.mark.once
def test_a_server_without_a_bucket_does_not_load_what_signs() -> None:
    code = "import sys, fleet.asgi, oemupdates.tasks; sys.exit('botocore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
