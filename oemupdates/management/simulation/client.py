"""A small HTTP/1.1 client on asyncio streams that speaks as the node's curl does."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 30.0
CHUNK = 64 * 1024
UNTIL_CLOSED = -1


class BadResponse(Exception):
    """Bytes that are no HTTP response."""


# What may go wrong between the first byte sent and the last one read; timeouts are `OSError`s.
FAILURES = (OSError, EOFError, BadResponse, asyncio.LimitOverrunError)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a URL leads: the other end of a connection, and what to ask for there."""

    is_tls: bool
    host: str
    port: int
    authority: str
    target: str

    @classmethod
    def of(cls, url: str) -> "Address":
        """Take a URL apart; `ValueError` if it is not http or https."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{url} is no http or https URL")
        is_tls = parts.scheme == "https"
        port = parts.port or (443 if is_tls else 80)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(is_tls, parts.hostname, port, parts.netloc, target)


class Connection:
    """One connection to wherever it is asked to go; closed after each answer unless it is kept."""

    def __init__(self, *, keeps_alive: bool = False) -> None:
        self._keeps_alive = keeps_alive
        self._peer: tuple[bool, str, int] | None = None
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._left = 0
        self._is_chunked = False

    async def post(self, url: str, body: bytes) -> tuple[int, bytes]:
        """Post a request document; returns status and body."""
        address = Address.of(url)
        head = (
            f"POST {address.target} HTTP/1.1\r\nHost: {address.authority}\r\nAccept: */*\r\n"
            f"Content-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        status = await self._ask(address, head.encode() + body)
        answer = b"".join([chunk async for chunk in self.chunks()])
        if not self._keeps_alive or self._left == UNTIL_CLOSED:
            self.close()
        return status, answer

    async def get(self, url: str, byte_range: str) -> int:
        """Begin a download and return its status; then read `chunks()`, and `close()`."""
        address = Address.of(url)
        ranged = f"Range: {byte_range}\r\n" if byte_range else ""
        head = (
            f"GET {address.target} HTTP/1.1\r\nHost: {address.authority}\r\nAccept: */*\r\n"
            f"{ranged}\r\n"
        )
        return await self._ask(address, head.encode())

    def close(self) -> None:
        """Hang up."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()

    async def _ask(self, address: Address, request: bytes) -> int:
        peer = (address.is_tls, address.host, address.port)
        if self._streams is not None and self._peer == peer:
            try:
                return await self._exchange(request)
            except FAILURES:
                # A kept connection that the server has closed meanwhile: once more on a new one.
                self.close()
        self.close()
        self._peer = peer
        context = ssl.create_default_context() if address.is_tls else None
        async with asyncio.timeout(TIMEOUT_SECONDS):
            self._streams = await asyncio.open_connection(address.host, address.port, ssl=context)
        try:
            return await self._exchange(request)
        except FAILURES:
            self.close()
            raise

    async def _exchange(self, request: bytes) -> int:
        assert self._streams is not None  # noqa: S101 - both callers have just looked
        reader, writer = self._streams
        writer.write(request)
        async with asyncio.timeout(TIMEOUT_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        words = first.split(" ", 2)
        if not first.startswith("HTTP/1.") or len(words) == 1 or not words[1].isdigit():
            raise BadResponse(f"no HTTP response: {first[:80]!r}")
        self._notice_length(lines)
        return int(words[1])

    def _notice_length(self, lines: list[str]) -> None:
        fields = {}
        for line in lines:
            name, _, value = line.partition(":")
            fields[name.strip().lower()] = value.strip()
        length = fields.get("content-length", "")
        self._left = int(length) if length.isdigit() else UNTIL_CLOSED
        self._is_chunked = fields.get("transfer-encoding", "").lower() == "chunked"

    async def chunks(self) -> AsyncIterator[bytes]:
        """The bytes of an answer as they come; a stall is a `TimeoutError`."""
        assert self._streams is not None  # noqa: S101 - an answer is being read
        reader = self._streams[0]
        while self._is_chunked or self._left:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                chunk = await (
                    self._next_chunk(reader) if self._is_chunked else self._read(reader)
                )
            if not chunk:
                return
            yield chunk

    async def _read(self, reader: asyncio.StreamReader) -> bytes:
        chunk = await reader.read(CHUNK if self._left < 0 else min(CHUNK, self._left))
        if self._left > 0:
            if not chunk:
                raise EOFError("the answer ended early")
            self._left -= len(chunk)
        return chunk

    async def _next_chunk(self, reader: asyncio.StreamReader) -> bytes:
        size = (await reader.readuntil(b"\r\n")).split(b";")[0].strip()
        try:
            length = int(size, 16)
        except ValueError as error:
            raise BadResponse(f"no chunk size: {size[:20]!r}") from error
        chunk = await reader.readexactly(length)
        await reader.readuntil(b"\r\n")
        self._left = 0
        return chunk
