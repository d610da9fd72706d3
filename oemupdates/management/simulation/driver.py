"""Lets simulated nodes live against a real server: their clock, sped up, and their sockets."""

import asyncio
import contextlib
import heapq
import itertools
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from oemupdates.management.simulation.client import FAILURES, Connection
from oemupdates.management.simulation.step import (
    Digests,
    Fetch,
    Fetched,
    Heard,
    Node,
    Outcome,
    Post,
    Step,
    pretend,
)

RECENT = 2000


@dataclass(frozen=True, slots=True)
class Manner:
    """How the fleet is driven: `speed` seconds of a node's life pass in one of ours."""

    url: str
    speed: float = 1.0
    connections: int = 128
    keeps_alive: bool = False
    downloads: bool = False


@dataclass(slots=True)
class Tally:
    """What was sent and answered so far; `late` is by how much the last step missed its time."""

    posts: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    downloads: int = 0
    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=RECENT))
    late: float = 0.0

    def quantile(self, share: float) -> float:
        """An answer time in seconds that this share of the recent ones kept."""
        ordered = sorted(self.seconds)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0


class Driver:
    """Drives a fleet; made inside a running event loop."""

    def __init__(self, nodes: Sequence[Node], manner: Manner) -> None:
        self.manner = manner
        self.tally = Tally()
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._due: list[tuple[float, int, Node]] = []
        self._numbers = itertools.count()
        self._ready: asyncio.Queue[tuple[float, Node]] = asyncio.Queue()
        self._changed = asyncio.Event()
        self._alive = len(nodes)
        for node in nodes:
            self._plan(node, 0.0)

    @property
    def elapsed(self) -> float:
        """Seconds since the fleet was let loose, by our clock."""
        return self._loop.time() - self._began

    async def run(self) -> None:
        """Let the nodes live until cancelled, or until the last has fallen silent."""
        async with asyncio.TaskGroup() as group:
            workers = [group.create_task(self._work()) for _ in range(self.manner.connections)]
            await self._feed()
            for worker in workers:
                worker.cancel()

    def _plan(self, node: Node, since: float) -> None:
        if node.step is None:
            self._alive -= 1
        else:
            heapq.heappush(self._due, (since + node.step.wait, next(self._numbers), node))
        self._changed.set()

    async def _feed(self) -> None:
        """Hand each node to a worker when its time has come."""
        while self._alive:
            self._changed.clear()
            now = self.elapsed * self.manner.speed
            while self._due and self._due[0][0] <= now:
                due, _, node = heapq.heappop(self._due)
                self._ready.put_nowait((due, node))
            wait = (self._due[0][0] - now) / self.manner.speed if self._due else None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await self._changed.wait()

    async def _work(self) -> None:
        """Do one step after the other, of whichever node is next."""
        connection = Connection(keeps_alive=self.manner.keeps_alive)
        try:
            while True:
                due, node = await self._ready.get()
                self.tally.late = self.elapsed - due / self.manner.speed
                if node.step is not None:
                    node.take(await self._do(connection, node.step))
                self._plan(node, self.elapsed * self.manner.speed)
        finally:
            connection.close()

    async def _do(self, connection: Connection, step: Step) -> Outcome:
        if isinstance(step, Post):
            return await self._post(connection, step)
        if not self.manner.downloads:
            return pretend(step)
        try:
            return await self._fetch(connection, step)
        except FAILURES:
            return Fetched(None)
        finally:
            connection.close()

    async def _post(self, connection: Connection, post: Post) -> Heard:
        self.tally.posts[post.kind] += 1
        began = self._loop.time()
        try:
            status, body = await connection.post(self.manner.url, post.body)
        except FAILURES:
            connection.close()
            self.tally.statuses["none"] += 1
            return Heard(None)
        self.tally.seconds.append(self._loop.time() - began)
        self.tally.statuses[str(status)] += 1
        return Heard(status, body)

    async def _fetch(self, connection: Connection, fetch: Fetch) -> Fetched:
        self.tally.downloads += 1
        status = await connection.get(fetch.url, fetch.range)
        digests = Digests() if fetch.carried is None else fetch.carried.copy()
        async for chunk in connection.chunks():
            left = len(chunk) if fetch.stop is None else fetch.stop - digests.size
            digests.update(chunk[:left])
            if fetch.breaks_off and digests.size == fetch.stop:
                break
        return Fetched(status, digests)
