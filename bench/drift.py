"""`python -m bench.drift`: what measuring a whole fleet again takes, and costs check-ins.

The same server takes check-ins alone and beside passes over all nodes, in alternating rounds; each
pass follows a change of the configuration.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bench.__main__ import PRODUCT, Contestant, Options, empty_database, measure, seed
from bench.nodes import Mode
from bench.report import Measured
from bench.servers import ROOT, manage, postgres, uvicorn


def main() -> int:
    """Measure in turns, and print the ratio and how long passes took."""
    parser = argparse.ArgumentParser(prog="python -m bench.drift", description=__doc__)
    add = parser.add_argument
    add("--nodes", type=int, default=1_000_000)
    add("--rounds", type=int, default=3)
    add("--seconds", type=float, default=10.0)
    add("--changing", action="store_true", help="one more pass alone, which changes many nodes")
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
        rate=0.0,
        sqlite=given.sqlite,
    )
    runs: dict[bool, list[Measured]] = {False: [], True: []}
    with (
        TemporaryDirectory(prefix="fleet-bench-") as folder,
        nullcontext() if options.sqlite else postgres() as ours,
    ):
        place, env = empty_database(ours, Path(folder), "bench_drift")
        seed(env, given.nodes, Mode.ROUTINE)
        for how in ([], ["--changing"]) if given.changing else ([],):
            alone = json.loads(manage("-m", "bench.passes", "--once", *how, env=env))
            print(
                f"a pass alone: {alone['seconds']:.1f} s for {alone['nodes']} nodes,"
                f" {alone['changed']} changed",
                flush=True,
            )
        with uvicorn(PRODUCT, workers=options.workers, env=env) as server:
            one = Contestant(
                "check-ins", server, given.nodes, Mode.ROUTINE, place, ours.pid if ours else None
            )
            for number in range(given.rounds):
                for is_beside in (False, True) if number % 2 == 0 else (True, False):
                    with passes(env) if is_beside else nullcontext():
                        runs[is_beside].append(measure(one, options, f"{is_beside}-{number}"))
    rates = {
        beside: median(run.result.per_second for run in found) for beside, found in runs.items()
    }
    print(f"check-ins alone {rates[False]:.0f}/s, beside passes {rates[True]:.0f}/s")
    print(f"beside passes : alone = {rates[True] / rates[False]:.3f}")
    return 0


@contextmanager
def passes(env: dict[str, str]) -> Iterator[None]:
    """Passes one after another, beside what is done here."""
    command = [sys.executable, "-m", "bench.passes"]
    process = subprocess.Popen(  # noqa: S603 - our own command
        command, cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    time.sleep(2.0)
    try:
        yield
    finally:
        said, _ = process.communicate("enough\n", timeout=600)
        print(f"  passes: {said.strip()}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
