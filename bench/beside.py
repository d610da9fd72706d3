"""What something costs those who check in: the same server with and without it, in turns."""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from statistics import median

from bench.__main__ import PRODUCT, Contestant, Options, empty_database, measure, seed
from bench.nodes import Mode
from bench.report import Measured
from bench.servers import ROOT, postgres, uvicorn

# What begins is not what goes on.
SETTLE_SECONDS = 3.0
START_SECONDS, END_SECONDS = 90, 30


def parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """What all of these benchmarks are asked."""
    made = argparse.ArgumentParser(prog=f"python -m {module}", description=description)
    add = made.add_argument
    add("--nodes", type=int, default=10_000)
    add("--rounds", type=int, default=4)
    add("--seconds", type=float, default=8.0)
    add("--rate", type=float, default=0.0, help="check-ins a second; 0: as many as answered")
    add("--sqlite", action="store_true", help="the embedded database, in one process")
    return made


def options_of(given: argparse.Namespace) -> Options:
    """What was asked, as rounds of check-ins take it."""
    return Options(
        nodes=[given.nodes],
        modes=[Mode.ROUTINE],
        rounds=given.rounds,
        seconds=given.seconds,
        connections=64,
        workers=1 if given.sqlite else 2,
        closes=False,
        rate=given.rate,
        sqlite=given.sqlite,
    )


@contextmanager
def serving(
    options: Options, name: str, more: Mapping[str, str], prepare: Callable[[dict[str, str]], None]
) -> Iterator[Contestant]:
    """The product over a seeded database, which is prepared before it serves."""
    with (
        tempfile.TemporaryDirectory(prefix="fleet-bench-") as folder,
        nullcontext() if options.sqlite else postgres() as ours,
    ):
        place, env = empty_database(ours, Path(folder), name)
        (nodes,) = options.nodes
        seed(env, nodes, Mode.ROUTINE)
        env |= more
        prepare(env)
        with uvicorn(PRODUCT, workers=options.workers, env=env) as server:
            pid = ours.pid if ours else None
            yield Contestant("check-ins", server, nodes, Mode.ROUTINE, place, pid)


@contextmanager
def busy(module: str, words: Sequence[str]) -> Iterator[None]:
    """A process beside what is done here; it says a line when it is there, and one at its end."""
    command = [sys.executable, "-m", module, *words]
    process = subprocess.Popen(  # noqa: S603 - our own command
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    if process.stdout is None or not json.loads(process.stdout.readline() or "{}"):
        raise RuntimeError(f"{module} did not begin")
    time.sleep(SETTLE_SECONDS)
    try:
        yield
    finally:
        said, _ = process.communicate("enough\n", timeout=END_SECONDS)
        print(f"  {module}: {said.strip()}", file=sys.stderr)


def in_turns(
    one: Contestant, options: Options, beside: Callable[[], AbstractContextManager[None]]
) -> tuple[list[Measured], list[Measured]]:
    """Rounds of check-ins alone, and of those beside something."""
    runs: dict[bool, list[Measured]] = {False: [], True: []}
    for number in range(options.rounds):
        for is_busy in (False, True) if number % 2 == 0 else (True, False):
            with beside() if is_busy else nullcontext():
                runs[is_busy].append(measure(one, options, f"{is_busy}-{number}"))
            print(f"{runs[is_busy][-1].line()}  beside: {is_busy}", file=sys.stderr)
    return runs[False], runs[True]


def report(alone: list[Measured], beside: list[Measured], what: str) -> list[str]:
    """What the check-ins of both cost, and the ratio."""
    lines = [
        "| check-ins | answers/s | p99 ms | CPU us of server + database an answer |",
        "| --- | --- | --- | --- |",
    ]
    for name, runs in (("alone", alone), (f"beside {what}", beside)):
        rate = median(run.result.per_second for run in runs)
        slowest = median(run.result.p99_ms for run in runs)
        lines.append(f"| {name} | {rate:.0f} | {slowest:.1f} | {_cost(runs):.0f} |")
    rates = [
        both.result.per_second / max(one.result.per_second, 1)
        for one, both in zip(alone, beside, strict=True)
    ]
    lines.append("")
    lines.append(f"rate beside {what} : alone = {median(rates):.3f}, round by round")
    lines.append(f"CPU an answer beside {what} : alone = {_cost(beside) / _cost(alone):.3f}")
    return lines


def _cost(runs: list[Measured]) -> float:
    return median((run.server_cpu + (run.database_cpu or 0.0)) * run.per_answer for run in runs)
