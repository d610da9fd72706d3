"""Archives that are made while they are sent: of a known length, and in part if asked so."""

import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import anyio
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from oemupdates.domain.ustar import Member, pieces

_CHUNK = 256 * 1024
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
_OK, _PARTIAL, _BEYOND = 200, 206, 416


class OutOfRange(Exception):
    """A range that begins behind the end."""


def respond(
    members: Sequence[Member], *, name: str, method: str, headers: Headers, identity: bytes
) -> Response:
    """Answer with an archive; `identity` is what differs whenever its bytes do.

    One range is answered with a part, so that a download that broke off goes on; of several
    ranges none is, which clients must take too.
    """
    parts = pieces(members)
    size = sum(length for _, length in parts)
    etag = f'"{hashlib.sha256(name.encode() + identity).hexdigest()[:32]}"'
    said = {
        "accept-ranges": "bytes",
        "cache-control": "no-cache, no-transform",
        "content-disposition": f'attachment; filename="{name}.tar"',
        "etag": etag,
        "x-content-type-options": "nosniff",
    }
    wanted = headers.get("range", "") if headers.get("if-range", etag) == etag else ""
    try:
        start, stop = _bounds(wanted, size)
    except OutOfRange:
        said["content-range"] = f"bytes */{size}"
        return PlainTextResponse("there is no such part\n", _BEYOND, headers=said)
    is_part = (start, stop) != (0, size)
    if is_part:
        said["content-range"] = f"bytes {start}-{stop - 1}/{size}"
    said["content-length"] = str(stop - start)
    status = _PARTIAL if is_part else _OK
    if method == "HEAD":
        return Response(b"", status, headers=said, media_type="application/x-tar")
    return StreamingResponse(
        _read(parts, start, stop), status, headers=said, media_type="application/x-tar"
    )


def _bounds(wanted: str, size: int) -> tuple[int, int]:
    """The first byte of a range and the one behind its last; everything if there is none."""
    match = _RANGE.fullmatch(wanted)
    if match is None or not (match[1] or match[2]):
        return 0, size
    if not match[1]:
        start, stop = max(size - int(match[2]), 0), size
    else:
        start, stop = int(match[1]), min(int(match[2] or size) + 1, size)
    if start >= size:
        raise OutOfRange
    return (start, stop) if start < stop else (0, size)


async def _read(
    parts: Sequence[tuple[bytes | Path, int]], start: int, stop: int
) -> AsyncIterator[bytes]:
    at = 0
    for content, size in parts:
        first, last = max(start - at, 0), min(stop - at, size)
        at += size
        if first >= last:
            continue
        if isinstance(content, bytes):
            yield content[first:last]
            continue
        async with await anyio.open_file(content, "rb") as file:
            await file.seek(first)
            while first < last:
                chunk = await file.read(min(last - first, _CHUNK))
                if not chunk:
                    # Whoever reads it hears less than the length, and takes it for broken.
                    raise EOFError(f"{content} became shorter while it was sent")
                first += len(chunk)
                yield chunk
