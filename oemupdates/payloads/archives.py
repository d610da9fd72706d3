"""Archives that are made while they are sent: of a known length, and in part if asked so."""

import hashlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import anyio
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from oemupdates.domain.ustar import Member, pieces
from oemupdates.payloads.ranges import OutOfRange, bounds

_CHUNK = 256 * 1024
_OK, _PARTIAL, _BEYOND = 200, 206, 416


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
        start, stop = bounds(wanted, size)
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
