"""`python -m bench`: the product beside a bare ASGI application, in alternating short runs."""

import argparse
import json
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from bench import database
from bench.accounting import busy_seconds, cpu_seconds, web_megabytes
from bench.load import Result
from bench.nodes import Mode
from bench.report import BARE, Measured, Summary, summarise, table
from bench.servers import Postgres, Server, environment, manage, postgres, uvicorn

# PostgreSQL's backends hand in their statistics about once a second.
SETTLE_SECONDS = 1.5
PRODUCT = "fleet.asgi:application"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    nodes: Sequence[int]
    modes: Sequence[Mode]
    rounds: int
    seconds: float
    connections: int
    workers: int
    closes: bool
    rate: float
    sqlite: bool


@dataclass(frozen=True, slots=True)
class Contestant:
    """A server that takes part: with its database, unless it is the bare application."""

    name: str
    server: Server
    nodes: int
    mode: Mode = Mode.ROUTINE
    place: str | Path | None = None
    database_pid: int | None = None


def read_options(arguments: list[str]) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    add = parser.add_argument
    add("--nodes", type=int, nargs="+", default=[10_000, 1_000_000], help="sizes of the fleet")
    add("--modes", type=Mode, nargs="+", choices=list(Mode), default=list(Mode))
    add("--rounds", type=int, default=5, help="how often each server has its turn (default 5)")
    add("--seconds", type=float, default=5.0, help="how long a turn is measured (default 5)")
    add("--connections", type=int, default=64)
    add("--workers", type=int, default=2, help="processes of each server (default 2)")
    add("--close", action="store_true", help="a connection a request, as real nodes do")
    add("--rate", type=float, default=0.0, help="requests a second; 0: as many as answered")
    add("--sqlite", action="store_true", help="the embedded database, in one process")
    add("--quick", action="store_true", help="a minute that proves that it runs; figures are void")
    given = parser.parse_args(arguments)
    if given.quick:
        given.nodes, given.rounds, given.seconds = [2000], 2, 1.5
    return Options(
        nodes=given.nodes,
        modes=given.modes,
        rounds=given.rounds,
        seconds=given.seconds,
        connections=given.connections,
        workers=1 if given.sqlite else given.workers,
        closes=given.close,
        rate=given.rate,
        sqlite=given.sqlite,
    )


def seed(env: dict[str, str], nodes: int, mode: Mode) -> None:
    """Make the tables, and that many nodes."""
    began = time.monotonic()
    manage("manage.py", "migrate", "--skip-checks", "--verbosity", "0", env=env)
    said = manage("-m", "bench.seed", "--nodes", str(nodes), "--mode", mode, env=env).strip()
    _say(f"{mode}, {nodes}: {said}, seeded in {time.monotonic() - began:.0f} s")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@contextmanager
def contestants(options: Options, folder: Path) -> Iterator[list[Contestant]]:
    """Seed the databases, and start every server; idle ones cost nothing."""
    with ExitStack() as stack:
        env = environment(None, folder)
        bare = stack.enter_context(
            uvicorn("bench.bare:application", workers=options.workers, env=env)
        )
        found = [Contestant(BARE, bare, max(options.nodes))]
        ours = None if options.sqlite else stack.enter_context(postgres())
        for mode in options.modes:
            for nodes in options.nodes:
                name = f"{mode} {nodes}"
                place, env = empty_database(ours, folder, f"bench_{mode}_{nodes}")
                seed(env, nodes, mode)
                server = stack.enter_context(uvicorn(PRODUCT, workers=options.workers, env=env))
                pid = ours.pid if ours else None
                found.append(Contestant(name, server, nodes, mode, place, pid))
        yield found


def empty_database(
    server: Postgres | None, folder: Path, name: str
) -> tuple[str | Path, dict[str, str]]:
    """An empty database, and the environment that names it."""
    if server is None:
        data = folder / name
        data.mkdir()
        return data / "fleet.sqlite3", environment(None, data)
    with psycopg.connect(database.uri(server.url), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    url = server.database(name)
    return url, environment(url, folder)


def measure(one: Contestant, options: Options, run: str) -> Measured:
    """Give a contestant its turn."""
    before = None
    if one.place is not None:
        database.checkpoint(one.place)
        before = database.look(one.place)
    meter = _Meter(one)
    result = _load(one, options, run)
    server, backend, others = meter.read()
    if one.place is None or before is None:
        return Measured(one.name, result, server, others_percent=others)
    time.sleep(SETTLE_SECONDS)
    recorded = database.look(one.place).since(before)
    known = backend if one.database_pid else None
    return Measured(one.name, result, server, known, recorded, others)


class _Meter:
    """CPU time since it was made: of the server, of its database, and of everybody else."""

    def __init__(self, one: Contestant) -> None:
        self.one = one
        self.began, self.before = time.monotonic(), self._look()

    def _look(self) -> tuple[float, float, float, float]:
        load = resource.getrusage(resource.RUSAGE_CHILDREN)
        pid = self.one.database_pid
        return (
            cpu_seconds(self.one.server.pid),
            cpu_seconds(pid) if pid else 0.0,
            load.ru_utime + load.ru_stime,
            busy_seconds(),
        )

    def read(self) -> tuple[float, float, float]:
        """Seconds of the server and of the database; what share of the machine others had."""
        now = self._look()
        server, backend, load, busy = (a - b for a, b in zip(now, self.before, strict=True))
        machine = (time.monotonic() - self.began) * (os.cpu_count() or 1)
        return server, backend, max(0.0, 100 * (busy - server - backend - load) / machine)


def _load(one: Contestant, options: Options, run: str) -> Result:
    arguments = [
        *("-m", "bench.load", "--url", one.server.url, "--nodes", str(one.nodes)),
        *("--mode", one.mode, "--seconds", str(options.seconds), "--run", run),
        *("--connections", str(options.connections), "--rate", str(options.rate)),
    ]
    if options.closes:
        arguments.append("--close")
    return Result(**json.loads(manage(*arguments)))


def compete(options: Options) -> list[Summary]:
    """Let everybody have a turn in every round; the order changes from round to round."""
    with (
        tempfile.TemporaryDirectory(prefix="fleet-bench-") as folder,
        contestants(options, Path(folder)) as everybody,
    ):
        runs: dict[str, list[Measured]] = {one.name: [] for one in everybody}
        for number in range(options.rounds):
            _say(f"round {number + 1} of {options.rounds}")
            for one in everybody if number % 2 == 0 else reversed(everybody):
                runs[one.name].append(measure(one, options, f"{one.name}-{number}"))
                _say(f"  {runs[one.name][-1].line()}")
        memory = {one.name: web_megabytes(one.server.pid) for one in everybody}
    return [summarise(found, runs[BARE], megabytes=memory[name]) for name, found in runs.items()]


def compare(summaries: Sequence[Summary]) -> list[str]:
    """The ratios that the targets are about."""
    rates = {one.name: one.per_second for one in summaries}
    lines = []
    for name, rate in rates.items():
        mode, _, nodes = name.partition(" ")
        smallest = min(
            (other for other in rates if other.startswith(f"{mode} ")),
            key=lambda other: int(other.rpartition(" ")[2]),
            default=name,
        )
        if smallest != name:
            lines.append(f"{name} : {smallest} = {rate / rates[smallest]:.2f}")
        routine = f"{Mode.ROUTINE} {nodes}"
        if mode == Mode.LIMIT and routine in rates:
            lines.append(f"{name} : {routine} = {rate / rates[routine]:.2f}")
    return lines


def main() -> int:
    """Measure, and print a table; fails when an acknowledged check-in was not recorded."""
    # Told to end, it still ends what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    summaries = compete(read_options(sys.argv[1:]))
    print(table(summaries))
    print()
    print("\n".join(compare(summaries)))
    lost = [
        one.name
        for one in summaries
        if one.recorded is not None and one.recorded < one.acknowledged
    ]
    if lost:
        _say(f"acknowledged and not recorded: {', '.join(lost)}")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
