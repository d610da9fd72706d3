"""A small real HTTP server of the public servers' shapes, and with their bad days."""

import base64
import hashlib
import json
import select
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from xml.etree import ElementTree

from oemupdates.domain.policy import OS_PAYLOAD

REAL = Path(__file__).parents[1] / "payloads"
BOARD = "amd64-usr"
ALWAYS = 1000


def real_files(version: str = "4593.2.1") -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (REAL / version).glob("*.gz")}


@dataclass
class Announced:
    """One manifest of the answer."""

    version: str
    files: dict[str, bytes]
    floor_reason: str = ""
    is_target: bool = False
    has_urls: bool = True
    names: Callable[[str], str] = str


@dataclass
class PublicServer:
    """Serves releases; `faults` maps the last part of a path to what goes wrong, in turn."""

    published: dict[str, dict[str, bytes]] = field(default_factory=dict)
    documents: dict[str, bytes] = field(default_factory=dict)
    manifests: list[Announced] = field(default_factory=list)
    faults: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    questions: list[ElementTree.Element] = field(default_factory=list)
    answer: bytes | None = None
    bytes_a_second: int = 0
    tls: ssl.SSLContext | None = None

    def __post_init__(self) -> None:
        self._server = ThreadingHTTPServer(
            ("127.0.0.1", 0), type("Handler", (_Handler,), {"public": self})
        )
        self._server.daemon_threads = True
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        scheme = "https" if self.tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def address(self) -> str:
        return f"{self.url}/v1/update/"

    @property
    def folder(self) -> str:
        return f"{self.url}/files/{BOARD}"

    def publish(self, version: str, files: dict[str, bytes], **given: object) -> Announced:
        """Have files of a release, and announce it as the target unless it is said otherwise."""
        self.published[version] = files
        announced = Announced(version, files, **({"is_target": True} | given))  # type: ignore[arg-type]
        self.manifests.append(announced)
        self.documents[f"/images/{BOARD}/{version}/version.txt"] = (
            f"FLATCAR_BUILD=1\nFLATCAR_VERSION={version}\nFLATCAR_VERSION_ID={version}\n".encode()
        )
        return announced

    def feed(self, version: str, notes: str, day: str) -> None:
        entry = {"channel": "stable", "release_date": day, "release_notes": notes}
        self.documents["/feed-stable.json"] = json.dumps({version: entry}).encode()

    def downloads(self, name: str = "") -> list[tuple[str, str]]:
        """Which payloads were asked for, and from which byte on."""
        return [
            (path.rpartition("/")[2], wanted)
            for method, path, wanted in self.asked
            if method == "GET" and path.endswith(name or ".gz")
        ]

    def omaha(self) -> bytes:
        """The answer to an update server that takes several manifests."""
        if self.answer is not None:
            return self.answer
        app = self.questions[-1].find("app")
        assert app is not None
        manifests = "".join(self._manifest(one) for one in self.manifests)
        targets = [one.version for one in self.manifests if one.is_target] or ["none"]
        status = "ok" if self.manifests else "noupdate"
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<response protocol="3.0" server="nebraska">'
            f'<daystart elapsed_seconds="0"></daystart><app appid="{app.get("appid")}"'
            f' status="ok"><updatecheck status="{status}"><urls>'
            f'<url codebase="{self.folder}/{targets[0]}/"></url></urls>{manifests}'
            "</updatecheck></app></response>"
        ).encode()

    def _manifest(self, one: Announced) -> str:
        marks = ' is_target="true"' * one.is_target
        if one.floor_reason:
            marks += f' is_floor="true" floor_reason="{one.floor_reason}"'
        urls = f'<urls><url codebase="{self.folder}/{one.version}"></url></urls>' * one.has_urls
        packages = "".join(
            self._package(one.names(name), content)
            for name, content in sorted(
                one.files.items(), key=lambda item: (item[0] != OS_PAYLOAD, item[0])
            )
        )
        action = base64.b64encode(hashlib.sha256(one.files[OS_PAYLOAD]).digest()).decode()
        return (
            f'<manifest version="{one.version}"{marks}>{urls}<packages>{packages}</packages>'
            f'<actions><action event="postinstall" sha256="{action}"'
            ' DisablePayloadBackoff="true"></action></actions></manifest>'
        )

    def _package(self, name: str, content: bytes) -> str:
        sha1 = base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode()
        own = "" if name == OS_PAYLOAD else f' hash_sha256="{hashlib.sha256(content).hexdigest()}"'
        required = "true" if name == OS_PAYLOAD else "false"
        return (
            f'<package name="{name}" hash="{sha1}"{own} size="{len(content)}"'
            f' required="{required}"></package>'
        )

    def find(self, path: str) -> bytes | None:
        """What is at a path."""
        if path in self.documents:
            return self.documents[path]
        _, _, board, version, name = (path.split("/") + [""] * 5)[:5]
        files = self.published.get(version, {}) if board == BOARD else {}
        if name.endswith(".sha256") and name.removesuffix(".sha256") in files:
            plain = name.removesuffix(".sha256")
            return f"{hashlib.sha256(files[plain]).hexdigest()}  {plain}\n".encode()
        return files.get(name)


class _Handler(BaseHTTPRequestHandler):
    public: PublicServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        self.public.asked.append(("POST", self.path, ""))
        body = self.rfile.read(int(self.headers["content-length"]))
        self.public.questions.append(ElementTree.fromstring(body))  # noqa: S314 - our own request
        self._send(self.public.omaha(), self._fault())

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        self.public.asked.append((self.command, self.path, self.headers.get("range", "")))
        content = self.public.find(self.path.removeprefix("/moved"))
        self._send(content, self._fault())

    def _fault(self) -> str:
        waiting = self.public.faults[self.path.rstrip("/").rpartition("/")[2]]
        return waiting.pop(0) if waiting and self.command != "HEAD" else ""

    def _send(self, content: bytes | None, fault: str) -> None:
        if content is None or fault.isdigit():
            self._head(int(fault or 404), 0)
            return
        if fault == "redirect":
            self._head(302, 0, location=f"{self.public.url}/moved{self.path}")
            return
        if fault.startswith("to "):
            self._head(302, 0, location=fault[3:])
            return
        if fault == "wrong":
            content = bytes([content[0] ^ 1]) + content[1:]
        if fault == "longer":
            content += b"!"
        if fault in {"endless", "mute", "half a head", "dripping head"}:
            self._misbehave(fault)
            return
        self._range(content, fault)

    def _range(self, content: bytes, fault: str) -> None:
        tag = f'"{hashlib.md5(content, usedforsecurity=False).hexdigest()}"'
        asked, start = self.headers.get("range", ""), 0
        is_same = self.headers.get("if-range", tag) == tag
        if asked and is_same and fault != "no range":
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
        total = len(content)
        extra = {"etag": tag}
        if start:
            extra["content-range"] = f"bytes {start}-{total - 1}/{total}"
        self._head(206 if start else 200, total - start, **extra)
        if self.command == "HEAD":
            return
        body = content[start:]
        if fault in {"truncate", "stall"}:
            body = body[: len(body) // 2]
        self._write(body)
        if fault == "stall":
            self._be_silent()
        if fault == "truncate":
            self.close_connection = True
            self.wfile.flush()
            self.connection.shutdown(2)

    def _write(self, body: bytes) -> None:
        step = self.public.bytes_a_second // 10 or len(body)
        for at in range(0, len(body), step or 1):
            try:
                self.wfile.write(body[at : at + step])
                self.wfile.flush()
            except OSError:
                return
            if self.public.bytes_a_second:
                time.sleep(0.1)

    def _misbehave(self, fault: str) -> None:
        """Send what never ends, or say nothing more, until the client has had enough."""
        begun = {"mute": b"", "half a head": b"HTTP/1.1 200 OK\r\ncontent-le"}
        self.wfile.write(begun.get(fault, b"HTTP/1.1 200 OK\r\nconnection: close\r\n"))
        if fault in begun:
            self._be_silent()
            return
        self.close_connection = True
        step, pause = (b" " * 65536, 0.0) if fault == "endless" else (b"x", 0.02)
        with suppress(OSError):
            self.wfile.write(b"\r\n" if fault == "endless" else b"x-y: ")
            while True:
                self.wfile.write(step)
                time.sleep(pause)

    def _be_silent(self) -> None:
        """Wait until the client hangs up."""
        self.close_connection = True
        self.wfile.flush()
        select.select([self.connection], [], [], 60)

    def _head(self, status: int, length: int, **extra: str) -> None:
        self.send_response(status)
        for name, value in extra.items():
            self.send_header(name, value)
        self.send_header("content-length", str(length))
        self.end_headers()
