"""`python -m bench.pages`: what every page costs in fleets of several sizes.

The fleets are made once and kept in a folder, so that anybody can look at one again:
`FLEET_DATA=<folder>/sqlite-1000000 python manage.py runfleet`.
"""

import argparse
import json
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg

from bench import database
from bench.page_report import PageTime, table
from bench.servers import environment, manage, postgres

SIZES = (20, 200, 100_000, 1_000_000)


def main() -> int:
    """Make the fleets that are missing, measure each, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    add = parser.add_argument
    add("--nodes", type=int, nargs="+", default=SIZES, help="sizes of the fleet")
    add("--keep", type=Path, required=True, help="the folder of the fleets")
    add("--sqlite", action="store_true", help="the embedded database, not PostgreSQL")
    add("--times", type=int, default=3, help="how often each page is asked, after the first time")
    add("--only-seed", action="store_true", help="make the fleets, and measure nothing")
    given = parser.parse_args()
    given.keep.mkdir(parents=True, exist_ok=True)
    found: dict[int, dict[str, PageTime]] = {}
    with _fleets(given.keep.absolute(), sorted(given.nodes), is_sqlite=given.sqlite) as fleets:
        for nodes, env in fleets.items():
            if not given.only_seed:
                found[nodes] = _measure(env, given.times)
    print("\n".join(table(found)))
    return 0


@contextmanager
def _fleets(
    keep: Path, sizes: Sequence[int], *, is_sqlite: bool
) -> Iterator[dict[int, dict[str, str]]]:
    """The environment of each fleet; what is not in the folder yet is made."""
    if is_sqlite:
        yield {nodes: _seeded(nodes, keep / f"sqlite-{nodes}", None) for nodes in sizes}
        return
    with postgres(keep) as server:
        yield {
            nodes: _seeded(nodes, keep / f"postgres-{nodes}", server.database(f"fleet_{nodes}"))
            for nodes in sizes
        }


def _seeded(nodes: int, folder: Path, url: str | None) -> dict[str, str]:
    folder.mkdir(exist_ok=True)
    # Nobody is told here that they ask too often.
    env = environment(url, folder) | {
        "FLEET_API_REQUESTS_A_MINUTE": "1000000000",
        "FLEET_METRICS_OPEN": "1",
        "FLEET_STYLE_GUIDE": "1",
        "FLEET_LOG_LEVEL": "CRITICAL",
    }
    done = folder / "seeded"
    if not done.exists():
        began = time.monotonic()
        if url:
            _create(url)
        manage("manage.py", "migrate", "--skip-checks", "--verbosity", "0", env=env)
        said = manage("-m", "bench.fleet", "--nodes", str(nodes), env=env).strip()
        done.write_text(f"{said}\n")
        print(f"{folder.name}: {said} ({time.monotonic() - began:.0f} s)", file=sys.stderr)
    # Code that is newer than the fleet may know more columns, and other scripts.
    manage("manage.py", "migrate", "--skip-checks", "--verbosity", "0", env=env)
    manage("manage.py", "collectstatic", "--noinput", "--verbosity", "0", env=env)
    return env


def _create(url: str) -> None:
    base, _, name = url.rpartition("/")
    with psycopg.connect(database.uri(f"{base}/postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
        connection.execute(f'CREATE DATABASE "{name}"'.encode())


def _measure(env: dict[str, str], times: int) -> dict[str, PageTime]:
    lines = manage("-m", "bench.page_times", "--times", str(times), env=env).splitlines()
    pages = [PageTime(**json.loads(line)) for line in lines]
    return {page.label: page for page in pages}


if __name__ == "__main__":
    logging.disable(logging.INFO)
    sys.exit(main())
