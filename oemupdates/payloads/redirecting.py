"""Sending nodes on to the bucket, for what is known to be there; all else is sent from here.

What is known is read from the database every few seconds while somebody asks, by one thread for
all, and no request waits for it longer than a moment: bytes go out while the database is down.
"""

import asyncio
import logging

from django.conf import settings
from django.db import connection
from starlette.responses import Response

from oemupdates.services.hosting import bucket
from oemupdates.services.hosting.bucket import Shelf

logger = logging.getLogger(__name__)

# How old what is known may be, and how long a request waits for it.
FRESH_SECONDS, WAIT_SECONDS = 5.0, 1.0


class Links:
    """Where the payloads are that nodes ask one process for."""

    def __init__(self) -> None:
        self._shelf: Shelf | None = None
        self._read_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None

    async def find(self, place: str) -> str:
        """The URL of a payload in the bucket; empty if it is not known to be there."""
        if not settings.S3_BUCKET:
            return ""
        if not self._is_fresh():
            if self._reading is None or self._reading.done():
                self._reading = asyncio.create_task(self._read())
            await asyncio.wait({self._reading}, timeout=WAIT_SECONDS)
        return self._shelf.link(place) if self._shelf and self._is_fresh() else ""

    def _is_fresh(self) -> bool:
        return asyncio.get_running_loop().time() - self._read_at < FRESH_SECONDS

    async def _read(self) -> None:
        try:
            self._shelf = await asyncio.to_thread(_shelf_in_thread)
        except Exception:
            logger.exception("What is in the bucket is not known: payloads are sent from here")
            self._shelf = None
        self._read_at = asyncio.get_running_loop().time()


def redirect(url: str) -> Response:
    """The answer that sends a node on; it is good for that node and this moment alone."""
    return Response(status_code=302, headers={"location": url, "cache-control": "no-store"})


def _shelf_in_thread() -> Shelf | None:
    """Read it in a thread that does not keep its connection: the pool has few."""
    try:
        return bucket.shelf()
    finally:
        connection.close()
