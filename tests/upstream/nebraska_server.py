"""A small real HTTP server that answers as Nebraska does, with what its answers lack."""

import base64
import hashlib
from dataclasses import dataclass, field
from html import escape
from http.server import BaseHTTPRequestHandler
from xml.etree import ElementTree

from oemupdates.domain.policy import OS_PAYLOAD
from tests.upstream.local_server import LocalServer

MOST_FLOORS = 5


@dataclass(frozen=True)
class Package:
    """A package of its database, and the files that it hosts for it."""

    version: str
    files: dict[str, bytes]
    floor_reason: str = ""

    def hosted(self) -> dict[str, bytes]:
        """Its files under the names that Nebraska gives to what it hosts, the OS first."""
        own = {f"flatcar-amd64-{self.version}.gz": self.files[OS_PAYLOAD]}
        return own | {
            f"extrafile-amd64-{self.version}-{name}": content
            for name, content in self.files.items()
            if name != OS_PAYLOAD
        }


@dataclass
class Nebraska(LocalServer):
    """One channel with a target and floors; all that it hosts lies in one folder."""

    target: Package
    floors: list[Package] = field(default_factory=list)
    lost: set[str] = field(default_factory=set)
    requests: list[ElementTree.Element] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.start(type("Handler", (_Handler,), {"nebraska": self}))

    def answer(self, request: ElementTree.Element) -> str:
        """What Nebraska says to a syncer that takes several manifests."""
        app = request.find("app")
        assert app is not None
        assert request.get("installsource") == "scheduler"
        assert app.get("multi_manifest_ok") == "true"
        shown = self.floors[:MOST_FLOORS]
        manifests = "".join(_manifest(one, is_floor=True) for one in shown)
        manifests += _manifest(self.target, is_floor=False, is_marked=bool(shown))
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            '<response protocol="3.0" server="nebraska"><daystart elapsed_seconds="0"></daystart>'
            f'<app appid="{escape(app.get("appid", ""))}" status="ok"><updatecheck status="ok">'
            f'<urls><url codebase="{self.url}/flatcar/"></url></urls>{manifests}'
            "</updatecheck></app></response>"
        )

    def find(self, path: str) -> tuple[str, bytes]:
        """The kind and bytes of what is at a path: what is not there is the page of its UI."""
        name = path.removeprefix("/flatcar/")
        if name not in self.lost:
            for one in (self.target, *self.floors):
                if name in one.hosted():
                    return "application/gzip", one.hosted()[name]
        return "text/html; charset=utf-8", b"<!doctype html><title>Nebraska</title>"


def _manifest(one: Package, *, is_floor: bool, is_marked: bool = False) -> str:
    """Go writes no element that closes itself; all manifests have the URL of the target."""
    marks = f' is_floor="true" floor_reason="{escape(one.floor_reason)}"' if is_floor else ""
    marks += ' is_target="true"' if is_marked else ""
    packages = "".join(
        _package(name, content, is_main=number == 0)
        for number, (name, content) in enumerate(one.hosted().items())
    )
    sha256 = base64.b64encode(hashlib.sha256(one.files[OS_PAYLOAD]).digest()).decode()
    return (
        f'<manifest version="{one.version}"{marks}><packages>{packages}</packages><actions>'
        f'<action event="postinstall" sha256="{sha256}" DisablePayloadBackoff="true"></action>'
        "</actions></manifest>"
    )


def _package(name: str, content: bytes, *, is_main: bool) -> str:
    sha1 = base64.b64encode(hashlib.sha1(content, usedforsecurity=False).digest()).decode()
    own = "" if is_main else f' hash_sha256="{hashlib.sha256(content).hexdigest()}"'
    return (
        f'<package name="{name}" hash="{sha1}"{own} size="{len(content)}"'
        f' required="{str(is_main).lower()}"></package>'
    )


class _Handler(BaseHTTPRequestHandler):
    nebraska: Nebraska
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        request = ElementTree.fromstring(body)  # noqa: S314 - our own request
        self.nebraska.requests.append(request)
        self._send("text/xml", self.nebraska.answer(request).encode())

    def do_GET(self) -> None:
        self._send(*self.nebraska.find(self.path))

    def _send(self, kind: str, content: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
