"""The update endpoint: a raw ASGI callable in front of Django.

It touches no ORM and no middleware: bytes in, a queued check-in, bytes out once that is committed.
"""

import asyncio
import hmac
import random
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

from oemupdates.domain.checkin import BadCheckIn
from oemupdates.domain.oem import payload_name
from oemupdates.domain.policy import MIN_POLL_SECONDS, Group, Payload, Release
from oemupdates.omaha import protocol
from oemupdates.omaha.batch import Batcher, Overloaded
from oemupdates.omaha.protocol import App, AppAnswer, BadRequest, Request
from oemupdates.omaha.rejections import Rejections
from oemupdates.omaha.xml import parse
from oemupdates.services.checkins import Unavailable, Unwritable, Verdict
from oemupdates.services.snapshot import Snapshot

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

PATH = "/v1/update"
BODY_SECONDS = 15.0
_RETRY_AFTER_SECONDS = (60, 300)
_OK, _BAD_REQUEST, _NOT_FOUND, _TIMEOUT, _TOO_LARGE, _NOT_ALLOWED, _SHED = (
    200,
    400,
    404,
    408,
    413,
    405,
    503,
)
_TEXT = [(b"content-type", protocol.CONTENT_TYPE), (b"cache-control", b"no-store")]


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
        secrets: Iterable[str] = (),
        is_shedding: bool = False,
    ) -> None:
        self._batcher = batcher
        self._rejections = rejections
        self._secrets = [secret.strip("/").encode() for secret in secrets if secret.strip("/")]
        self._is_shedding = is_shedding
        self._offers: dict[tuple[int, int, str], str] = {}
        self._offers_of: Snapshot | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        address = scope["client"][0] if scope.get("client") else None
        try:
            document = await self._answer(scope, receive, address)
        except (Overloaded, Unavailable, Unwritable):
            await _shed(send)
        except _Refused as refused:
            self._rejections.add(refused.reason, address or "", refused.detail, refused.body)
            await _respond(send, refused.status, protocol.render_error(refused.detail))
        else:
            await _respond(send, _OK, document)

    async def _answer(self, scope: Scope, receive: Receive, address: str | None) -> bytes:
        self._check_path(scope["path"])
        if scope["method"] != "POST":
            raise _Refused(_NOT_ALLOWED, "wrong_verb", "nodes POST here")
        if self._is_shedding or self._batcher.is_full:
            raise Overloaded
        body = await _read_body(receive, scope)
        try:
            request = parse(body)
        except BadRequest as error:
            raise _Refused(_BAD_REQUEST, error.reason, str(error), body) from error
        if len(request.apps) == 1:
            answers = [await self._answer_app(request, request.apps[0], address, body)]
        else:
            answers = await asyncio.gather(
                *(self._answer_app(request, app, address, body) for app in request.apps)
            )
        return protocol.render(answers)

    def _check_path(self, path: str) -> None:
        given = path.removeprefix(PATH).strip("/").encode()
        if not self._secrets:
            if given:
                raise _Refused(_NOT_FOUND, "wrong_path", "there is nothing here")
            return
        # All are compared, in constant time each: the answer's time tells nothing.
        if not sum(hmac.compare_digest(given, secret) for secret in self._secrets):
            raise _Refused(_NOT_FOUND, "wrong_secret", "there is nothing here")

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
        if self._offers_of is not self._batcher.snapshot:
            self._offers_of = self._batcher.snapshot
            self._offers = {}
        key = (release.id, poll_seconds, oem if group.offers_own_oem_only else "")
        element = self._offers.get(key)
        if element is None:
            element = protocol.offer(release, _payloads(release, group, oem), poll_seconds)
            if len(self._offers) < 1000:  # noqa: PLR2004 - a bound against made-up OEM ids
                self._offers[key] = element
        return element

    async def _answer_syncer(self, request: Request, app: App) -> AppAnswer:
        """Answer another update server, with all floors and the target; it is no node."""
        try:
            snapshot = await self._batcher.fresh_snapshot()
        except Exception as error:
            raise Unavailable(str(error)) from error
        application = snapshot.applications.get(protocol.canonical_appid(app.appid))
        if application is None:
            return AppAnswer(app, protocol.UNKNOWN_APPLICATION)
        group = snapshot.group(
            application, protocol.architecture(request, app), app.attributes.get("track", "")
        )
        return AppAnswer(app, "ok", protocol.offer_to_syncer(app, group) if app.asks else "")


def _payloads(release: Release, group: Group, oem: str) -> list[Payload]:
    if not group.offers_own_oem_only:
        return list(release.payloads)
    own = payload_name(oem)
    return [
        payload
        for payload in release.payloads
        if not payload.name.startswith("oem-") or payload.name == own
    ]


async def _read_body(receive: Receive, scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and len(value) < 20:  # noqa: PLR2004
            if int(value) > protocol.MAX_BODY_BYTES:
                raise _Refused(_TOO_LARGE, "too_large", "a request holds at most 64 KiB")
            break
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _read_chunks(receive)
    except TimeoutError as error:
        raise _Refused(_TIMEOUT, "slow_body", "the body did not arrive in time") from error


async def _read_chunks(receive: Receive) -> bytes:
    message = await receive()
    body = bytes(message.get("body", b""))
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
        if len(body) > protocol.MAX_BODY_BYTES:
            break
    if message["type"] == "http.disconnect":
        raise _Refused(_BAD_REQUEST, "hung_up", "the body did not arrive whole")
    if len(body) > protocol.MAX_BODY_BYTES:
        raise _Refused(_TOO_LARGE, "too_large", "a request holds at most 64 KiB")
    return body


async def _respond(send: Send, status: int, document: bytes) -> None:
    headers = [*_TEXT, (b"content-length", str(len(document)).encode())]
    if status == _NOT_ALLOWED:
        headers.append((b"allow", b"POST"))
    if status in {_TOO_LARGE, _TIMEOUT}:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": document})


async def _shed(send: Send) -> None:
    """Turn a node away. Only 500 and 503 make a stock client come less often."""
    document = protocol.render_error("busy; come again later")
    seconds = random.randint(*_RETRY_AFTER_SECONDS)  # noqa: S311 - a jitter
    headers = [
        *_TEXT,
        (b"content-length", str(len(document)).encode()),
        (b"retry-after", str(seconds).encode()),
    ]
    await send({"type": "http.response.start", "status": _SHED, "headers": headers})
    await send({"type": "http.response.body", "body": document})
