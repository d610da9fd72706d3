"""The yardstick: an ASGI application that reads the body and returns fixed bytes."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]

_BODY = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<response protocol="3.0" server="oem-fleet">'
    b'<daystart elapsed_seconds="0"></daystart>'
    b'<app appid="{e96281a6-d1af-4bde-9a0a-97b76e56dc57}" status="ok"><ping status="ok"></ping>'
    b'<updatecheck status="noupdate" PollInterval="2700"></updatecheck>'
    b'<event status="ok"></event></app></response>\n'
)
_HEADERS = [
    (b"content-type", b"text/xml; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"content-length", str(len(_BODY)).encode()),
]


async def application(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Answer a request with what a routine check-in hears."""
    if scope["type"] != "http":
        return
    body = b""
    message: Message = {"more_body": True}
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _BODY})
