"""A simulated fleet driven through the door, step by step, by its nodes' own clocks."""

import heapq
import itertools
from collections.abc import Iterable
from pathlib import Path

from oemupdates.management.simulation.step import (
    Digests,
    Fetch,
    Fetched,
    Heard,
    Node,
    Post,
    Step,
    pretend,
)
from oemupdates.models import Channel
from oemupdates.services.releases.releases import Source, import_release
from tests.domain.payload_maker import make_payload
from tests.omaha.door import Door

HERE = "http://testserver"


def publish(folder: Path, version: str, channel: Channel, names: Iterable[str]) -> None:
    """Import a release whose files are small, differ from each other, and are hosted here."""
    directory = folder / version
    directory.mkdir()
    for name in names:
        (directory / name).write_bytes(make_payload(f"{version}/{name}".encode() * 20))
    import_release(Source(directory, version), channel=channel, by=None)


class Fleet:
    """Nodes on their way through time; `until` lets them live up to a second of it."""

    def __init__(self, door: Door, nodes: Iterable[Node]) -> None:
        self.door = door
        self._numbers = itertools.count()
        self._due: list[tuple[float, int, Node]] = []
        for node in nodes:
            self._plan(node, 0.0)

    def until(self, second: float) -> None:
        """Do every step that is due before a second of the fleet's life."""
        while self._due and self._due[0][0] < second:
            due, _, node = heapq.heappop(self._due)
            assert node.step is not None
            node.take(self._do(node.step))
            self._plan(node, due)

    def _plan(self, node: Node, since: float) -> None:
        if node.step is not None:
            heapq.heappush(self._due, (since + node.step.wait, next(self._numbers), node))

    def _do(self, step: Step) -> Heard | Fetched:
        if isinstance(step, Post):
            answer = self.door.post(step.body)
            return Heard(answer.status, answer.body)
        return self._fetch(step)

    def _fetch(self, fetch: Fetch) -> Fetched:
        if not fetch.url.startswith(HERE):
            return pretend(fetch)
        path = fetch.url.removeprefix(HERE)
        headers = [("range", fetch.range)] if fetch.range else []
        answer = self.door.get(path, *headers)
        digests = fetch.carried.copy() if fetch.carried else Digests()
        digests.update(answer.body)
        return Fetched(answer.status, digests)
