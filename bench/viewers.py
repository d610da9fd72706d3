"""`python -m bench.viewers`: what people who watch cost those who check in.

The same server takes check-ins with and without viewers, in alternating short rounds.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from statistics import median

from bench.__main__ import PRODUCT, Contestant, Options, empty_database, measure, seed
from bench.nodes import Mode
from bench.report import Measured
from bench.servers import ROOT, manage, postgres, uvicorn

# Streams are told one by one that something changed: until then they cost nothing.
SETTLE_SECONDS = 3.0


def main() -> int:
    """Measure in turns, and print the ratios."""
    parser = argparse.ArgumentParser(prog="python -m bench.viewers", description=__doc__)
    add = parser.add_argument
    add("--nodes", type=int, default=10_000)
    add("--viewers", type=int, default=300)
    add("--rounds", type=int, default=4)
    add("--seconds", type=float, default=8.0)
    add("--rate", type=float, default=0.0, help="check-ins a second; 0: as many as answered")
    add("--sqlite", action="store_true", help="the embedded database, in one process")
    given = parser.parse_args()
    options = Options(
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
    runs: dict[bool, list[Measured]] = {False: [], True: []}
    with _server(options, given.viewers) as (one, session):
        for number in range(given.rounds):
            for is_watched in (False, True) if number % 2 == 0 else (True, False):
                watching = viewers(one, session, given.viewers) if is_watched else nullcontext()
                with watching:
                    runs[is_watched].append(measure(one, options, f"{is_watched}-{number}"))
                print(f"{runs[is_watched][-1].line()}  watched: {is_watched}", file=sys.stderr)
    print("\n".join(report(runs[False], runs[True], given.viewers)))
    return 0


@contextmanager
def _server(options: Options, viewers: int) -> Iterator[tuple[Contestant, str]]:
    """The product over a seeded database, and the session of somebody who may watch."""
    with (
        tempfile.TemporaryDirectory(prefix="fleet-bench-") as folder,
        nullcontext() if options.sqlite else postgres() as ours,
    ):
        place, env = empty_database(ours, Path(folder), "bench_viewers")
        (nodes,) = options.nodes
        seed(env, nodes, Mode.ROUTINE)
        # All of them are one person here; hundreds of log-ins would measure the same.
        env |= {"FLEET_EVENT_STREAMS_MAX": "1000", "FLEET_EVENT_STREAMS_A_PERSON": str(viewers)}
        manage("manage.py", "collectstatic", "--noinput", "--verbosity", "0", env=env)
        session = manage("-m", "bench.session", env=env).strip()
        with uvicorn(PRODUCT, workers=options.workers, env=env) as server:
            pid = ours.pid if ours else None
            yield Contestant("check-ins", server, nodes, Mode.ROUTINE, place, pid), session


@contextmanager
def viewers(one: Contestant, session: str, number: int) -> Iterator[None]:
    """So many browsers beside what is done here."""
    command = [sys.executable, "-m", "bench.watching", "--url", one.server.url]
    command += ["--session", session, "--viewers", str(number)]
    process = subprocess.Popen(  # noqa: S603 - our own command
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    if process.stdout is None or not json.loads(process.stdout.readline() or "{}"):
        raise RuntimeError("the viewers did not come in")
    time.sleep(SETTLE_SECONDS)
    try:
        yield
    finally:
        said, _ = process.communicate("enough\n", timeout=30)
        print(f"  viewers: {said.strip()}", file=sys.stderr)


def report(alone: list[Measured], watched: list[Measured], number: int) -> list[str]:
    """What the check-ins of both cost, and the ratio."""
    lines = [
        "| check-ins | answers/s | p99 ms | CPU us of server + database an answer |",
        "| --- | --- | --- | --- |",
    ]
    for name, runs in (("alone", alone), (f"beside {number} viewers", watched)):
        rate = median(run.result.per_second for run in runs)
        slowest = median(run.result.p99_ms for run in runs)
        lines.append(f"| {name} | {rate:.0f} | {slowest:.1f} | {_cost(runs):.0f} |")
    rates = [
        beside.result.per_second / max(one.result.per_second, 1)
        for one, beside in zip(alone, watched, strict=True)
    ]
    lines.append("")
    lines.append(f"rate beside viewers : alone = {median(rates):.3f}, round by round")
    lines.append(f"CPU an answer beside viewers : alone = {_cost(watched) / _cost(alone):.3f}")
    return lines


def _cost(runs: list[Measured]) -> float:
    return median((run.server_cpu + (run.database_cpu or 0.0)) * run.per_answer for run in runs)


if __name__ == "__main__":
    sys.exit(main())
