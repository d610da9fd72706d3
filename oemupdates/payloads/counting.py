"""What nodes took, on its way to the database: counted in memory, written every few seconds.

No download waits for the database, and check-ins have no part in it. A crash loses what was
counted since the last write, `FLUSH_SECONDS` at most, and whatever was still being sent.
"""

import asyncio
import logging
from dataclasses import replace

from django.db import connection

from oemupdates.services import downloads
from oemupdates.services.downloads import Took

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 2.0
# Beyond so many at once they are counted by payload alone.
_NODES_MAX = 5000


class Takings:
    """Counts of what one process sent since they were last written."""

    def __init__(self) -> None:
        self._counts: dict[downloads.Key, Took] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, took: Took) -> None:
        """Count one request for a payload."""
        if took.key not in self._counts and len(self._counts) >= _NODES_MAX:
            if took.is_in_vain:  # anybody can ask for names that there are not
                return
            took = replace(took, node=None, address="")
        known = self._counts.get(took.key)
        self._counts[took.key] = known.joined(took) if known else took
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._flush_later())

    async def stop(self) -> None:
        """Write the last counts, then end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.flush()

    async def flush(self) -> None:
        """Write what is counted; what cannot be written is dropped, with a line in the log."""
        counts, self._counts = self._counts, {}
        if not counts:
            return
        try:
            await asyncio.to_thread(_record_in_thread, list(counts.values()))
        except Exception:
            logger.exception("%d counts of downloads not written", len(counts))

    async def _flush_later(self) -> None:
        while self._counts:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()


def _record_in_thread(counts: list[Took]) -> None:
    """Write counts in a thread that does not keep its connection: the pool has few."""
    try:
        downloads.record(counts)
    finally:
        connection.close()
