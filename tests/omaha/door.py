"""The server's door as its clients see it: the whole ASGI application, on the real database.

Whatever a test is about, each of its answers goes through the strict reader.
"""

import asyncio
from collections.abc import Awaitable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from xml.etree import ElementTree as ET

from fleet.asgi import Fleet
from tests import omaha_rules
from tests.omaha_reader import NoUpdate, Offer, read_both

T = TypeVar("T")
UPDATE = "/v1/update/"
Message = dict[str, Any]
Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """What the door answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def root(self) -> ET.Element:
        return ET.fromstring(self.body)  # noqa: S314 - our own answer

    @property
    def apps(self) -> list[ET.Element]:
        return self.root.findall("app")

    @property
    def heard(self) -> Offer | NoUpdate:
        """What a node with one application heard."""
        return read_both(self.body)

    @property
    def offered(self) -> str:
        """The version that it was offered; empty for no update."""
        heard = self.heard
        return heard.version if isinstance(heard, Offer) else ""

    @property
    def package_names(self) -> list[str]:
        return [package.attrib["name"] for package in self.root.iter("package")]


class Door:
    """A server that runs while its tests do; each request is whole before the next begins."""

    def __init__(self, runner: asyncio.Runner, application: Any) -> None:
        self.runner = runner
        self.application = application

    def post(
        self,
        body: bytes,
        path: str = UPDATE,
        *,
        headers: Headers = (),
        address: str = "192.0.2.7",
    ) -> Answer:
        """Send what a node sends."""
        return self.send([body], path, headers=headers, address=address)

    def send(
        self,
        chunks: Sequence[bytes],
        path: str = UPDATE,
        *,
        method: str = "POST",
        headers: Headers = (),
        address: str = "192.0.2.7",
    ) -> Answer:
        """Send a body in pieces; the answer is judged before anyone sees it."""
        sent = [("host", "testserver"), ("accept", "*/*"), ("content-type", "text/xml"), *headers]
        answer = self.run(exchange(self.application, _scope(method, path, sent, address), chunks))
        if path.startswith("/v1/update"):
            judge(b"".join(chunks), answer)
        return answer

    def get(self, path: str, *headers: tuple[str, str]) -> Answer:
        """Fetch a page or a payload."""
        return self.send([b""], path, method="GET", headers=headers)

    def fetch(self, url: str) -> bytes | None:
        """Fetch a payload by its URL as a client does; None when it is not there."""
        assert url.startswith("http://testserver/")
        answer = self.get(url.removeprefix("http://testserver"))
        return answer.body if answer.status == 200 else None

    def run(self, doing: Coroutine[Any, Any, T]) -> T:
        """Do something on the server's own event loop."""
        return self.runner.run(doing)

    def flush_rejections(self) -> None:
        """Write what was refused, which otherwise happens every few seconds."""
        self.run(self.application.updates.rejections.flush())


async def exchange(
    application: Any, scope: Message, chunks: Sequence[bytes], *, pause: float = 0.0
) -> Answer:
    """One request and its answer; `pause` seconds lie between the pieces of the body."""
    waiting = list(chunks)
    start: Message = {}
    body = bytearray()

    async def receive() -> Message:
        if not waiting:
            await asyncio.Event().wait()
        if len(waiting) < len(chunks):
            await asyncio.sleep(pause)
        return {"type": "http.request", "body": waiting.pop(0), "more_body": bool(waiting)}

    async def send(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            body.extend(message.get("body", b""))

    await application(scope, receive, send)
    headers = {name.decode(): value.decode() for name, value in start["headers"]}
    return Answer(start["status"], headers, bytes(body))


def _scope(method: str, path: str, headers: Headers, address: str) -> Message:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
        "client": (address, 40000),
        "server": ("testserver", 80),
    }


def judge(sent: bytes, answer: Answer) -> None:
    """Hold any answer of the update endpoint to the clients' rules and to ours."""
    assert answer.headers["content-type"].startswith("text/xml")
    assert "content-encoding" not in answer.headers
    assert int(answer.headers["content-length"]) == len(answer.body)
    assert answer.status == 200 or 400 <= answer.status < 500 or answer.status == 503
    if answer.status != 200:
        assert answer.body.startswith(omaha_rules.DECLARATION)
        assert answer.body.rstrip(b"\n").endswith(b"</response>")
        assert len(answer.body) < 1000
        assert answer.root.find("app") is None
        return
    asked = ET.fromstring(sent).findall("app")  # noqa: S314 - what the test itself made
    syncs = any(app.get("multi_manifest_ok") == "true" for app in asked)
    omaha_rules.check(answer.body, apps=len(asked), manifests=64 if syncs else 1)
    for app, question in zip(answer.apps, asked, strict=True):
        _judge_app(app, question)
    if len(asked) == 1 and not syncs and answer.root.find("app/updatecheck") is not None:
        read_both(answer.body)


def _judge_app(app: ET.Element, question: ET.Element) -> None:
    """Each question has its one answer, and nothing is answered that was not asked."""
    assert app.get("appid") == question.get("appid", "")
    assert len(app.findall("event")) == len(question.findall("event"))
    assert len(app.findall("ping")) == min(len(question.findall("ping")), 1)
    answered = app.find("updatecheck") is not None
    if app.get("status") == "ok":
        assert answered == (question.find("updatecheck") is not None)
    else:
        assert not answered or question.find("updatecheck") is not None


@contextmanager
def serving(application: Any = None) -> Iterator[Door]:
    """A server from its start to its end, with the settings as they are now."""
    application = application or Fleet()
    with asyncio.Runner() as runner:
        door = Door(runner, application)
        inbox: asyncio.Queue[Message] = asyncio.Queue()
        outbox: asyncio.Queue[Message] = asyncio.Queue()
        living = runner.run(_begin(application, inbox, outbox))
        try:
            yield door
        finally:
            runner.run(_end(inbox, living))


async def _begin(
    application: Any, inbox: "asyncio.Queue[Message]", outbox: "asyncio.Queue[Message]"
) -> "asyncio.Task[None]":
    life: Awaitable[None] = application({"type": "lifespan"}, inbox.get, outbox.put)
    living = asyncio.ensure_future(life)
    await inbox.put({"type": "lifespan.startup"})
    assert (await outbox.get())["type"] == "lifespan.startup.complete"
    return living


async def _end(inbox: "asyncio.Queue[Message]", living: "asyncio.Task[None]") -> None:
    await inbox.put({"type": "lifespan.shutdown"})
    await living
