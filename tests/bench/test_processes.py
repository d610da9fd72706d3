"""Real server processes under load that are killed, told to end, or lose their database."""

import asyncio
import contextlib
import http.client
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from bench import database, servers
from bench.accounting import family
from bench.load import Load, Plan, play
from bench.nodes import Mix, Mode, routine

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]
on_postgresql = connection.vendor == "postgresql"
postgresql = pytest.mark.skipif(
    not on_postgresql, reason="SQLite is in the process, and cannot go away"
)
# Long enough for a batch on a busy machine, short enough to wait for.
TIMEOUT_SECONDS = 2.0


@dataclass
class Fleet:
    """A server with a database of its own: `place` is where its rows can be counted."""

    place: str | Path
    env: dict[str, str]
    workers: int

    @contextlib.contextmanager
    def serving(self, port: int = 0) -> Iterator[servers.Server]:
        """Let it serve."""
        with servers.uvicorn(
            "fleet.asgi:application", workers=self.workers, env=self.env, port=port
        ) as server:
            yield server

    def missing(self, machines: list[str]) -> set[str]:
        """Which of these nodes have no row."""
        sql = "SELECT machine_id FROM oemupdates_node"
        if isinstance(self.place, Path):
            with sqlite3.connect(self.place) as file:
                rows = file.execute(sql).fetchall()
        else:
            with psycopg.connect(database.uri(self.place), autocommit=True) as line:
                rows = line.execute(sql).fetchall()
        return set(machines) - {machine for (machine,) in rows}


@contextlib.contextmanager
def fleet_on(url: str | None, folder: Path) -> Iterator[Fleet]:
    """A fresh database on this server, or in this folder."""
    place: str | Path = folder / "fleet.sqlite3"
    env = servers.environment(None, folder)
    if url is not None:
        place = url.rpartition("/")[0] + f"/hot_{os.getpid()}_{time.monotonic_ns()}"
        name = place.rpartition("/")[2]
        with psycopg.connect(database.uri(url), autocommit=True) as line:
            line.execute(f'CREATE DATABASE "{name}"'.encode())
        env = servers.environment(place, folder)
    env["FLEET_CHECKIN_TIMEOUT_SECONDS"] = str(TIMEOUT_SECONDS)
    servers.manage("manage.py", "migrate", "--skip-checks", "--verbosity", "0", env=env)
    yield Fleet(place, env, workers=1 if url is None else 2)
    if url is not None:
        with psycopg.connect(database.uri(url), autocommit=True) as line:
            line.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    url = os.environ["DATABASE_URL"] if on_postgresql else None
    with fleet_on(url, tmp_path_factory.mktemp("fleet")) as found:
        yield found


@contextlib.contextmanager
def under_load(fleet: Fleet, url: str) -> Iterator[list[Load]]:
    """Let a load run beside the block, from when it is taken until after it.

    What came of it is in the list. It lasts as long as the block does, however slow the machine.
    """
    before = database.look(fleet.place).nodes
    plan = Plan(
        url,
        nodes=200,
        seconds=120.0,
        warm_up=0.0,
        connections=16,
        size=20_000,
        run=f"load-{time.monotonic_ns()}",
        mix=Mix(0.1, 0.5),
    )
    played: list[Load] = []
    stop = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(lambda: asyncio.run(play(plan, stop)))
        try:
            while database.look(fleet.place).nodes < before + 100:
                assert not future.done(), future.result().statuses
                time.sleep(0.05)
            yield played
            time.sleep(1.0)
        finally:
            stop.set()
        played.append(future.result())


def check_in(server: servers.Server, number: int = 0) -> http.client.HTTPResponse:
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    line.request("POST", "/v1/update", routine(number, Mode.ROUTINE))
    answer = line.getresponse()
    answer.read()
    line.close()
    return answer


def wait_for_200(server: servers.Server, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError):
            if check_in(server).status == 200:
                return
        assert time.monotonic() < deadline, "it does not recover"
        time.sleep(0.1)


def kill(pid: int) -> None:
    """Kill a process and all it started, at once."""
    for member in family(pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(member, signal.SIGKILL)


class TestKilled:
    def test_at_any_moment_it_has_stored_all_that_it_acknowledged(self, fleet: Fleet) -> None:
        with fleet.serving() as server, under_load(fleet, server.url) as played:
            kill(server.pid)
            with fleet.serving(server.port) as again:
                wait_for_200(again)
        load = played[0]
        assert {"200"} < set(load.statuses), "nobody noticed that it was killed"
        assert len(load.new) > 50
        assert fleet.missing(load.new) == set()

    @postgresql
    def test_one_worker_of_two_is_replaced(self, fleet: Fleet) -> None:
        with fleet.serving() as server, under_load(fleet, server.url) as played:
            workers = family(server.pid)[1:]
            os.kill(max(workers), signal.SIGKILL)
            deadline = time.monotonic() + 30
            while set(family(server.pid)[1:]) <= set(workers) - {max(workers)}:
                assert time.monotonic() < deadline, "there is no new worker"
                time.sleep(0.1)
        assert fleet.missing(played[0].new) == set()


class TestToldToEnd:
    def test_it_takes_what_is_on_its_way_and_ends(self, fleet: Fleet) -> None:
        before = database.look(fleet.place)
        with fleet.serving() as server, under_load(fleet, server.url) as played:
            os.kill(server.pid, signal.SIGTERM)
            began = time.monotonic()
            os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)
            assert time.monotonic() - began < 15
        recorded = database.look(fleet.place).since(before)
        load = played[0]
        assert fleet.missing(load.new) == set()
        # An answer may be lost on its way, a record never.
        assert recorded.check_ins >= sum(load.acknowledged.values()) > 100


@contextlib.contextmanager
def frozen(fleet: Fleet) -> Iterator[None]:
    """Hold a lock that every check-in waits for."""
    if isinstance(fleet.place, Path):
        file = sqlite3.connect(fleet.place, isolation_level=None)
        file.execute("BEGIN IMMEDIATE")
        yield
        file.execute("ROLLBACK")
        file.close()
    else:
        with psycopg.connect(database.uri(fleet.place)) as line:
            line.execute("LOCK TABLE oemupdates_node IN ACCESS EXCLUSIVE MODE")
            yield


class TestAFrozenDatabase:
    def test_turns_nodes_away_in_time_and_takes_them_again_by_itself(self, fleet: Fleet) -> None:
        with fleet.serving() as server:
            wait_for_200(server)
            with frozen(fleet):
                began = time.monotonic()
                with ThreadPoolExecutor(20) as pool:
                    answers = list(pool.map(lambda number: check_in(server, number), range(20)))
                # The batch in flight, and the one that waited for it.
                assert time.monotonic() - began < 4 * TIMEOUT_SECONDS + 2
            assert {answer.status for answer in answers} == {503}
            waits = {int(answer.headers["Retry-After"]) for answer in answers}
            assert min(waits) >= 1
            assert len(waits) > 1, "they would all come back at once"
            wait_for_200(server, 10)


@contextlib.contextmanager
def away(fleet: Fleet) -> Iterator[None]:
    """End every connection to the database, and let none be made."""
    assert isinstance(fleet.place, str)
    name = fleet.place.rpartition("/")[2]
    with psycopg.connect(database.uri(os.environ["DATABASE_URL"]), autocommit=True) as line:
        line.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'.encode())
        line.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )
        yield
        line.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'.encode())


@postgresql
class TestADatabaseThatWentAway:
    def test_turns_nodes_away_and_takes_them_again_by_itself(self, fleet: Fleet) -> None:
        with fleet.serving() as server:
            for number in range(40):  # so that both workers have answered one
                assert check_in(server, number).status == 200
            with away(fleet):
                for number in range(10):
                    answer = check_in(server, number)
                    assert answer.status == 503
                    assert answer.headers["Retry-After"]
            wait_for_200(server, 10)
            assert {check_in(server, number).status for number in range(40)} == {200}

    def test_killed_it_has_kept_all_that_was_acknowledged(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("DATABASE_URL")
        with servers.postgres() as own, fleet_on(own.url, tmp_path) as fleet:
            assert own.pid is not None
            with fleet.serving() as server, under_load(fleet, server.url) as played:
                # One backend killed makes PostgreSQL end all of them and recover from its log.
                os.kill(_backend(fleet), signal.SIGKILL)
                wait_for_200(server)
            load = played[0]
            assert load.statuses["503"] > 0
            assert len(load.new) > 50
            assert fleet.missing(load.new) == set()


def _backend(fleet: Fleet) -> int:
    """One of the processes by which a database serves the fleet."""
    assert isinstance(fleet.place, str)
    with psycopg.connect(database.uri(fleet.place), autocommit=True) as line:
        row = line.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        ).fetchone()
    assert row is not None, "nobody is connected"
    return int(row[0])


class TestMany:
    def test_nodes_that_call_two_processes_at_once_are_stored_once(self, fleet: Fleet) -> None:
        before = database.look(fleet.place)
        with fleet.serving() as server:
            start = threading.Barrier(12)

            def call(_: int) -> int:
                start.wait()
                return max(check_in(server, number).status for number in range(5000, 5020))

            with ThreadPoolExecutor(12) as pool:
                assert set(pool.map(call, range(12))) == {200}
        recorded = database.look(fleet.place).since(before)
        assert (recorded.nodes, recorded.counted, recorded.check_ins) == (20, 20, 240)
