"""The other senders on the same endpoint: PXE nodes and update servers that mirror a channel."""

from random import Random

from oemupdates.management.simulation.request import Facts
from oemupdates.management.simulation.step import Acts, Kind, Node

SECOND_WORD_SECONDS = 41 * 60
SYNC_SECONDS = 3600
DAY = 24 * 3600


class PxeNode(Node):
    """A diskless node: it speaks twice after each boot, and has nothing to update."""

    def __init__(self, facts: Facts, rng: Random, *, first_wait: tuple[float, float]) -> None:
        self.first_wait = first_wait
        super().__init__(facts, rng)

    def _live(self) -> Acts[None]:
        wait = self.rng.uniform(*self.first_wait)
        while True:
            yield from self._post(wait, Kind.STUB)
            yield from self._post(SECOND_WORD_SECONDS, Kind.STUB)
            wait = self.rng.uniform(DAY, 3 * DAY)
            self.facts.boot_id = self.boot_id()


class Syncer(Node):
    """Another update server: it asks for floors and target together, and is no node."""

    def _live(self) -> Acts[None]:
        wait = self.rng.uniform(0, 60)
        while True:
            yield from self._post(wait, Kind.SYNC)
            wait = SYNC_SECONDS
