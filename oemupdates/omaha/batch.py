"""Group commit: check-ins that arrive while a batch is committing make up the next batch.

Flushing as soon as the last commit has finished is the whole policy. Idle, a batch is one check-in
and costs one commit; under load batches grow by themselves. A check-in's future is resolved only
after its batch has committed.
"""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from oemupdates.domain.checkin import CheckIn
from oemupdates.domain.policy import MAX_POLL_SECONDS
from oemupdates.services.checkins.checkins import (
    Conflict,
    Key,
    Known,
    StaleConfiguration,
    Unavailable,
    Unwritable,
    Verdict,
    Writes,
    key_of,
    take,
)
from oemupdates.services.checkins.snapshot import Snapshot
from oemupdates.telemetry import CHECKIN_BATCH, CHECKIN_QUEUE, CHECKIN_SECONDS, OUTCOMES

T = TypeVar("T")
# A check-in, who waits for what it hears, and since when, on the event loop's clock.
Waiting = tuple[CheckIn, "asyncio.Future[Verdict]", float]

logger = logging.getLogger(__name__)

BATCH_MAX = 256
# Turns of the event loop between batches: whoever was just answered leaves, and what has arrived
# by now is read and joins the next batch. Under load that nearly doubles it, and a commit costs
# more than these turns; an idle server has none to wait for.
_TURNS = 4
_TRIES = 8
_CONFLICT_PAUSE_SECONDS = 0.005
# For how long nodes are asked to come less often after the queue was half full.
_STRAINED_SECONDS = 60.0
_STRAINED_FACTOR = 2


class Store(Protocol):
    """What takes a batch to the database."""

    async def run(self, keys: Sequence[Key], decide: Callable[[Known], tuple[T, Writes]]) -> T:
        """Read and lock the batch's nodes, decide, write, commit."""

    async def close(self) -> None:
        """Give up the connection."""


class Overloaded(Exception):
    """The queue is full: the node is to come again later."""


class Batcher:
    """Takes the check-ins of one process to its store, one batch after another."""

    def __init__(
        self, store: Store, load_snapshot: Callable[[], Snapshot], *, queue_max: int
    ) -> None:
        self._store = store
        self._load_snapshot = load_snapshot
        self._queue_max = queue_max
        self._queue: deque[Waiting] = deque()
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._strained_until = 0.0
        # Asking for it costs a system call each time.
        self._loop = asyncio.get_running_loop()
        self.snapshot: Snapshot | None = None

    def start(self) -> None:
        """Begin to take batches."""
        self._task = self._loop.create_task(self._run())

    async def stop(self) -> None:
        """Take what is queued, then end; a second call does nothing."""
        if self._stopping:
            return
        self._stopping = True
        self._arrived.set()
        if self._task is not None:
            await self._task
        await self._store.close()

    @property
    def is_full(self) -> bool:
        """Whether the next check-in would be turned away."""
        return len(self._queue) >= self._queue_max or self._stopping

    def submit(self, said: CheckIn) -> "asyncio.Future[Verdict]":
        """Queue a check-in; the future holds what it hears, once that is committed."""
        if self.is_full:
            raise Overloaded
        future: asyncio.Future[Verdict] = self._loop.create_future()
        self._queue.append((said, future, self._loop.time()))
        self._arrived.set()
        if len(self._queue) * 2 >= self._queue_max:
            self._strained_until = self._loop.time() + _STRAINED_SECONDS
        return future

    def poll_seconds(self, wanted: int) -> int:
        """The interval that nodes hear: the group's own, or longer while the queue is long."""
        if self._loop.time() < self._strained_until:
            return min(wanted * _STRAINED_FACTOR, MAX_POLL_SECONDS)
        return wanted

    async def fresh_snapshot(self) -> Snapshot:
        """The configuration as it is committed now, for who asks without checking in."""
        self.snapshot = await asyncio.to_thread(self._load_snapshot)
        return self.snapshot

    async def _run(self) -> None:
        while True:
            if not self._queue:
                if self._stopping:
                    return
                self._arrived.clear()
                await self._arrived.wait()
                continue
            for _ in range(_TURNS):
                await asyncio.sleep(0)
            size = min(len(self._queue), BATCH_MAX)
            await self._flush([self._queue.popleft() for _ in range(size)])

    async def _flush(self, batch: list[Waiting]) -> None:
        """Take one batch; whatever goes wrong, every future of it is resolved."""
        batch.sort(key=lambda waiting: key_of(waiting[0]))
        try:
            verdicts = await self._take([said for said, _, _ in batch])
        except Unwritable as error:
            await self._flush_apart(batch, error)
        except Unavailable as error:
            logger.warning("%d check-ins not taken: %s", len(batch), error)
            _fail(batch, error)
        except Exception as error:
            logger.exception("%d check-ins not taken", len(batch))
            _fail(batch, Unavailable(str(error)))
        else:
            for (_, future, _), verdict in zip(batch, verdicts, strict=True):
                if not future.done():
                    future.set_result(verdict)
            self._count(batch, verdicts)

    def _count(self, batch: list[Waiting], verdicts: list[Verdict]) -> None:
        """Count a batch at once: a check-in at a time would cost a hundredth of its rate."""
        now = self._loop.time()
        CHECKIN_SECONDS.observe_many([now - since for _, _, since in batch])
        CHECKIN_BATCH.observe(len(batch))
        CHECKIN_QUEUE.set(len(self._queue))
        counts: dict[str, int] = {}
        for verdict in verdicts:
            outcome = _outcome(verdict)
            counts[outcome] = counts.get(outcome, 0) + 1
        for outcome, number in counts.items():
            OUTCOMES[outcome].inc(number)

    async def _flush_apart(self, batch: list[Waiting], error: Unwritable) -> None:
        """Halve a batch that the database refused, until only the guilty check-in fails."""
        if len(batch) == 1:
            logger.error("A check-in cannot be stored: %s", error)
            _fail(batch, error)
            return
        half = len(batch) // 2
        await self._flush(batch[:half])
        await self._flush(batch[half:])

    async def _take(self, batch: list[CheckIn]) -> list[Verdict]:
        keys = [key_of(said) for said in batch]
        for attempt in range(_TRIES):
            try:
                snapshot = self.snapshot or await self.fresh_snapshot()
            except Exception as error:
                raise Unavailable(f"the configuration cannot be read: {error}") from error

            def decide(known: Known, now: Snapshot = snapshot) -> tuple[list[Verdict], Writes]:
                return take(batch, known, now, datetime.now(UTC))

            try:
                return await self._store.run(keys, decide)
            except StaleConfiguration:
                self.snapshot = None
            except Conflict as conflict:
                logger.debug("Deciding again: %s", conflict)
                pause = _CONFLICT_PAUSE_SECONDS * attempt
                await asyncio.sleep(random.uniform(0, pause))  # noqa: S311 - a jitter
        raise Unavailable("the batch met others again and again")


def _outcome(verdict: Verdict) -> str:
    """What a check-in came to, as it is counted."""
    if not verdict.application_is_known:
        return "unknown_application"
    if verdict.decision is None:
        return "noted"
    return "noupdate" if verdict.decision.release is None else "offer"


def _fail(batch: list[Waiting], error: Exception) -> None:
    for _, future, _ in batch:
        if not future.done():
            future.set_exception(error)
            future.exception()  # a client that hung up leaves nobody to retrieve it
