"""A small real S3 server: it works out the signature (SigV4) of every request for itself.

It keeps objects in memory, checks the bytes that are put against both checksums, answers ranges,
and can have bad days.
"""

import base64
import hashlib
import hmac
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from tests.upstream.local_server import LocalServer

ACCESS_KEY, SECRET_KEY = "AKFLEET", "only/for+tests"
REGION, NAME = "eu-test-1", "fleet"
_UNSIGNED = "UNSIGNED-PAYLOAD"


@dataclass
class BucketServer(LocalServer):
    """Serves one bucket; `faults` maps a method to what goes wrong with it, in turn."""

    objects: dict[str, bytes] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    asked: list[str] = field(default_factory=list)
    exists: bool = True
    tells_checksums: bool = True
    secret_key: str = SECRET_KEY
    # What is done while something is put.
    during: Callable[[], object] = int
    # How far this server's clock is ahead of ours.
    ahead: timedelta = timedelta(0)

    def __post_init__(self) -> None:
        self.start(type("Handler", (_Handler,), {"bucket": self}))

    def puts(self) -> list[str]:
        return [line.removeprefix("PUT ") for line in self.asked if line.startswith("PUT ")]


class _Handler(BaseHTTPRequestHandler):
    bucket: BucketServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        url = urlsplit(self.path)
        _, _, key = url.path.removeprefix("/").partition("/")
        self.bucket.asked.append(f"{self.command} {key}")
        fault = next(iter(self.bucket.faults[self.command]), "")
        del self.bucket.faults[self.command][:1]
        if why := _why_refused(self, body):
            self._say(403, why.encode())
        elif fault.isdigit():
            self._say(int(fault))
        elif not self.bucket.exists or not url.path.startswith(f"/{NAME}/"):
            self._say(404)
        elif not key:
            self._say(200)
        else:
            getattr(self, f"_{self.command.lower()}")(key.replace("%2B", "+"), body, fault)

    do_HEAD = do_PUT = do_DELETE = do_GET  # noqa: N815 - the base class's names

    def _put(self, key: str, body: bytes, fault: str) -> None:
        said = self.headers.get("x-amz-checksum-sha256")
        if said and base64.b64decode(said) != hashlib.sha256(body).digest():
            self._say(400, b"BadDigest")
            return
        self.bucket.during()
        self.bucket.objects[key] = body[::-1] if fault == "garble" else body
        self._say(200)

    def _delete(self, key: str, body: bytes, fault: str) -> None:
        self.bucket.objects.pop(key, None)
        self._say(204)

    def _get(self, key: str, body: bytes, fault: str) -> None:
        held = self.bucket.objects.get(key)
        if held is None:
            self._say(404)
            return
        headers = {"accept-ranges": "bytes"}
        if self.bucket.tells_checksums and self.headers.get("x-amz-checksum-mode") == "ENABLED":
            digest = hashlib.sha256(held).digest()
            headers["x-amz-checksum-sha256"] = base64.b64encode(digest).decode()
        if wanted := self.headers.get("range", ""):
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            part = held[int(first) : int(last or len(held)) + 1]
            end = int(first) + len(part) - 1
            headers["content-range"] = f"bytes {first}-{end}/{len(held)}"
            self._say(206, part, headers)
            return
        self._say(200, held, headers)

    _head = _get

    def _say(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _why_refused(asked: _Handler, body: bytes) -> str:
    """What is wrong with a request's signature, in the header or in the URL; empty if nothing."""
    url = urlsplit(asked.path)
    query = dict(parse_qsl(url.query, keep_blank_values=True))
    signature = query.pop("X-Amz-Signature", "")
    now = datetime.now(UTC) + asked.bucket.ahead
    if signature:
        said = {"Credential": query["X-Amz-Credential"], "Signature": signature}
        said["SignedHeaders"] = query["X-Amz-SignedHeaders"]
        at, life, digest = query["X-Amz-Date"], int(query["X-Amz-Expires"]), _UNSIGNED
    else:
        scheme, _, rest = asked.headers.get("authorization", "").partition(" ")
        if scheme != "AWS4-HMAC-SHA256":
            return "AccessDenied"
        said = dict(part.strip().split("=", 1) for part in rest.split(","))
        at, life = asked.headers["x-amz-date"], 15 * 60
        digest = asked.headers["x-amz-content-sha256"]
    began = datetime.strptime(at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if not timedelta(0) <= now - began + timedelta(seconds=5) <= timedelta(seconds=life + 5):
        return "Request has expired"
    if digest not in {_UNSIGNED, hashlib.sha256(body).hexdigest()}:
        return "XAmzContentSHA256Mismatch"
    right = _signature(asked, query, said, at=at, digest=digest)
    return "" if hmac.compare_digest(right, said["Signature"]) else "SignatureDoesNotMatch"


def _signature(
    asked: Any, query: dict[str, str], said: dict[str, str], *, at: str, digest: str
) -> str:
    """The signature that a request must have, by the rules of SigV4."""
    access_key, *scope = said["Credential"].split("/")
    if (access_key, scope) != (ACCESS_KEY, [at[:8], REGION, "s3", "aws4_request"]):
        return "nobody's"
    names = said["SignedHeaders"].split(";")
    canonical = "\n".join(
        [
            asked.command,
            urlsplit(asked.path).path,
            "&".join(f"{quote(k, '')}={quote(v, '')}" for k, v in sorted(query.items())),
            *(f"{name}:{asked.headers[name].strip()}" for name in names),
            "",
            ";".join(names),
            digest,
        ]
    )
    text = f"AWS4-HMAC-SHA256\n{at}\n{'/'.join(scope)}\n{_sha256(canonical)}"
    key = f"AWS4{asked.bucket.secret_key}".encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
