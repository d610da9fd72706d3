"""One look at the database for everybody: a poller a process, which tells all its streams.

Nobody watching, nothing is asked. A look may take a fiftieth of the time at most: one that takes
longer is followed by a longer pause, so that viewers never weigh on check-ins.
"""

import asyncio
import logging
import random
from collections import Counter, deque
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Any

from oemupdates.services.news.changes import Changes, Lookout, NodeFacts
from oemupdates.services.news.feed import Entry
from oemupdates.services.news.viewers import Claim, Viewer
from oemupdates.stream import topics
from oemupdates.telemetry import STREAMS

logger = logging.getLogger(__name__)

TICK_SECONDS = 2.0
REVIEW_SECONDS = 15.0
# Entries that are kept for streams that are slow to take them.
KEPT = 1000
_SHARE = 50
# Pages ask anew when they hear that the fleet changed, and it always does: together they hear so
# no more than this often a second.
_TOLD_PER_SECOND = 4


class TooMany(Exception):
    """No further stream is taken; the text says why."""


class Stream:
    """One listener: what it has yet to hear, however slow it is, stays small."""

    def __init__(self, claim: Claim, viewer: Viewer, about: frozenset[str]) -> None:
        self.claim, self.viewer, self.topics = claim, viewer, about
        self.nodes = frozenset(topics.keys(about, topics.NODE))
        self.groups = frozenset(topics.keys(about, topics.GROUP))
        self.wake = asyncio.Event()
        self.ended = False
        # Where it is in the hub's entries.
        self.position = 0
        self.changed: dict[str, dict[str, Any]] = {}
        self._calm_until = 0.0
        self._alarm: asyncio.TimerHandle | None = None

    def tell(self, topic: str, delay: float = 0.0, **values: Any) -> None:
        """Let it hear that something changed; what it has not heard yet is replaced.

        With a delay it hears so later, and then for twice as long no more.
        """
        now = datetime.now(UTC).isoformat()
        self.changed[topic] = {"topic": topic, "at": now, **values}
        if not delay:
            self.wake.set()
        elif self._alarm is None:
            loop = asyncio.get_running_loop()
            at = max(loop.time(), self._calm_until)
            at += random.uniform(0, delay)  # noqa: S311 - so that pages do not ask all at once
            self._calm_until = at + delay
            self._alarm = loop.call_at(at, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self.wake.set()

    def end(self) -> None:
        """Let it hear the rest, and no more."""
        self.ended = True
        if self._alarm is not None:
            self._alarm.cancel()
        self.wake.set()


class Hub:
    """The streams of one process, and the poller that feeds them."""

    def __init__(
        self,
        lookout: Callable[[], Lookout],
        admit: Callable[[Collection[Claim]], dict[Claim, Viewer]],
        *,
        most: int,
        most_a_person: int,
    ) -> None:
        self._lookout, self._admit = lookout, admit
        self._most, self._most_a_person = most, most_a_person
        self._streams: set[Stream] = set()
        self._looking = lookout()
        self._entries: deque[Entry] = deque(maxlen=KEPT)
        self._end = 0
        self._task: asyncio.Task[None] | None = None
        self._draining = False
        self.looked = asyncio.Event()
        self.tick_seconds = TICK_SECONDS
        self.review_seconds = REVIEW_SECONDS

    def __len__(self) -> int:
        return len(self._streams)

    def join(self, stream: Stream) -> None:
        """Begin to feed a stream, from now on; `TooMany` where there is no room for it."""
        if self._draining or len(self._streams) >= self._most:
            raise TooMany("This server has as many streams as it takes.")
        people = Counter(other.viewer.operator for other in self._streams)
        if people[stream.viewer.operator] >= self._most_a_person:
            raise TooMany("You have as many streams open as one person may have.")
        stream.position = self._end
        self._streams.add(stream)
        STREAMS.set(len(self._streams))
        if self._task is None:
            self._looking = self._lookout()
            self._task = asyncio.get_running_loop().create_task(self._run())

    def leave(self, stream: Stream) -> None:
        """Forget a stream."""
        stream.end()
        self._streams.discard(stream)
        STREAMS.set(len(self._streams))

    @property
    def newest(self) -> int:
        """The last activity that was seen; streams are fed with what comes after it."""
        return self._looking.tail.last or 0

    def take(self, stream: Stream) -> list[Entry] | None:
        """The entries that a stream has yet to hear; None if some of them are gone."""
        missed = self._end - stream.position
        if missed > len(self._entries):
            return None
        stream.position = self._end
        fresh = list(self._entries)[len(self._entries) - missed :] if missed else []
        return [entry for entry in fresh if entry.is_for(stream.viewer)]

    def drain(self) -> None:
        """End every stream, and take no more: the server is about to end."""
        self._draining = True
        for stream in self._streams:
            stream.end()

    async def stop(self) -> None:
        """End with the server."""
        self.drain()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        review_at = loop.time() + self.review_seconds
        try:
            while self._streams and not self._draining:
                began = loop.time()
                await self._tick()
                if loop.time() >= review_at:
                    await self._review()
                    review_at = loop.time() + self.review_seconds
                took = loop.time() - began
                await asyncio.sleep(max(self.tick_seconds, took * _SHARE))
        finally:
            self._task = None
            self.looked.clear()

    async def _tick(self) -> None:
        nodes = frozenset[int]().union(*(stream.nodes for stream in self._streams))
        try:
            changes = await asyncio.to_thread(self._looking.look, nodes)
        except Exception:
            logger.exception("The streams could not look at the database")
            return
        self._entries.extend(changes.entries)
        self._end += len(changes.entries)
        self.looked.set()
        spacing = max(self.tick_seconds / 2, len(self._streams) / _TOLD_PER_SECOND / 2)
        for stream in self._streams:
            _tell(stream, changes, spacing)

    async def _review(self) -> None:
        """End the streams of those who may not listen any more, and mind what became of a role."""
        claims = {stream.claim for stream in self._streams}
        try:
            admitted = await asyncio.to_thread(self._admit, claims)
        except Exception:
            logger.exception("The streams could not ask who may listen")
            return
        for stream in self._streams:
            if stream.claim not in claims:
                continue  # it came while we asked
            viewer = admitted.get(stream.claim)
            if viewer is None:
                stream.end()
            else:
                stream.viewer = viewer


def _tell(stream: Stream, changes: Changes, spacing: float) -> None:
    """Let a stream hear what it listens to, as far as its viewer may."""
    reach = stream.viewer.reach
    covered = {group for group in changes.groups if reach.covers(group or None)}
    if topics.OVERVIEW in stream.topics and covered:
        nodes = sum(
            number
            for group, number in changes.nodes_by_group.items()
            if reach.covers(group or None)
        )
        stream.tell(topics.OVERVIEW, spacing, nodes=nodes)
    for group in stream.groups & covered:
        number = changes.nodes_by_group.get(group, 0)
        stream.tell(f"{topics.GROUP}:{group}", spacing, nodes=number)
    for key in stream.nodes & changes.nodes.keys():
        facts = changes.nodes[key]
        if reach.covers(facts.group_id):
            stream.tell(f"{topics.NODE}:{key}", **_shown(facts))
    if topics.ACTIVITY in stream.topics:
        heard = [entry.id for entry in changes.entries if entry.is_for(stream.viewer)]
        if heard:
            stream.tell(topics.ACTIVITY, id=heard[-1])


def _shown(facts: NodeFacts) -> dict[str, Any]:
    return {
        "state": facts.state,
        "last_seen_at": facts.last_seen_at.isoformat(),
        "is_dark": facts.is_dark,
    }
