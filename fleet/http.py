"""uvicorn's HTTP protocol with two changes: `--http fleet.http:Protocol`.

uvicorn writes a response's head and body apart, and its event loop sends each write at once: two
system calls and two packets where a check-in's answer fits into one. And it waits for each request
to end before it tells the application that the server ends: event streams would not.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Joining:
    """A transport that sends two writes that follow each other at once as one."""

    __slots__ = ("_first", "_loop", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._first = b""

    def write(self, data: bytes) -> None:
        """Send together with what was written just now, else keep it for what is written next."""
        if self._first:
            self._first, data = b"", self._first + data
            self._transport.write(data)
        else:
            self._first = data
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Send what waited for another write in vain."""
        first, self._first = self._first, b""
        if first and not self._transport.is_closing():
            self._transport.write(first)

    def close(self) -> None:
        """Close, once everything is sent."""
        self.flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Protocol(HttpToolsProtocol):
    """A connection whose responses leave in one piece, and whose streams end with the server."""

    def connection_made(self, transport: Any) -> None:
        """Take a connection."""
        super().connection_made(Joining(transport, self.loop))  # type: ignore[arg-type]

    def shutdown(self) -> None:
        """End with the server: finish what is under way, and let streams finish."""
        drain = self.app_state.get("drain")
        if drain is not None:
            drain()
        super().shutdown()
