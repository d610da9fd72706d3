"""Hosted payloads on their way to a bucket and out of it again, through a real S3 protocol."""

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from oemupdates.domain.health import Level, Part
from oemupdates.models import BucketObject, Payload, Release
from oemupdates.services.hosting import bucket, bucket_copying
from oemupdates.services.releases import release_removal
from oemupdates.services.server import health
from tests.services.bundle_maker import host
from tests.services.makers import make_release
from tests.upstream.bucket_server import BucketServer

pytestmark = pytest.mark.django_db
VERSION = "4593.2.1"
AZURE = f"amd64-usr/{VERSION}/oem-azure.gz"


@pytest.fixture
def release(bucket_settings: Any, tmp_path: Path) -> Release:
    return host(tmp_path, VERSION)


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no time pass between one look and the next."""
    for name in ("LOOK_AGAIN", "TRY_AGAIN", "FORGOTTEN"):
        monkeypatch.setattr(bucket_copying, name, timedelta(0))


def tend() -> int:
    return bucket_copying.tend(seconds=60)


def below(root: Path) -> dict[str, bytes]:
    """What a bucket is to hold of a payload folder."""
    return {f"flatcar/{one.relative_to(root)}": one.read_bytes() for one in root.rglob("*.gz")}


def linked() -> set[str]:
    """What nodes would be sent to the bucket for."""
    shelf = bucket.shelf()
    return set(shelf.held) if shelf else set()


def part() -> Part:
    found = health.everyday(timezone.now())
    return next(one for one in found if one.name == "bucket")


def why(key: str) -> str:
    return BucketObject.objects.get(key=key).problem


class TestCopying:
    def test_brings_what_is_hosted_and_nothing_else(
        self, release: Release, bucket_server: BucketServer, settings: Any
    ) -> None:
        make_release("4081.2.0", codebase="https://mirror.example.net/")
        assert linked() == set()
        assert tend() == 3
        assert bucket_server.objects == below(settings.PAYLOAD_DIR)
        assert len(bucket_server.objects) == len(linked()) == 3
        found = bucket.standing()
        assert found is not None
        assert (found.stored, found.hosted, found.problem) == (3, 3, "")
        assert found.size == sum(map(len, bucket_server.objects.values()))
        assert (part().level, part().words) == (Level.FINE, "3 of 3 payloads are in the bucket.")

    def test_sends_nothing_twice(
        self, release: Release, bucket_server: BucketServer, at_once: None
    ) -> None:
        tend()
        assert tend() == 0
        # A worker died before it wrote down what it had sent.
        BucketObject.objects.update(stored_at=None)
        assert tend() == 0
        assert len(bucket_server.puts()) == len(linked()) == 3

    def test_goes_on_after_what_went_wrong_with_one(
        self, release: Release, bucket_server: BucketServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bucket_server.faults["PUT"] = ["413"]
        assert tend() == 2
        first = bucket_server.puts()[0].removeprefix("flatcar/")
        assert why(first).endswith(f"/{first} answers 413.")
        assert first not in linked()
        assert part().level is Level.WARNING
        assert "2 of 3 payloads are in the bucket." in part().words
        assert "answers 413." in part().words
        assert tend() == 0
        assert len(bucket_server.puts()) == 3
        monkeypatch.setattr(bucket_copying, "TRY_AGAIN", timedelta(0))
        assert tend() == 1
        assert first in linked()
        assert part().level is Level.FINE

    def test_begins_nothing_when_its_time_is_over(
        self, release: Release, bucket_server: BucketServer
    ) -> None:
        assert bucket_copying.tend(seconds=-1) == 0
        assert bucket_server.puts() == []
        assert tend() == 3

    @pytest.mark.parametrize("tells_checksums", [True, False])
    def test_believes_no_bucket_that_holds_other_bytes(
        self,
        release: Release,
        bucket_server: BucketServer,
        at_once: None,
        *,
        tells_checksums: bool,
    ) -> None:
        bucket_server.tells_checksums = tells_checksums
        bucket_server.faults["PUT"] = ["garble"]
        assert tend() == 2
        key = bucket_server.puts()[0].removeprefix("flatcar/")
        assert why(key) == f"{key} is not in the bucket as it was sent there."
        assert len(linked()) == 2
        assert tend() == 1
        assert len(linked()) == 3
        assert len(bucket_server.puts()) == 4

    def test_sends_no_file_that_rotted_or_is_gone(
        self, release: Release, bucket_server: BucketServer, settings: Any
    ) -> None:
        path = settings.PAYLOAD_DIR / AZURE
        path.write_bytes(path.read_bytes()[::-1])
        (path.parent / "oem-ami.gz").unlink()
        assert tend() == 1
        assert why(AZURE) == f"{AZURE} is not on this server's disk as it was registered."
        assert why(AZURE.replace("azure", "ami")).endswith("disk: No such file or directory.")
        assert len(bucket_server.objects) == 1

    def test_keeps_what_is_whole_while_the_disk_is_not(
        self, release: Release, bucket_server: BucketServer, settings: Any, at_once: None
    ) -> None:
        tend()
        (settings.PAYLOAD_DIR / AZURE).unlink()
        Payload.objects.filter(name="oem-azure.gz").update(
            is_verified=False, damaged_because="it is gone"
        )
        assert tend() == 0
        assert AZURE in linked()

    def test_brings_again_what_somebody_took_away(
        self, release: Release, bucket_server: BucketServer, at_once: None
    ) -> None:
        tend()
        del bucket_server.objects[f"flatcar/{AZURE}"]
        assert tend() == 1
        assert f"flatcar/{AZURE}" in bucket_server.objects

    def test_is_one_workers_work_at_a_time(
        self, release: Release, bucket_server: BucketServer
    ) -> None:
        others: list[int] = []
        bucket_server.during = lambda: others.append(tend())
        assert tend() == 3
        assert others == [0, 0, 0]
        assert len(bucket_server.puts()) == 3

    def test_does_nothing_without_a_bucket(self, release: Release, settings: Any) -> None:
        settings.S3_BUCKET = ""
        assert tend() == 0
        assert (bucket.standing(), bucket.shelf()) == (None, None)
        assert not BucketObject.objects.exists()
        assert "bucket" not in {one.name for one in health.everyday(timezone.now())}


class TestALostBucket:
    def test_sends_nodes_nowhere_and_is_told_in_words(
        self, release: Release, bucket_server: BucketServer
    ) -> None:
        tend()
        bucket_server.exists = False
        assert tend() == 0
        assert linked() == set()
        assert part().level is Level.WARNING
        assert part().words == (
            "The bucket cannot be used for 0 s: nodes get payloads from here."
            f" {bucket_server.url}/fleet/ is not there (404)."
        )

    def test_is_looked_through_once_it_answers_again(
        self, release: Release, bucket_server: BucketServer
    ) -> None:
        tend()
        bucket_server.exists = False
        tend()
        bucket_server.exists, bucket_server.objects = True, {}
        bucket_server.during = lambda: found.append(len(bucket_server.objects))
        found: list[int] = []
        assert tend() == 3
        assert found == [0, 1, 2]
        assert len(linked()) == 3

    def test_is_noticed_between_two_objects(
        self, release: Release, bucket_server: BucketServer
    ) -> None:
        bucket_server.during = lambda: setattr(bucket_server, "exists", False)
        assert tend() == 0
        assert len(bucket_server.puts()) == 1
        assert linked() == set()

    def test_is_not_believed_in_when_nobody_looked_for_long(
        self, release: Release, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tend()
        assert linked()
        monkeypatch.setattr(bucket, "SILENT", timedelta(0))
        assert linked() == set()

    def test_may_want_other_keys(self, release: Release, bucket_server: BucketServer) -> None:
        bucket_server.secret_key = "rotated"
        tend()
        assert "answers 403. Look at its keys and policy" in part().words
        bucket_server.secret_key = os.environ["AWS_SECRET_ACCESS_KEY"]
        assert tend() == 3


class TestLeaving:
    def test_goes_with_its_release_once_no_node_is_sent_there(
        self, release: Release, bucket_server: BucketServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tend()
        release_removal.remove(release, by=None)
        tend()
        assert linked() == set()
        assert len(bucket_server.objects) == 3
        monkeypatch.setattr(bucket_copying, "FORGOTTEN", timedelta(0))
        assert tend() == 3
        assert bucket_server.objects == {}
        assert not BucketObject.objects.exists()

    def test_ends_when_a_release_names_it_again(
        self, release: Release, bucket_server: BucketServer, at_once: None
    ) -> None:
        tend()
        Payload.objects.filter(name="oem-azure.gz").update(name="oem-gone.gz")
        bucket_server.faults["DELETE"] = ["405"]
        tend()
        assert f"/{AZURE} answers 405." in part().words
        Payload.objects.filter(name="oem-gone.gz").update(name="oem-azure.gz")
        tend()
        assert AZURE in linked()
        assert len(bucket_server.puts()) == 3

    def test_is_for_another_prefix_to_know(
        self, release: Release, bucket_server: BucketServer, settings: Any
    ) -> None:
        tend()
        settings.S3_PREFIX = ""
        assert linked() == set()
        assert tend() == 3
        assert len(bucket_server.objects) == 6
        shelf = bucket.shelf()
        assert shelf is not None
        assert shelf.link(AZURE).startswith(f"{bucket_server.url}/fleet/{AZURE}?X-Amz-")
        assert shelf.link("amd64-usr/1.0.0/oem-azure.gz") == ""


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("https://s3.example.net:9000", "https://s3.example.net:9000/Fleet/"),
        ("https://fleet.s3.eu-test-1.amazonaws.com", "https://fleet.s3.eu-test-1.amazonaws.com/"),
    ],
)
def test_a_bucket_is_in_the_path_or_in_the_host(settings: Any, endpoint: str, url: str) -> None:
    settings.S3_BUCKET, settings.S3_ENDPOINT = "Fleet", endpoint
    found = bucket.place()
    assert found is not None
    assert (found.root, found.url) == (url, url)
