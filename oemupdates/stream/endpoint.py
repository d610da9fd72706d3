"""`GET /events`: what happens, as Server-Sent Events; a raw ASGI callable in front of Django.

A browser comes with its session's cookie, a script with a token. A stream ends by itself after
some minutes, and whoever listens comes back: then it is asked anew who that is.
"""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, MutableMapping
from contextlib import suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs

from django.conf import settings
from django.db import connection
from django.http import parse_cookie

from oemupdates.services.access.tokens import BadToken, TooManyUnknown
from oemupdates.services.news import feed, viewers
from oemupdates.services.news.changes import Changes, Lookout
from oemupdates.services.news.feed import Entry
from oemupdates.services.news.viewers import Claim, Viewer
from oemupdates.stream import topics
from oemupdates.stream.hub import Hub, Stream, TooMany

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PATH = "/events"
STREAM_SECONDS = 300.0
COMMENT_SECONDS = 15.0
# A reader that takes nothing for so long is gone.
SEND_SECONDS = 30.0
_RETRY_SECONDS = (2.0, 8.0)
_BIGGEST_KEY = 2**63 - 1
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]


class _Refused(Exception):
    """A request that gets no stream."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class EventEndpoint:
    """Answers `GET /events?topics=...` with a stream."""

    def __init__(self) -> None:
        self.hub = Hub(
            _Lookout,
            _admit,
            most=settings.EVENT_STREAMS_MAX,
            most_a_person=settings.EVENT_STREAMS_A_PERSON,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until somebody has had enough."""
        try:
            stream = await self._open(scope)
        except _Refused as refused:
            await _refuse(send, refused)
            return
        watching = asyncio.create_task(_watch(receive, stream))
        try:
            await self._feed(stream, _last_event_id(scope), send)
        except (OSError, TimeoutError):
            pass  # gone, or so slow that it is as good as gone
        finally:
            self.hub.leave(stream)
            watching.cancel()

    async def _open(self, scope: Scope) -> Stream:
        if scope["method"] != "GET":
            raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED, "GET this")
        query = parse_qs(scope["query_string"].decode("ascii", "replace"), max_num_fields=10)
        try:
            about = topics.read(",".join(query.get("topics", [])))
        except topics.BadTopics as error:
            raise _Refused(HTTPStatus.BAD_REQUEST, str(error)) from error
        claim, viewer = await asyncio.to_thread(_let_in, scope, about)
        stream = Stream(claim, viewer, about)
        try:
            self.hub.join(stream)
        except TooMany as error:
            raise _Refused(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error
        return stream

    async def _feed(self, stream: Stream, last: int | None, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        retry = random.uniform(*_RETRY_SECONDS)  # noqa: S311 - so that not all come back at once
        await _send(send, f"retry: {retry * 1000:.0f}\n: hello\n\n")
        async for text in self._texts(stream, last):
            await _send(send, text)
        with suppress(OSError):
            await send({"type": "http.response.body", "body": b""})

    async def _texts(self, stream: Stream, last: int | None) -> AsyncIterator[str]:
        """What a stream hears, up to its end; at least a comment now and then."""
        loop = asyncio.get_running_loop()
        end_at = loop.time() + STREAM_SECONDS * random.uniform(0.8, 1.2)  # noqa: S311 - a jitter
        told = 0
        if last is not None and topics.ACTIVITY in stream.topics:
            async for entry in self._missed(stream, last):
                told = entry.id
                yield _entry(entry)
        while not stream.ended and loop.time() < end_at:
            try:
                async with asyncio.timeout(min(COMMENT_SECONDS, end_at - loop.time())):
                    await stream.wake.wait()
            except TimeoutError:
                yield ": still here\n\n"
                continue
            stream.wake.clear()
            for text in self._news(stream, told):
                yield text

    def _news(self, stream: Stream, told: int) -> list[str]:
        """What a stream has not heard yet."""
        texts = []
        if topics.ACTIVITY in stream.topics:
            entries = self.hub.take(stream)
            if entries is None:
                # It comes back with the last id that it heard, and misses nothing.
                stream.ended = True
                return [_event("resync", {"why": "You read more slowly than things happen."})]
            texts = [_entry(entry) for entry in entries if entry.id > told]
        changed, stream.changed = stream.changed, {}
        return texts + [_event("changed", values) for values in changed.values()]

    async def _missed(self, stream: Stream, last: int) -> AsyncIterator[Entry]:
        """What was done since a stream was last here, up to where the hub takes over."""
        async with asyncio.timeout(COMMENT_SECONDS):
            await self.hub.looked.wait()
        upto = self.hub.newest
        while entries := await asyncio.to_thread(_after, last, upto):
            last = entries[-1].id
            for entry in entries:
                if entry.is_for(stream.viewer):
                    yield entry


class _Lookout(Lookout):
    """Looks from a thread that does not keep its connection: the pool has few."""

    def look(self, nodes: Collection[int]) -> Changes:
        """Compare the fleet with how it was."""
        try:
            return super().look(nodes)
        finally:
            connection.close()


def _admit(claims: Collection[Claim]) -> dict[Claim, Viewer]:
    """Ask, from such a thread, who may listen."""
    try:
        return viewers.admit(claims)
    finally:
        connection.close()


def _let_in(scope: Scope, about: frozenset[str]) -> tuple[Claim, Viewer]:
    """Who comes, to hear of what they may see; in such a thread."""
    try:
        claim = _claim(scope)
        viewer = viewers.admit([claim]).get(claim)
        if viewer is None:
            raise _Refused(HTTPStatus.UNAUTHORIZED, "Log in, or send a token.")
        _check(viewer, about)
    except TooManyUnknown as refused:
        raise _Refused(HTTPStatus.TOO_MANY_REQUESTS, str(refused)) from refused
    except BadToken as refused:
        raise _Refused(HTTPStatus.UNAUTHORIZED, str(refused)) from refused
    finally:
        connection.close()
    return claim, viewer


def _check(viewer: Viewer, about: frozenset[str]) -> None:
    """Refuse a stream about what its viewer would never hear of."""
    nodes, groups = viewers.hidden(
        viewer,
        nodes=topics.keys(about, topics.NODE),
        groups=topics.keys(about, topics.GROUP),
    )
    found = [f"{topics.NODE}:{key}" for key in sorted(nodes)]
    found += [f"{topics.GROUP}:{key}" for key in sorted(groups)]
    if found:
        raise _Refused(
            HTTPStatus.NOT_FOUND, f"There is nothing that you may see as {', '.join(found)}."
        )


def _after(last: int, upto: int) -> list[Entry]:
    try:
        return feed.after(last, upto=upto)
    finally:
        connection.close()


async def _watch(receive: Receive, stream: Stream) -> None:
    """End a stream when its reader hangs up."""
    while (await receive())["type"] != "http.disconnect":
        pass
    stream.end()


async def _send(send: Send, text: str) -> None:
    async with asyncio.timeout(SEND_SECONDS):
        await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


async def _refuse(send: Send, refused: _Refused) -> None:
    body = f"{refused}\n".encode()
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if refused.status == HTTPStatus.UNAUTHORIZED:
        headers.append((b"www-authenticate", b"Bearer"))
    elif refused.status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append((b"allow", b"GET"))
    elif refused.status in {HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS}:
        headers.append((b"retry-after", b"30"))
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _header(scope: Scope, wanted: bytes) -> str:
    values = [value for name, value in scope["headers"] if name == wanted]
    return b"; ".join(values).decode("latin-1")


def _claim(scope: Scope) -> Claim:
    """What a request comes with, to be let in: a token where it sends one, else a session."""
    scheme, _, secret = _header(scope, b"authorization").partition(" ")
    if scheme.lower() == "bearer":
        address = scope["client"][0] if scope.get("client") else ""
        return viewers.claim_by_secret(secret.strip(), address)
    session = parse_cookie(_header(scope, b"cookie")).get(settings.SESSION_COOKIE_NAME, "")
    return Claim(session if session.isascii() and session.isalnum() else "")


def _last_event_id(scope: Scope) -> int | None:
    text = _header(scope, b"last-event-id")
    if not (text.isascii() and text.isdecimal()):
        return None
    return min(int(text[:19]), _BIGGEST_KEY)


def _entry(entry: Entry) -> str:
    return f"id: {entry.id}\n{_event('activity', entry.values)}"


def _event(name: str, values: dict[str, Any]) -> str:
    return f"event: {name}\ndata: {json.dumps(values, separators=(',', ':'))}\n\n"
