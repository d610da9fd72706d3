"""Payload bytes for nodes, in the layout of Flatcar's release server: a raw ASGI callable.

The same paths serve the codebase of our offers and `flatcar.release_file_server_url`.
"""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qs

import anyio
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

from oemupdates.domain.ustar import Member
from oemupdates.payloads import archives
from oemupdates.payloads.counting import Takings, counted
from oemupdates.payloads.redirecting import Links, redirect
from oemupdates.payloads.sending import Sent, find, send_file
from oemupdates.services.carrying import bundle_links, carrying
from oemupdates.services.hosting import downloads, node_urls
from oemupdates.services.hosting.downloads import Took
from oemupdates.services.shared.activity import Refused

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# Each part begins with a letter or a digit, and none holds a slash: no path leads out.
_PATH = re.compile(
    r"/payloads/(?:n/(?P<token>[0-9a-f-]{1,64})/)?(?P<board>(?:amd64|arm64)-usr)"
    r"/(?P<version>[0-9][0-9A-Za-z.+-]{0,63})"
    r"/(?P<file>[0-9A-Za-z][0-9A-Za-z._-]{0,127}\.gz(?P<sum>\.sha256)?)",
    re.ASCII,
)
_ARCHIVE = re.compile(
    r"/payloads/(?P<board>(?:amd64|arm64)-usr)/(?P<version>[0-9][0-9A-Za-z.+-]{0,63})"
    rf"/{re.escape(carrying.ARCHIVE)}",
    re.ASCII,
)
_BUNDLE = re.compile(
    rf"{re.escape(bundle_links.FOLDER)}/(?P<token>[0-9A-Za-z:._-]{{1,8000}})\.tar", re.ASCII
)
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,127}\.gz", re.ASCII)
_MAX_NAMES = 64


class PayloadEndpoint:
    """Answers GET and HEAD below `/payloads/`, and counts what nodes took."""

    def __init__(self) -> None:
        self.takings = Takings()
        self.links = Links()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request.

        A client repeats what it does not find 20 times, so an unknown file costs one look.
        """
        await self._answer(scope, receive, counted(send))

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in {"GET", "HEAD"}:
            refusal = PlainTextResponse("GET or HEAD\n", 405, headers={"allow": "GET, HEAD"})
            await refusal(scope, receive, send)
        elif match := _PATH.fullmatch(scope["path"]):
            await self._file(match, scope, receive, send)
        elif match := _BUNDLE.fullmatch(scope["path"]):
            await _bundle(match["token"], scope, receive, send)
        elif match := _ARCHIVE.fullmatch(scope["path"]):
            await _archive(match, scope, receive, send)
        else:
            await PlainTextResponse("not found\n", 404)(scope, receive, send)

    async def _file(
        self, match: re.Match[str], scope: Scope, receive: Receive, send: Send
    ) -> None:
        folder = f"{match['board']}/{match['version']}"
        place, began = f"{folder}/{match['file']}", datetime.now(UTC)
        is_sent_on = scope["method"] == "GET" and not match["sum"]
        if is_sent_on and (url := await self.links.find(place)):
            await redirect(url)(scope, receive, send)
            self._count(match, scope, began, None)
            return
        file = await anyio.to_thread.run_sync(find, place)
        if file is None:
            await PlainTextResponse("not found\n", 404)(scope, receive, send)
            # Worth a line only if a boot asked for it: its node may hang there.
            if downloads.may_be_boot(match["file"]) and not match["sum"]:
                self._count(match, scope, began, Sent())
            return
        sent = await send_file(file, scope, receive, send)
        if sent.size and not file.is_sum:
            self._count(match, scope, began, sent)

    def _count(
        self, match: re.Match[str], scope: Scope, began: datetime, sent: Sent | None
    ) -> None:
        """Count what was sent of a payload; None if the client was sent on for it."""
        folder = f"{match['board']}/{match['version']}"
        node = node_urls.node_of(match["token"], folder) if match["token"] else None
        tells = node is None and not _is_browser(scope)
        self.takings.add(
            Took(
                node=node,
                address=_address(scope) if tells else "",
                architecture=match["board"].removesuffix("-usr"),
                version=match["version"],
                name=match["file"],
                whole=int(sent is not None and sent.reached_end),
                partial=int(sent is not None and not sent.reached_end),
                redirected=int(sent is None),
                size=sent.size if sent else 0,
                first_at=began,
                last_at=datetime.now(UTC),
            )
        )


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return client[0] if client else ""


def _is_browser(scope: Scope) -> bool:
    """Whether somebody looks at a file who may share a node's address, and is no initrd."""
    return Headers(scope=scope).get("user-agent", "").startswith("Mozilla/")


async def _archive(match: re.Match[str], scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the OS payload and those that `file` names, as one archive.

    Nobody needs a log-in for it: each of its files can be had by its own name as well.
    """
    names = _names(scope.get("query_string", b""))
    members: list[Member] | None = None
    if names is not None:
        look = partial(
            carrying.archive, board=match["board"], version=match["version"], names=names
        )
        members = await anyio.to_thread.run_sync(look)
    if members is None:
        await PlainTextResponse("not found\n", 404)(scope, receive, send)
        return
    sums = members[0].content
    response = archives.respond(
        members,
        name=carrying.archive_name(match["board"], match["version"]),
        method=scope["method"],
        headers=Headers(scope=scope),
        identity=sums if isinstance(sums, bytes) else b"",
    )
    await response(scope, receive, send)


def _names(query: bytes) -> list[str] | None:
    """The files that a query names; None if it asks for anything else."""
    try:
        asked = parse_qs(
            query.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(query),
            max_num_fields=_MAX_NAMES,
        )
    except ValueError:
        return None
    names = asked.pop("file", [])
    return None if asked or not all(map(_NAME.fullmatch, names)) else names


async def _bundle(token: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the bundle of a link, signed anew and the same bytes as before."""
    try:
        planned = await anyio.to_thread.run_sync(bundle_links.follow, token)
    except Refused as refusal:
        status = 404 if isinstance(refusal, bundle_links.NoSuchLink) else 409
        await PlainTextResponse(f"{refusal}\n", status)(scope, receive, send)
        return
    manifest = planned.members[0].content
    response = archives.respond(
        planned.members,
        name=planned.name.removesuffix(".tar"),
        method=scope["method"],
        headers=Headers(scope=scope),
        identity=manifest if isinstance(manifest, bytes) else b"",
    )
    await response(scope, receive, send)
