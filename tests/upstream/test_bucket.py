"""A bucket as it is spoken to, against a server that works out every signature for itself."""

import hashlib
import urllib.request
from datetime import timedelta
from pathlib import Path
from urllib.error import HTTPError

import pytest

from oemupdates.upstream import bucket
from oemupdates.upstream.bucket import Bucket, Held, Keys, OtherBytes, Store
from oemupdates.upstream.session import Forbidden, Route, Session, Unreachable
from tests.upstream.bucket_server import ACCESS_KEY, NAME, REGION, SECRET_KEY, BucketServer

pytestmark = pytest.mark.once
KEY = "amd64-usr/4799.0.0+nightly-1/oem-azure.gz"
CONTENT = b"CrAU" + bytes(range(256)) * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
KEYS = Keys(ACCESS_KEY, SECRET_KEY, None)


@pytest.fixture
def place(bucket_server: BucketServer) -> Bucket:
    root = f"{bucket_server.url}/{NAME}/"
    return Bucket(root, f"{root}flatcar/", REGION)


def store(place: Bucket, by: Keys = KEYS, bytes_a_second: int = 0) -> Store:
    return Store(Session(Route(), bytes_a_second), place, by)


def put(store: Store, tmp_path: Path, content: bytes = CONTENT, sha256: str = SHA256) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    store.put(KEY, path, sha256)


def fetch(url: str, **headers: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:  # noqa: S310
            return answer.status, answer.read()
    except HTTPError as refused:
        return refused.code, refused.read()


class TestStore:
    def test_keeps_what_is_put_there_until_it_is_deleted(
        self, place: Bucket, bucket_server: BucketServer, tmp_path: Path
    ) -> None:
        there = store(place)
        there.check()
        assert there.look(KEY) is None
        put(there, tmp_path)
        assert bucket_server.objects == {f"flatcar/{KEY}": CONTENT}
        assert there.look(KEY) == Held(len(CONTENT), SHA256)
        assert there.read(KEY) == SHA256
        there.delete(KEY)
        there.delete(KEY)
        assert bucket_server.objects == {}

    def test_says_nothing_of_checksums_that_are_not_told(
        self, place: Bucket, bucket_server: BucketServer, tmp_path: Path
    ) -> None:
        bucket_server.tells_checksums = False
        put(store(place), tmp_path)
        assert store(place).look(KEY) == Held(len(CONTENT), "")

    def test_sends_no_other_bytes_than_it_was_told(
        self, place: Bucket, bucket_server: BucketServer, tmp_path: Path
    ) -> None:
        with pytest.raises(OtherBytes):
            put(store(place), tmp_path, CONTENT + b"1")
        assert bucket_server.asked == []

    def test_sends_a_file_again_from_its_beginning(
        self,
        place: Bucket,
        bucket_server: BucketServer,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        bucket_server.faults["PUT"] = ["503"]
        put(store(place), tmp_path)
        assert bucket_server.objects == {f"flatcar/{KEY}": CONTENT}
        assert len(bucket_server.puts()) == 2

    def test_says_why_it_cannot_be_used(self, place: Bucket, bucket_server: BucketServer) -> None:
        with pytest.raises(Forbidden, match=r"/fleet/ answers 403\. Look at its keys and policy"):
            store(place, KEYS._replace(secret_key="wrong")).check()
        bucket_server.exists = False
        with pytest.raises(Unreachable, match=r"/fleet/ is not there \(404\)"):
            store(place).check()
        bucket_server.exists, bucket_server.faults["HEAD"] = True, ["301"]
        with pytest.raises(Unreachable, match="answers 301, and not where to go"):
            store(place).check()


class TestLink:
    @pytest.fixture
    def link(self, place: Bucket, tmp_path: Path) -> str:
        put(store(place), tmp_path)
        return bucket.link(place, KEY, KEYS, seconds=3600)

    def test_is_all_that_is_needed_for_a_file_and_its_parts(self, link: str) -> None:
        assert fetch(link) == (200, CONTENT)
        assert fetch(link, range="bytes=1000-") == (206, CONTENT[1000:])
        assert fetch(link, range="bytes=0-684") == (206, CONTENT[:685])

    def test_is_refused_once_its_time_is_over(
        self, link: str, bucket_server: BucketServer
    ) -> None:
        bucket_server.ahead = timedelta(minutes=59)
        assert fetch(link)[0] == 200
        bucket_server.ahead = timedelta(minutes=61)
        assert fetch(link) == (403, b"Request has expired")

    def test_is_good_for_that_object_alone(self, link: str) -> None:
        other = link.replace("oem-azure.gz", "oem-ami.gz")
        assert fetch(other) == (403, b"SignatureDoesNotMatch")
        assert fetch(link.partition("?")[0]) == (403, b"AccessDenied")


class TestKeys:
    def test_are_those_of_the_environment(self, bucket_server: BucketServer) -> None:
        assert bucket.keys() == KEYS

    def test_that_are_nowhere_are_asked_for(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
        monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
        monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
        bucket._finder.cache_clear()
        with pytest.raises(Forbidden, match="set AWS_ACCESS_KEY_ID"):
            bucket.keys()
