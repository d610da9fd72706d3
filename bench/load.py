"""A load of check-ins on any Omaha server by URL: `python -m bench.load --url URL`.

As light as Python can be, because it shares the machine with what it measures: bytes made before
the run, an asyncio protocol on uvloop, no headers parsed but the length.
"""

import argparse
import asyncio
import json
import resource
import sys
import threading
import time
from array import array
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

import uvloop

from bench.nodes import Deck, Mix, Mode, Sort, machine_id, new_name, shuffle

OK = "200"
NONE = "none"
STOP_SECONDS = 0.05
DRAIN_SECONDS = 10.0
RECONNECT_SECONDS = 0.05
TICK_SECONDS = 0.002


@dataclass(frozen=True, slots=True)
class Plan:
    """How one run goes. `rate` requests a second are sent come what may; 0 is a closed loop."""

    url: str
    nodes: int = 10_000
    mode: Mode = Mode.ROUTINE
    seconds: float = 5.0
    warm_up: float = 1.0
    connections: int = 64
    keeps_alive: bool = True
    rate: float = 0.0
    size: int = 60_000
    run: str = "run"
    mix: Mix = field(default_factory=Mix)


@dataclass(slots=True)
class Result:
    """What came of a run. Everything but the acknowledgements is about the measured window."""

    per_second: float = 0.0
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    statuses: dict[str, int] = field(default_factory=dict)
    acknowledged: dict[str, int] = field(default_factory=dict)
    distinct_known: int = 0
    own_cpu_us: float = 0.0
    answered: int = 0


class Load:
    """One run: a deck of requests, the connections that send them, and what came back."""

    def __init__(self, plan: Plan, deck: Deck) -> None:
        self.plan, self.deck = plan, deck
        self.statuses: Counter[str] = Counter()
        self.acknowledged: Counter[str] = Counter()
        self.known: set[int] = set()
        self.new: list[str] = []
        self.times = array("d")
        self.next = 0
        self.in_flight = 0
        self.is_over = False
        self.cpu = _own_cpu()
        self.begins = time.perf_counter() + plan.warm_up
        self.ends = self.begins + plan.seconds
        self.idle: deque[Client] = deque()
        self.overdue: deque[float] = deque()

    def take(self) -> int:
        """The number of the next request; the deck begins anew when it is through."""
        number = self.next
        self.next = number + 1
        self.in_flight += 1
        return number

    def answered(self, number: int, status: str, began: float) -> None:
        """Count an answer, and what it acknowledges."""
        now = time.perf_counter()
        self.in_flight -= 1
        if self.begins <= now < self.ends:
            self.statuses[status] += 1
            self.times.append(now - began)
        if status == OK:
            size = len(self.deck.sorts)
            sort = self.deck.sorts[number % size]
            # A node is new only once: later rounds through the deck are routine.
            self.acknowledged[sort if number < size else Sort.ROUTINE] += 1
            if sort is Sort.ROUTINE:
                self.known.add(self.deck.known[number % size])
            elif sort is Sort.NEW and number < size:
                self.new.append(machine_id(new_name(self.plan.run, number)))

    def result(self, own_cpu: float) -> Result:
        """The figures of the run."""
        times = sorted(self.times)
        count = len(times)
        ok = self.statuses[OK]
        return Result(
            per_second=ok / self.plan.seconds,
            p50_ms=times[count // 2] * 1000 if times else 0.0,
            p99_ms=times[min(int(count * 0.99), count - 1)] * 1000 if times else 0.0,
            statuses=dict(self.statuses),
            acknowledged=dict(self.acknowledged),
            distinct_known=len(self.known),
            own_cpu_us=own_cpu / max(sum(self.acknowledged.values()), 1) * 1e6,
            answered=sum(self.acknowledged.values()),
        )


class Client(asyncio.Protocol):
    """One connection: sends a request, waits for its answer, sends the next."""

    __slots__ = ("began", "buffer", "load", "number", "requests", "size", "transport")

    def __init__(self, load: Load) -> None:
        self.load = load
        self.requests = load.deck.requests
        self.size = len(self.requests)
        self.buffer = b""
        self.number = -1
        self.began = 0.0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send, or wait for a request that is due."""
        self.transport = transport  # type: ignore[assignment]  # a stream's transport
        self.go_on()

    def go_on(self) -> None:
        """Send the next request, if there is one to send."""
        load = self.load
        if load.is_over or self.transport is None:
            return
        if not load.plan.rate:
            self.send(time.perf_counter())
        elif load.overdue:
            self.send(load.overdue.popleft())
        else:
            load.idle.append(self)

    def send(self, began: float) -> None:
        """Send a request whose time counts from `began`."""
        assert self.transport is not None  # noqa: S101 - both callers have just looked
        self.number = self.load.take()
        self.began = began
        self.transport.write(self.requests[self.number % self.size])

    def data_received(self, data: bytes) -> None:
        """Take what came; go on once an answer is whole."""
        if self.buffer:
            data = self.buffer + data
        end = _end(data)
        if end < 0 or len(data) < end:
            self.buffer = data
            return
        self.buffer = b""
        number, self.number = self.number, -1
        self.load.answered(number, data[9:12].decode("latin-1"), self.began)
        if self.load.plan.keeps_alive:
            self.go_on()
        elif self.transport is not None:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Connect anew, unless the run is over; a request without an answer counts as none."""
        self.transport = None
        pause = 0.0
        if self.number >= 0:
            self.load.answered(self.number, NONE, self.began)
            pause = RECONNECT_SECONDS
        if not self.load.is_over:
            loop = asyncio.get_running_loop()
            loop.call_later(pause, lambda: loop.create_task(connect(self.load)))


def _end(data: bytes) -> int:
    """Where the first answer in these bytes ends; -1 when that cannot be told yet."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return -1
    head = data[: end + 2].lower()
    at = head.find(b"content-length:")
    if at >= 0:
        return end + 4 + int(head[at + 15 : head.index(b"\r", at)])
    is_over = b"chunked" in head and data.endswith(b"0\r\n\r\n")
    return len(data) if is_over else -1


async def connect(load: Load) -> None:
    """Open one connection; try again while nobody listens."""
    loop = asyncio.get_running_loop()
    parts = urlsplit(load.plan.url)
    while not load.is_over:
        try:
            await loop.create_connection(
                lambda: Client(load), parts.hostname or "", parts.port or 80
            )
        except OSError:
            load.statuses["refused"] += 1
            await asyncio.sleep(RECONNECT_SECONDS)
        else:
            return


async def _tick(load: Load) -> None:
    """Let requests fall due at the plan's rate, whether or not a connection is free."""
    began, sent = time.perf_counter(), 0
    while not load.is_over:
        now = time.perf_counter()
        due = int((now - began) * load.plan.rate)
        for number in range(sent, due):
            when = began + number / load.plan.rate
            if load.idle:
                load.idle.popleft().send(when)
            else:
                load.overdue.append(when)
        sent = max(sent, due)
        await asyncio.sleep(TICK_SECONDS)


async def play(plan: Plan, stop: threading.Event | None = None) -> Load:
    """Run a plan to its end or until told to stop, and to the last answer that was on its way."""
    deck = shuffle(plan.url, plan.nodes, plan.mode, size=plan.size, run=plan.run, mix=plan.mix)
    load = Load(plan, deck)
    tasks = [asyncio.create_task(connect(load)) for _ in range(plan.connections)]
    if plan.rate:
        tasks.append(asyncio.create_task(_tick(load)))
    while (left := load.ends - time.perf_counter()) > 0 and not (stop and stop.is_set()):
        await asyncio.sleep(min(left, STOP_SECONDS) if stop else left)
    load.is_over = True
    deadline = time.perf_counter() + DRAIN_SECONDS
    while load.in_flight and time.perf_counter() < deadline:
        await asyncio.sleep(0.01)
    for task in tasks:
        task.cancel()
    return load


async def run(plan: Plan) -> Result:
    """Run a plan, and sum it up."""
    load = await play(plan)
    return load.result(_own_cpu() - load.cpu)


def _own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def read_plan(arguments: list[str]) -> Plan:
    """The plan that a command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench.load", description=__doc__)
    add: Any = parser.add_argument
    add("--url", required=True, help="where to post: http://127.0.0.1:8000/v1/update")
    add("--nodes", type=int, default=10_000, help="how many nodes the server knows")
    add("--mode", type=Mode, choices=list(Mode), default=Mode.ROUTINE)
    add("--seconds", type=float, default=5.0, help="how long to measure")
    add("--warm-up", type=float, default=1.0, help="seconds before that")
    add("--connections", type=int, default=64)
    add("--close", action="store_true", help="a connection a request, as real nodes do")
    add("--rate", type=float, default=0.0, help="requests a second; 0: as many as answered")
    add("--size", type=int, default=60_000, help="requests made before the run")
    add("--run", default="run", help="another word makes other new nodes")
    add("--events", type=float, default=0.03, help="share of events")
    add("--new", type=float, default=0.02, help="share of nodes never seen before")
    given = parser.parse_args(arguments)
    if urlsplit(given.url).scheme != "http":
        parser.error("the load speaks plain http: measure behind the proxy, not through it")
    return Plan(
        url=given.url,
        nodes=given.nodes,
        mode=given.mode,
        seconds=given.seconds,
        warm_up=given.warm_up,
        connections=given.connections,
        keeps_alive=not given.close,
        rate=given.rate,
        size=given.size,
        run=given.run,
        mix=Mix(given.events, given.new),
    )


def main() -> None:
    """Run what the command line asks for, and print the result as JSON."""
    print(json.dumps(asdict(uvloop.run(run(read_plan(sys.argv[1:]))))))


if __name__ == "__main__":
    main()
