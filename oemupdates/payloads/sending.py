"""Sending a hosted file: by the web server in front where there is one, else from here.

From here, what the page cache holds is read at once and the rest in a thread, so that a slow disk
keeps nobody else waiting; each client has one piece in memory. Nothing is sent to who hung up.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from stat import S_ISREG
from typing import Any, NamedTuple
from urllib.parse import quote

import anyio
from django.conf import settings
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response

from oemupdates.payloads.ranges import OutOfRange, bounds

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

SUM = ".sha256"
_PIECE = 64 * 1024
_SUM_BYTES = 1024
_DIGITS = 64
_OK, _PARTIAL, _UNCHANGED, _BEYOND = 200, 206, 304, 416


@dataclass(frozen=True, slots=True)
class Hosted:
    """A file that this server hosts: `place` is its path below all payloads."""

    path: Path
    place: str
    size: int
    modified: float
    etag: str

    @property
    def is_sum(self) -> bool:
        """Whether it is the checksum of a file, and no payload."""
        return self.place.endswith(SUM)


class Sent(NamedTuple):
    """What of a file went out: so many bytes, and whether its last one was among them."""

    size: int = 0
    reached_end: bool = False


def find(place: str) -> Hosted | None:
    """The file of a path below all payloads, if there is one.

    Its tag is its SHA-256, which is the same on every server that hosts it, where an import wrote
    that beside it.
    """
    path = Path(settings.PAYLOAD_DIR) / place
    try:
        facts = path.stat()
    except OSError:
        return None
    if not S_ISREG(facts.st_mode):
        return None
    tag = f"{facts.st_mtime_ns:x}-{facts.st_size:x}"
    if not place.endswith(SUM):
        tag = _sum(path) or tag
    return Hosted(path, place, facts.st_size, facts.st_mtime, f'"{tag}"')


def _sum(path: Path) -> str:
    """The SHA-256 that stands beside a file; empty if there is none in its usual form."""
    with suppress(OSError, ValueError), path.with_name(f"{path.name}{SUM}").open("rb") as file:
        said, _, name = file.read(_SUM_BYTES).decode("ascii").rstrip("\n").partition("  ")
        if name == path.name and len(bytes.fromhex(said)) * 2 == _DIGITS:
            return said.lower()
    return ""


async def send_file(file: Hosted, scope: Scope, receive: Receive, send: Send) -> Sent:
    """Answer with a file, or with the part that is asked for; what of it went out."""
    asked = Headers(scope=scope)
    said = {
        # Bytes of a payload never change; a proxy that compresses them breaks every update.
        "cache-control": "public, max-age=86400, no-transform",
        "x-content-type-options": "nosniff",
        "etag": file.etag,
        "last-modified": formatdate(file.modified, usegmt=True),
    }
    if _has(asked.get("if-none-match", ""), file.etag):
        await Response(None, _UNCHANGED, headers=said)(scope, receive, send)
        return Sent()
    known = asked.get("if-range", file.etag) in {file.etag, said["last-modified"]}
    try:
        start, stop = bounds(asked.get("range", "") if known else "", file.size)
    except OutOfRange:
        said["content-range"] = f"bytes */{file.size}"
        refusal = PlainTextResponse("there is no such part\n", _BEYOND, headers=said)
        await refusal(scope, receive, send)
        return Sent()
    is_head = scope["method"] == "HEAD"
    if settings.SENDFILE:
        response = Response(b"", headers=said | _handed_over(file), media_type=_type(file))
        await response(scope, receive, send)
        return Sent() if is_head else Sent(stop - start, stop == file.size)
    said["accept-ranges"] = "bytes"
    is_part = (start, stop) != (0, file.size)
    if is_part:
        said["content-range"] = f"bytes {start}-{stop - 1}/{file.size}"
    said["content-length"] = str(stop - start)
    status = _PARTIAL if is_part else _OK
    response = Response(b"", status, headers=said, media_type=_type(file))
    if is_head:
        await response(scope, receive, send)
        return Sent()
    # What is deleted meanwhile is still sent whole.
    descriptor = await anyio.to_thread.run_sync(os.open, file.path, os.O_RDONLY)
    try:
        head = {"type": "http.response.start", "status": status, "headers": response.raw_headers}
        await send(head)
        end = await _send_bytes(descriptor, start, stop, receive, send)
    finally:
        os.close(descriptor)
    return Sent(end - start, end == file.size)


def _has(asked: str, etag: str) -> bool:
    """Whether the tags that a cache names are those of a file that it need not get again."""
    tags = {tag.strip().removeprefix("W/") for tag in asked.split(",")}
    return bool(tags & {etag, "*"})


def _type(file: Hosted) -> str:
    return "text/plain" if file.is_sum else "application/octet-stream"


def _handed_over(file: Hosted) -> dict[str, str]:
    """What tells the web server in front to send the file; ranges are its work then."""
    header, _, prefix = settings.SENDFILE.partition(":")
    return {header: f"{prefix}{quote(file.place)}" if prefix else str(file.path)}


async def _send_bytes(descriptor: int, start: int, stop: int, receive: Receive, send: Send) -> int:
    """Send a part of a file, piece by piece, until the client has it or is gone; how far."""
    at = start
    gone = asyncio.ensure_future(_gone(receive))
    try:
        while at < stop and not gone.done():
            size = min(_PIECE, stop - at)
            piece = _at_hand(descriptor, size, at)
            piece = piece or await anyio.to_thread.run_sync(os.pread, descriptor, size, at)
            if not piece:
                # Whoever reads it hears less than the length, and takes it for broken.
                raise EOFError("a payload became shorter while it was sent")
            at += len(piece)
            await send({"type": "http.response.body", "body": piece, "more_body": at < stop})
            # A client that is faster than this loop must not have it for itself.
            await asyncio.sleep(0)
    finally:
        gone.cancel()
    return at


def _at_hand(descriptor: int, size: int, at: int) -> bytes | bytearray:
    """What the page cache has of a part of a file; empty if the disk would have to be asked."""
    buffer = bytearray(size)
    try:
        del buffer[os.preadv(descriptor, [buffer], at, os.RWF_NOWAIT) :]
    except OSError:
        return b""
    return buffer


async def _gone(receive: Receive) -> None:
    """Return once the client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass
