"""Counting what is sent, and what of it nodes took."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import replace
from typing import Any

from oemupdates.payloads.buffer import Buffer
from oemupdates.services.hosting import downloads
from oemupdates.services.hosting.downloads import Took
from oemupdates.telemetry import PAYLOAD_BYTES, PAYLOAD_REQUESTS

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# Beyond so many at once they are counted by payload alone.
_NODES_MAX = 5000


class Takings(Buffer[Took]):
    """Counts of what one process sent since they were last written."""

    def __init__(self) -> None:
        super().__init__(downloads.record, most=_NODES_MAX)

    def add(self, one: Took) -> None:
        """Count one request for a payload."""
        if not self.has_room(one):
            if one.is_in_vain:  # anybody can ask for names that there are not
                return
            one = replace(one, node=None, address="")
        super().add(one)


def counted(send: Send) -> Send:
    """Count what is sent, on its way."""

    async def count(message: MutableMapping[str, Any]) -> None:
        await send(message)
        if message["type"] == "http.response.start":
            PAYLOAD_REQUESTS.labels(message["status"]).inc()
        else:
            PAYLOAD_BYTES.inc(len(message.get("body", b"")))

    return count
