"""Looking up at once what many ask within a moment.

systemd-sysupdate does not mind a tenth of a second. A thread for each of those who ask takes turns
with the loop that answers check-ins, which costs more than what it looks up.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from oemupdates.services.shared import connections

TOGETHER_SECONDS = 0.1
Q = TypeVar("Q")
A = TypeVar("A")


class TooMany(Exception):
    """More wait than can be answered in time."""


class Together(Generic[Q, A]):
    """Questions to one process, of which `most` may wait; `look` answers some in their order."""

    def __init__(self, look: Callable[[Sequence[Q]], list[A]], *, most: int) -> None:
        self._look, self._most = look, most
        self._waiting = 0
        self._asked: list[Q] = []
        self._batch: asyncio.Task[list[A]] | None = None

    async def ask(self, question: Q) -> A:
        """The answer to a question; raises `TooMany`, or what looking it up raises."""
        if self._waiting >= self._most:
            raise TooMany
        if self._batch is None:
            self._asked = []
            self._batch = asyncio.create_task(self._answer(self._asked))
        place, batch = len(self._asked), self._batch
        self._asked.append(question)
        self._waiting += 1
        try:
            # Whoever hangs up takes nobody else's answer along.
            return (await asyncio.shield(batch))[place]
        finally:
            self._waiting -= 1

    async def _answer(self, asked: list[Q]) -> list[A]:
        await asyncio.sleep(TOGETHER_SECONDS)
        self._batch = None  # who asks from now on is of the next
        return await asyncio.to_thread(self._look_in_thread, asked)

    def _look_in_thread(self, asked: Sequence[Q]) -> list[A]:
        try:
            return self._look(asked)
        finally:
            connections.give_back()
