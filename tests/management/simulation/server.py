"""A server on this machine that says what a test tells it to, down to the byte."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Request:
    """One request as it came."""

    method: str
    target: str
    head: str
    body: bytes
    connection: int


@dataclass
class Server:
    """Where it listens, and what it was asked."""

    url: str = ""
    requests: list[Request] = field(default_factory=list)
    connections: int = 0


def answer(body: bytes, status: str = "200 OK", *fields: str) -> bytes:
    """A response with a length."""
    lines = "".join(f"{line}\r\n" for line in fields)
    head = f"HTTP/1.1 {status}\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@asynccontextmanager
async def serving(respond: Callable[[Request], bytes | None]) -> AsyncIterator[Server]:
    """Serve `respond`'s bytes as they are; None hangs up without a word."""
    server = Server()
    talks = set()

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.current_task())
        server.connections += 1
        number = server.connections
        try:
            while head := await _head(reader):
                length = next(
                    (
                        int(line.partition(":")[2])
                        for line in head.lower().split("\r\n")
                        if line.startswith("content-length:")
                    ),
                    0,
                )
                body = await reader.readexactly(length)
                method, target, _ = head.split(" ", 2)
                request = Request(method, target, head, body, number)
                server.requests.append(request)
                response = respond(request)
                if response is None:
                    return
                writer.write(response)
                if not re.search(rb"Content-Length: \d+\r\n", response):
                    return  # only hanging up ends such an answer
        finally:
            writer.close()

    listener = await asyncio.start_server(converse, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}/v1/update"
    async with listener:
        yield server
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


async def _head(reader: asyncio.StreamReader) -> str:
    try:
        return (await reader.readuntil(b"\r\n\r\n")).decode()
    except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
        return ""
