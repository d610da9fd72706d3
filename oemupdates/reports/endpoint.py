"""The door for nodes' reports: `POST /v1/sysext-report`, a raw ASGI callable.

The update endpoint lives in the same processes: bodies are bounded in size, time and number, and
few reports at a time go to the database. More hear that they may come again.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any, NamedTuple

from django.conf import settings
from django.db import DatabaseError

from oemupdates.domain.report import MAX_BYTES, BadReport, read
from oemupdates.services.drift import reports
from oemupdates.services.shared import connections, rates
from oemupdates.telemetry import REPORTS

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
# How the page of rejected requests hears of one: reason, source, detail.
Refuse = Callable[[str, str, str], None]

PATH = "/v1/sysext-report"
BODY_SECONDS = 15.0
_AT_ONCE, _UNDER_WAY = 2, 128
_RETRY_AFTER_SECONDS = (60, 300)


class _Answer(NamedTuple):
    status: HTTPStatus
    detail: str = ""
    reason: str = ""  # under which it is counted as rejected, if it is
    retry_after: int = 0


_BUSY = "busy; come again later"


class ReportEndpoint:
    """Answers `POST /v1/sysext-report`, with and without a secret at its end."""

    def __init__(self, refuse: Refuse) -> None:
        self._refuse = refuse
        self._under_way = 0
        self._writing = asyncio.Semaphore(_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one report."""
        address = _address(scope["client"][0]) if scope.get("client") else None
        answer = await self._answer(scope, receive, address)
        REPORTS.labels(answer.status.phrase.lower().replace(" ", "_")).inc()
        if answer.reason:
            self._refuse(answer.reason, address or "", answer.detail)
        await _respond(send, answer)

    async def _answer(self, scope: Scope, receive: Receive, address: str | None) -> _Answer:
        if scope["method"] != "POST":
            return _Answer(HTTPStatus.METHOD_NOT_ALLOWED, "nodes POST here", "wrong_verb")
        if self._under_way >= _UNDER_WAY:
            return _busy()
        self._under_way += 1
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _read(receive)
            if body is None:
                detail = "a report holds at most 64 KiB, and arrives whole"
                return _Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, detail, "too_large")
            secret = scope["path"].removeprefix(PATH)
            async with self._writing:
                return await asyncio.to_thread(_take_in_thread, body, secret, address)
        except TimeoutError:
            return _Answer(HTTPStatus.REQUEST_TIMEOUT, "it did not arrive in time", "slow_body")
        finally:
            self._under_way -= 1


def _take_in_thread(body: bytes, secret: str, address: str | None) -> _Answer:
    """Take a report in a thread that does not keep its connection."""
    try:
        return _take(body, secret, address)
    except DatabaseError:
        return _busy()
    finally:
        connections.give_back()


def _take(body: bytes, secret: str, address: str | None) -> _Answer:
    size: int = settings.REPORTS_A_MINUTE
    if size:
        taken = rates.take(f"reports:{address}", size)
        if not taken.is_let_in:
            return _too_many(taken.wait_seconds)
    try:
        reports.take(read(body), secret=secret, address=address, now=datetime.now(UTC))
    except BadReport as error:
        return _Answer(HTTPStatus.BAD_REQUEST, str(error), "bad_report")
    except reports.WrongSecret as error:
        return _Answer(HTTPStatus.NOT_FOUND, str(error), "wrong_secret")
    except reports.TooOften as error:
        return _too_many(error.seconds)
    except reports.TooLate as error:
        return _Answer(HTTPStatus.CONFLICT, str(error))
    except reports.UnknownNode as error:
        return _Answer(HTTPStatus.NOT_FOUND, str(error))
    return _Answer(HTTPStatus.NO_CONTENT)


def _busy() -> _Answer:
    seconds = random.randint(*_RETRY_AFTER_SECONDS)  # noqa: S311 - a jitter
    return _Answer(HTTPStatus.SERVICE_UNAVAILABLE, _BUSY, retry_after=seconds)


def _too_many(seconds: int) -> _Answer:
    return _Answer(HTTPStatus.TOO_MANY_REQUESTS, "too many reports", retry_after=seconds)


async def _read(receive: Receive) -> bytes | None:
    """A body, unless it is too large or its sender hangs up."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if len(body) > MAX_BYTES:
            return None
        if not message.get("more_body"):
            return bytes(body)


def _address(text: str) -> str | None:
    """An IP address in its one spelling; None for what else a proxy may have been told."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)


async def _respond(send: Send, answer: _Answer) -> None:
    body = f"{answer.detail}\n".encode() if answer.detail else b""
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    if answer.status == HTTPStatus.NO_CONTENT:
        headers = headers[2:]
    if answer.status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append((b"allow", b"POST"))
    if answer.retry_after:
        headers.append((b"retry-after", str(answer.retry_after).encode()))
    if answer.status in {HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.REQUEST_TIMEOUT}:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": int(answer.status), "headers": headers})
    await send({"type": "http.response.body", "body": body})
