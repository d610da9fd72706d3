"""What was seen of nodes, on its way to the database: kept in memory, written every few seconds.

No request waits for that, and check-ins have no part in it. A crash loses what was seen since the
last write, `FLUSH_SECONDS` at most.
"""

import asyncio
import logging
from collections.abc import Callable, Hashable
from typing import Generic, Protocol, Self, TypeVar

from oemupdates.services.shared import connections

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 2.0


class Seen(Protocol):
    """One thing that was seen; `key` says what it is joined with that is not written yet."""

    @property
    def key(self) -> Hashable: ...  # noqa: D102

    def joined(self, later: Self, /) -> Self: ...  # noqa: D102


T = TypeVar("T", bound=Seen)


class Buffer(Generic[T]):
    """Of one process, what was seen since it was last written; `most` of it, by key."""

    def __init__(self, write: Callable[[list[T]], None], *, most: int) -> None:
        self._write, self._most = write, most
        self._seen: dict[Hashable, T] = {}
        self._task: asyncio.Task[None] | None = None

    def has_room(self, one: T) -> bool:
        """Whether something would be kept."""
        return one.key in self._seen or len(self._seen) < self._most

    def add(self, one: T) -> None:
        """Keep something until it is written."""
        known = self._seen.get(one.key)
        self._seen[one.key] = known.joined(one) if known else one
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._flush_later())

    async def stop(self) -> None:
        """Write the last of it, then end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self.flush()

    async def flush(self) -> None:
        """Write what there is; what cannot be written is dropped, with a line in the log."""
        seen, self._seen = self._seen, {}
        if not seen:
            return
        try:
            await asyncio.to_thread(self._write_in_thread, list(seen.values()))
        except Exception:
            logger.exception("%s: %d not written", type(self).__name__, len(seen))

    async def _flush_later(self) -> None:
        while self._seen:
            await asyncio.sleep(FLUSH_SECONDS)
            await self.flush()

    def _write_in_thread(self, seen: list[T]) -> None:
        """Write in a thread, whose connection is given back."""
        try:
            self._write(seen)
        finally:
            connections.give_back()
