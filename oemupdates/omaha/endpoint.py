"""The update endpoint: a raw ASGI callable in front of Django.

It touches no ORM and no middleware: bytes in, a queued check-in, bytes out once that is committed.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, MutableMapping
from functools import lru_cache
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any

from oemupdates.domain.checkin import BadCheckIn
from oemupdates.domain.oem import payload_name
from oemupdates.domain.policy import MIN_POLL_SECONDS, Group, Payload, Release
from oemupdates.domain.serving import NODE, codebases
from oemupdates.omaha import protocol
from oemupdates.omaha.batch import Batcher, Overloaded
from oemupdates.omaha.gate import Gate, Shown, Stranger, fresh
from oemupdates.omaha.protocol import App, AppAnswer, BadRequest, Request
from oemupdates.omaha.rejections import Rejections
from oemupdates.omaha.xml import parse
from oemupdates.services.checkins.checkins import Unavailable, Unwritable, Verdict
from oemupdates.services.hosting import node_urls
from oemupdates.telemetry import OUTCOMES

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PATH = "/v1/update"
BODY_SECONDS = 15.0
_WATCH_SECONDS = 1.0
_TOO_SLOW = -1.0
_RETRY_AFTER_SECONDS = (60, 300)
_CONTENT_TYPE = (b"content-type", protocol.CONTENT_TYPE)
_OFFERS_MAX = 1000
_NOTHING_HERE = "there is nothing here"


class _Refused(Exception):
    """A request that ends with this status."""

    def __init__(self, status: int, reason: str, detail: str, body: bytes = b"") -> None:
        super().__init__(detail)
        self.status, self.reason, self.detail, self.body = status, reason, detail, body


class UpdateEndpoint:
    """Answers `POST /v1/update`, with and without a slash or a secret at its end."""

    def __init__(
        self,
        batcher: Batcher,
        rejections: Rejections,
        *,
        is_shedding: bool = False,
    ) -> None:
        self._batcher = batcher
        self._rejections = rejections
        self.gate = Gate(batcher)
        self._is_shedding = is_shedding
        # What was rendered, by the release's identity: keeping the release keeps that its own.
        self._offers: dict[tuple[int, int, str, str, bool], tuple[Release, str]] = {}
        self._reading: dict[asyncio.Task[Any], float] = {}
        self._is_watching = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        address = _address(scope["client"][0]) if scope.get("client") else None
        try:
            document = await self._answer(scope, receive, address)
        except (Overloaded, Unavailable, Unwritable) as turned_away:
            OUTCOMES["shed" if isinstance(turned_away, Overloaded) else "failed"].inc()
            await _shed(send)
        except _Refused as refused:
            self._rejections.add(refused.reason, address or "", refused.detail, refused.body)
            await _respond(send, refused.status, protocol.render_error(refused.detail))
        else:
            await _respond(send, HTTPStatus.OK, document)

    async def _answer(self, scope: Scope, receive: Receive, address: str | None) -> bytes:
        shown = await self._let_in(scope["path"])
        if scope["method"] != "POST":
            raise _Refused(HTTPStatus.METHOD_NOT_ALLOWED, "wrong_verb", "nodes POST here")
        if self._is_shedding or self._batcher.is_full:
            raise Overloaded
        body = await self._read_body(receive)
        try:
            request = parse(body)
        except BadRequest as error:
            raise _Refused(HTTPStatus.BAD_REQUEST, error.reason, str(error), body) from error
        self._check_groups(shown, request)
        if len(request.apps) == 1:
            answers = [await self._answer_app(request, request.apps[0], address, body)]
        else:
            answers = await asyncio.gather(
                *(self._answer_app(request, app, address, body) for app in request.apps)
            )
        # What was let in may have been shut out since: this process may have heard of it only now.
        if not self.gate.holds(shown):
            raise _Refused(HTTPStatus.NOT_FOUND, "wrong_secret", _NOTHING_HERE)
        self._check_groups(shown, request)
        self.gate.note(shown, address)
        return protocol.render(answers)

    async def _let_in(self, path: str) -> Shown:
        try:
            return await self.gate.admit(path.removeprefix(PATH))
        except Stranger as stranger:
            if stranger.needs_secret:
                raise _Refused(HTTPStatus.NOT_FOUND, "wrong_secret", _NOTHING_HERE) from stranger
            raise _Refused(HTTPStatus.NOT_FOUND, "wrong_path", _NOTHING_HERE) from stranger

    def _check_groups(self, shown: Shown, request: Request) -> None:
        """Refuse a secret of one group to whoever asks for another."""
        if shown.group is None:
            return
        for app in request.apps:
            asked = self.gate.group(request, app)
            if asked is None or asked.id != shown.group:
                detail = "this secret is not for the group that is asked for"
                raise _Refused(HTTPStatus.NOT_FOUND, "wrong_group", detail)

    async def _read_body(self, receive: Receive) -> bytes:
        """Read a body, unless it takes too long.

        One timer watches all bodies on their way: one for each would cost more than reading it.
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine of a server runs in one
        if not self._is_watching:
            self._is_watching = True
            asyncio.get_running_loop().call_later(_WATCH_SECONDS, self._watch_bodies)
        self._reading[task] = time.monotonic()
        try:
            return await _read_chunks(receive)
        except asyncio.CancelledError:
            if self._reading[task] != _TOO_SLOW:
                raise
            task.uncancel()
            raise _Refused(
                HTTPStatus.REQUEST_TIMEOUT, "slow_body", "the body did not arrive in time"
            ) from None
        finally:
            del self._reading[task]

    def _watch_bodies(self) -> None:
        now = time.monotonic()
        for task, since in self._reading.items():
            if since != _TOO_SLOW and now - since > BODY_SECONDS:
                self._reading[task] = _TOO_SLOW
                task.cancel()
        self._is_watching = bool(self._reading)
        if self._is_watching:
            asyncio.get_running_loop().call_later(_WATCH_SECONDS, self._watch_bodies)

    async def _answer_app(
        self, request: Request, app: App, address: str | None, body: bytes
    ) -> AppAnswer:
        if app.is_syncer:
            return await self._answer_syncer(request, app)
        try:
            said = protocol.read_checkin(request, app, address)
        except BadCheckIn as error:
            self._rejections.add("bad_values", address or "", str(error), body)
            return AppAnswer(
                app,
                protocol.INVALID_ARGUMENTS,
                protocol.no_update(MIN_POLL_SECONDS) if app.asks else "",
            )
        verdict = await self._batcher.submit(said)
        if not verdict.application_is_known:
            return AppAnswer(app, protocol.UNKNOWN_APPLICATION)
        return AppAnswer(app, "ok", self._updatecheck(verdict, said.oem) if app.asks else "")

    def _updatecheck(self, verdict: Verdict, oem: str) -> str:
        group, decision = verdict.group, verdict.decision
        wanted = group.poll_interval_seconds if group else MIN_POLL_SECONDS
        poll_seconds = self._batcher.poll_seconds(wanted)
        if group is None or decision is None or decision.release is None:
            return protocol.no_update(poll_seconds)
        release = decision.release
        key = (
            id(release),
            poll_seconds,
            oem if group.offers_own_oem_only else "",
            group.payload_source,
            group.has_node_urls,
        )
        if key not in self._offers:
            if len(self._offers) >= _OFFERS_MAX:  # made-up OEM ids, or many changes
                self._offers.clear()
            element = protocol.offer(
                release, _payloads(release, group, oem), poll_seconds, codebases(release, group)
            )
            self._offers[key] = release, element
        element = self._offers[key][1]
        if group.has_node_urls:
            element = element.replace(NODE, node_urls.token(verdict.node_id, release.folder))
        return element

    async def _answer_syncer(self, request: Request, app: App) -> AppAnswer:
        """Answer another update server, with all floors and the target; it is no node."""
        snapshot = await fresh(self._batcher)
        application = snapshot.applications.get(protocol.canonical_appid(app.appid))
        if application is None:
            return AppAnswer(app, protocol.UNKNOWN_APPLICATION)
        group = snapshot.group(
            application, protocol.architecture(request, app), app.attributes.get("track", "")
        )
        return AppAnswer(app, "ok", protocol.offer_to_syncer(app, group) if app.asks else "")


@lru_cache(maxsize=4096)
def _address(text: str) -> str | None:
    """An IP address in its one spelling; None for what else a proxy may have been told."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return str(getattr(address, "ipv4_mapped", None) or address)


def _payloads(release: Release, group: Group, oem: str) -> list[Payload]:
    if not group.offers_own_oem_only:
        return list(release.payloads)
    own = payload_name(oem)
    return [
        payload
        for payload in release.payloads
        if not payload.name.startswith("oem-") or payload.name == own
    ]


async def _read_chunks(receive: Receive) -> bytes:
    message = await receive()
    body = bytes(message.get("body", b""))
    while message.get("more_body") and len(body) <= protocol.MAX_BODY_BYTES:
        message = await receive()
        body += message.get("body", b"")
    if message["type"] == "http.disconnect":
        raise _Refused(HTTPStatus.BAD_REQUEST, "hung_up", "the body did not arrive whole")
    if len(body) > protocol.MAX_BODY_BYTES:
        raise _Refused(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", "a request holds at most 64 KiB"
        )
    return body


async def _respond(send: Send, status: int, document: bytes) -> None:
    headers = [_CONTENT_TYPE, (b"content-length", str(len(document)).encode())]
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append((b"allow", b"POST"))
    if status in {HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.REQUEST_TIMEOUT}:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": document})


async def _shed(send: Send) -> None:
    """Turn a node away. Only 500 and 503 make a stock client come less often."""
    document = protocol.render_error("busy; come again later")
    seconds = random.randint(*_RETRY_AFTER_SECONDS)  # noqa: S311 - a jitter
    headers = [
        _CONTENT_TYPE,
        (b"content-length", str(len(document)).encode()),
        (b"retry-after", str(seconds).encode()),
    ]
    await send(
        {
            "type": "http.response.start",
            "status": HTTPStatus.SERVICE_UNAVAILABLE,
            "headers": headers,
        }
    )
    await send({"type": "http.response.body", "body": document})
