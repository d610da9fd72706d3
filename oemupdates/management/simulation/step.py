"""What a simulated node does next, and what it is told of it: the seam to sockets and clocks."""

import hashlib
from collections.abc import Generator
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import TypeVar

from oemupdates.management.simulation import request
from oemupdates.management.simulation.answer import Package
from oemupdates.management.simulation.request import Facts

OK, PARTIAL_CONTENT = 200, 206


class Kind(StrEnum):
    """What a request is, for counts."""

    CHECK = "check"
    PING = "ping"
    EVENT = "event"
    STUB = "stub"
    SYNC = "sync"


@dataclass(frozen=True, slots=True)
class Post:
    """A request to the update server, `wait` seconds of the node's time after the last step."""

    wait: float
    kind: Kind
    facts: Facts
    parts: tuple[str, ...] = ()

    @property
    def body(self) -> bytes:
        """The bytes to send, written from what the node is at that moment."""
        if self.kind is Kind.STUB:
            return request.stub(self.facts)
        if self.kind is Kind.SYNC:
            return request.syncer(self.facts)
        return request.stock(self.facts, *self.parts)


@dataclass(frozen=True, slots=True)
class Heard:
    """The answer to a `Post`; no status is no HTTP answer at all."""

    status: int | None
    body: bytes = b""


@dataclass(slots=True)
class Digests:
    """Both digests of what was downloaded so far; a resumed download goes on with them."""

    sha1: "hashlib._Hash" = field(
        default_factory=lambda: hashlib.sha1(usedforsecurity=False),
    )
    sha256: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    size: int = 0

    def update(self, chunk: bytes) -> None:
        """Take the next bytes in."""
        self.sha1.update(chunk)
        self.sha256.update(chunk)
        self.size += len(chunk)

    def copy(self) -> "Digests":
        """The same so far, to go on from."""
        return Digests(self.sha1.copy(), self.sha256.copy(), self.size)

    def match(self, package: Package) -> bool:
        """Whether these are the package's bytes, by every hash that the offer names."""
        return package.sha1 in {"", self.sha1.hexdigest()} and package.sha256 in {
            "",
            self.sha256.hexdigest(),
        }


@dataclass(frozen=True, slots=True)
class Fetch:
    """A payload download: from `start` up to `stop`, hung up there when `breaks_off`.

    `carried` are the digests of the bytes before `start`.
    """

    wait: float
    url: str
    package: Package
    start: int = 0
    stop: int | None = None
    breaks_off: bool = False
    carried: Digests | None = None

    @property
    def range(self) -> str:
        """The Range header, empty for a download of the whole."""
        if self.breaks_off or (self.start == 0 and self.stop is None):
            return ""
        last = "" if self.stop is None else str(self.stop - 1)
        return f"bytes={self.start}-{last}"


@dataclass(frozen=True, slots=True)
class Fetched:
    """How a download ended. No digests: it was only pretended, and is taken as good."""

    status: int | None
    digests: Digests | None = None

    def is_good(self, fetch: Fetch) -> bool:
        """Whether the bytes asked for arrived; a range that was ignored is an error."""
        return self.status == (PARTIAL_CONTENT if fetch.range else OK)


Step = Post | Fetch
Outcome = Heard | Fetched
T = TypeVar("T")
Acts = Generator[Step, Outcome, T]


def pretend(fetch: Fetch) -> Fetched:
    """A download that goes well without a byte being sent."""
    return Fetched(PARTIAL_CONTENT if fetch.range else OK)


class Node:
    """One sender: `step` is what it does next, and None when it never speaks again.

    `clock` counts the node's own seconds; nothing here looks at the time of day.
    """

    def __init__(self, facts: Facts, rng: Random) -> None:
        self.facts = facts
        self.rng = rng
        self.clock = 0.0
        self._acts = self._live()
        self.step: Step | None = next(self._acts)

    def take(self, outcome: Outcome) -> None:
        """Learn how the step went, and make up its mind about the next."""
        try:
            self.step = self._acts.send(outcome)
        except StopIteration:
            self.step = None

    def _live(self) -> Acts[None]:
        """The node's life, step by step."""
        raise NotImplementedError

    def _post(self, wait: float, kind: Kind, *parts: str) -> Acts[Heard]:
        self.clock += wait
        outcome = yield Post(wait, kind, self.facts, parts)
        if not isinstance(outcome, Heard):
            raise TypeError("a post is answered by what was heard")
        return outcome

    def _fetch(self, fetch: Fetch) -> Acts[Fetched]:
        self.clock += fetch.wait
        outcome = yield fetch
        if not isinstance(outcome, Fetched):
            raise TypeError("a fetch is answered by what was fetched")
        return outcome

    def boot_id(self) -> str:
        """A new boot id, as the kernel makes one."""
        bits = f"{self.rng.getrandbits(128):032x}"
        return f"{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-a{bits[17:20]}-{bits[20:]}"
