"""An S3-compatible bucket: what is in it is asked, put and deleted by signed requests.

botocore signs, and finds the keys where every tool of that kind does; the requests go as all
others do. It is imported by whoever has a bucket: it takes memory that check-ins need not pay.
"""

import hashlib
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from io import FileIO
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import quote

from oemupdates.upstream.pace import Pace
from oemupdates.upstream.session import Absent, Answer, Forbidden, Session, Unreachable

_SHA256, _SIGNED_SHA256 = "x-amz-checksum-sha256", "x-amz-content-sha256"
_OK = 200


class OtherBytes(Exception):
    """A file is not what was to be put there."""


class Keys(NamedTuple):
    """What requests are signed with; `token` is empty for keys without an end."""

    access_key: str
    secret_key: str
    token: str | None


class Bucket(NamedTuple):
    """Where objects are: each lies below `url` under its key, and `root` is the bucket itself."""

    root: str
    url: str
    region: str

    def address(self, key: str) -> str:
        """The URL of an object."""
        return f"{self.url}{quote(key)}"


class Held(NamedTuple):
    """What a bucket says of an object; `sha256` is in hex, and empty where it has none."""

    size: int
    sha256: str


def keys() -> Keys:
    """The keys of the environment, of AWS's files or of this machine's role.

    Some of these are asked over the network, and only when they are due. Raises `Forbidden`.
    """
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - see above

    try:
        found = _finder().get_credentials()
        now = found.get_frozen_credentials() if found else None
    except BotoCoreError as problem:
        raise Forbidden(f"The keys for the bucket cannot be had: {problem}") from problem
    if now is None:
        raise Forbidden(
            "There are no keys for the bucket: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    return Keys(now.access_key, now.secret_key, now.token)


@cache
def _finder() -> Any:
    from botocore.session import Session as Finder  # noqa: PLC0415 - see above

    return Finder()


def link(bucket: Bucket, key: str, by: Keys, *, seconds: int) -> str:
    """A URL by which anybody can fetch an object for so long; it is worked out here."""
    from botocore.auth import S3SigV4QueryAuth  # noqa: PLC0415 - see above
    from botocore.awsrequest import AWSRequest  # noqa: PLC0415

    request = AWSRequest(method="GET", url=bucket.address(key))
    S3SigV4QueryAuth(by, "s3", bucket.region, expires=seconds).add_auth(request)
    return str(request.url)


class Store:
    """A bucket as it is written to, over one session."""

    def __init__(self, session: Session, bucket: Bucket, by: Keys) -> None:
        self._session, self._bucket, self._by = session, bucket, by

    def check(self) -> None:
        """Raise `Unreachable` unless the bucket is there and lets us in."""
        with self._ask("HEAD", self._bucket.root):
            pass

    def look(self, key: str) -> Held | None:
        """What is there under a key."""
        try:
            asked = {"x-amz-checksum-mode": "ENABLED"}
            with self._ask("HEAD", self._bucket.address(key), asked) as answer:
                return Held(answer.length or 0, _hex(answer.headers.get(_SHA256, "")))
        except Absent:
            return None

    def put(self, key: str, path: Path, sha256: str) -> None:
        """Put a file there; a bucket that got other bytes than these refuses them.

        Raises `OtherBytes` before anything is sent, if the file is not what it should be.
        """
        url = self._bucket.address(key)
        asked = {
            "content-type": "application/octet-stream",
            # A proxy that compresses payloads breaks every update.
            "cache-control": "no-transform",
            _SHA256: b64encode(bytes.fromhex(sha256)).decode(),
        }
        with _Paced(path) as file:
            headers = self._sign("PUT", url, asked, file)
            if headers[_SIGNED_SHA256] != sha256:
                raise OtherBytes
            file.pace = Pace(self._session.bytes_a_second)
            with self._send("PUT", url, headers, file):
                pass

    def read(self, key: str) -> str:
        """The SHA-256 of an object, by reading all of it."""
        sha256, pace = hashlib.sha256(), Pace(self._session.bytes_a_second)
        with self._ask("GET", self._bucket.address(key)) as answer:
            if answer.status != _OK:
                raise Unreachable(f"{answer.url} answers {answer.status}.")
            for piece in answer.pieces():
                sha256.update(piece)
                pace.wait(len(piece))
        return sha256.hexdigest()

    def delete(self, key: str) -> None:
        """See to it that there is no such object."""
        try:
            with self._ask("DELETE", self._bucket.address(key)):
                pass
        except Absent:
            pass

    def _ask(
        self, method: str, url: str, asked: dict[str, str] | None = None
    ) -> AbstractContextManager[Answer]:
        return self._send(method, url, self._sign(method, url, asked or {}))

    def _sign(
        self, method: str, url: str, asked: dict[str, str], file: BinaryIO | None = None
    ) -> dict[str, str]:
        """The headers of a request; a file is read once for that, so its bytes are signed too."""
        from botocore.auth import S3SigV4Auth  # noqa: PLC0415 - see above
        from botocore.awsrequest import AWSRequest  # noqa: PLC0415

        request = AWSRequest(method=method, url=url, headers=asked, data=file)
        S3SigV4Auth(self._by, "s3", self._bucket.region).add_auth(request)
        return {name.lower(): value for name, value in request.headers.items()}

    @contextmanager
    def _send(
        self, method: str, url: str, headers: dict[str, str], body: BinaryIO | None = None
    ) -> Iterator[Answer]:
        try:
            with self._session.stream(method, url, headers=headers, body=body) as answer:
                yield answer
        except Forbidden as problem:
            raise Forbidden(
                f"{problem} Look at its keys and policy, and at the clock of this machine."
            ) from problem


class _Paced(FileIO):
    """A file that is read no faster than its bytes may go out."""

    pace = Pace(0)

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size) or b""
        self.pace.wait(len(piece))
        return piece


def _hex(said: str) -> str:
    """A checksum as we write it; that of several parts is no checksum of the whole."""
    try:
        return b64decode(said, validate=True).hex()
    except (Error, ValueError):
        return ""
