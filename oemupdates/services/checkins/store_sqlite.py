"""A batch of check-ins on SQLite: one write transaction, in a thread of its own.

One process owns the check-ins of an embedded server: two writers would wait for each other by
polling. `BEGIN IMMEDIATE` keeps every other writer out, a change of the configuration among them.
"""

import asyncio
import itertools
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from typing import TypeVar

from django.db import connections

from oemupdates.domain.node import RAN, Node, ran
from oemupdates.models import NodeCount
from oemupdates.services.checkins.checkins import (
    CREATED,
    READ,
    WRITTEN,
    Key,
    Known,
    StaleConfiguration,
    Unavailable,
    Unwritable,
    Writes,
    row,
)
from oemupdates.services.checkins.kept import dump_said

T = TypeVar("T")

_TIMES = (
    "offered_at",
    "held_until",
    "moved_until",
    "drift_at",
    "state_at",
    "doubled_at",
    "reset_at",
    "fallback_at",
    "boot_fetched_at",
    "first_seen_at",
    "last_seen_at",
)
_FLAGS = ("is_pxe", "is_dark", "is_archived", "is_held")
_SHARD = 1


def _list(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _marks(names: Sequence[str]) -> str:
    return ", ".join("?" * len(names))


_READ_NODES = f"SELECT {_list(READ)} FROM oemupdates_node WHERE machine_id IN (%s)"  # noqa: S608
_TOUCH = (
    "UPDATE oemupdates_node SET last_seen_at = max(last_seen_at, ?),"
    " check_in_count = check_in_count + 1 WHERE id = ?"
)
_CHANGE = (
    f"UPDATE oemupdates_node SET {', '.join(f'{name} = ?' for name in WRITTEN)},"  # noqa: S608
    " check_in_count = check_in_count + ? WHERE id = ?"
)
_CREATE = (
    f"INSERT INTO oemupdates_node ({_list(CREATED)}, name, is_held, held_because, held_by,"  # noqa: S608
    f" check_in_count) VALUES ({_marks(CREATED)}, '', 0, '', '', ?)"
)
_CLOSE = (
    "UPDATE oemupdates_versioninterval SET ended_at = ? WHERE node_id = ? AND ended_at IS NULL"
)
_OPEN = (
    f"INSERT INTO oemupdates_versioninterval (node_id, started_at, {_list(RAN)})"  # noqa: S608
    f" VALUES (?, ?, {_marks(RAN)})"
)
_CLOSE_DRIFT = (
    "UPDATE oemupdates_driftinterval SET closed_at = ?, closed_by = ?"
    " WHERE node_id = ? AND drift = ? AND closed_at IS NULL"
)
_OPEN_DRIFT = (
    "INSERT INTO oemupdates_driftinterval (node_id, drift, basis, opened_at) VALUES (?, ?, ?, ?)"
    " ON CONFLICT DO NOTHING"
)
_EVENT = (
    "node_id",
    "at",
    "meaning",
    "type",
    "result",
    "code",
    "flags",
    "version",
    "previous_version",
    "target_version",
    "boot_id",
)
_NOTE = f"INSERT INTO oemupdates_event ({_list(_EVENT)}) VALUES ({_marks(_EVENT)})"  # noqa: S608
_ANSWER = (
    "INSERT INTO oemupdates_answer (node_id, at, answer, reasons, said) VALUES (?, ?, ?, ?, ?)"
)
_COUNT = (
    f"INSERT INTO oemupdates_nodecount ({_list(NodeCount.CELL)}, shard, nodes)"  # noqa: S608
    f" VALUES ({_marks(NodeCount.CELL)}, {_SHARD}, ?)"
    f" ON CONFLICT ({_list(NodeCount.CELL)}, shard) DO UPDATE SET nodes = nodes + excluded.nodes"
)
_BUDGET = "UPDATE oemupdates_groupbudget SET under_way = max(under_way + ?, 0) WHERE group_id = ?"


class SqliteStore:
    """One connection of the one process to SQLite, over which it takes its check-ins."""

    def __init__(self, *, timeout_seconds: float) -> None:
        self.timeout_seconds = timeout_seconds
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="checkins")
        self._connection: sqlite3.Connection | None = None

    async def run(self, keys: Sequence[Key], decide: Callable[[Known], tuple[T, Writes]]) -> T:
        """Read, decide and write a batch; its result is returned once it has committed."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._run, keys, decide)

    def _run(self, keys: Sequence[Key], decide: Callable[[Known], tuple[T, Writes]]) -> T:
        try:
            connection = self._connect()
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise Unavailable(str(error)) from error
        try:
            result, writes = decide(_read(connection, keys))
            _write(connection, writes)
            connection.execute("COMMIT")
        except StaleConfiguration:
            connection.execute("ROLLBACK")
            raise
        except (sqlite3.IntegrityError, sqlite3.DataError, OverflowError) as error:
            connection.execute("ROLLBACK")
            raise Unwritable(str(error)) from error
        except sqlite3.Error as error:
            self._hang_up()
            raise Unavailable(str(error)) from error
        except BaseException:
            self._hang_up()
            raise
        return result

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = sqlite3.connect(
                str(connections["default"].settings_dict["NAME"]),
                timeout=self.timeout_seconds,
                isolation_level=None,
                check_same_thread=False,
                cached_statements=256,
            )
            self._connection.executescript(
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
                "PRAGMA temp_store=MEMORY; PRAGMA cache_size=-65536;"
            )
        return self._connection

    def _hang_up(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):
                connection.close()

    async def close(self) -> None:
        """Close the connection, after what its thread still does."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._hang_up)
        self._thread.shutdown(wait=False)


def _read(connection: sqlite3.Connection, keys: Sequence[Key]) -> Known:
    epoch = connection.execute(
        "SELECT epoch FROM oemupdates_configuration WHERE id = 1"
    ).fetchone()[0]
    budgets = connection.execute("SELECT group_id, under_way FROM oemupdates_groupbudget")
    machine_ids = sorted({machine_id for machine_id, _ in keys})
    nodes = {}
    for values in connection.execute(_READ_NODES % _marks(machine_ids), machine_ids):
        node = object.__new__(Node)
        node.__dict__.update(zip(READ, values, strict=True))
        for name in _TIMES:
            node.__dict__[name] = _time(node.__dict__[name])
        for name in _FLAGS:
            node.__dict__[name] = bool(node.__dict__[name])
        nodes[node.machine_id, node.application] = node
    # AUTOINCREMENT never gives a number twice, and nobody else writes now.
    last = connection.execute(
        "SELECT seq FROM sqlite_sequence WHERE name = 'oemupdates_node'"
    ).fetchone()
    ids = itertools.count((last[0] if last else 0) + 1)
    return Known(epoch, nodes, dict(budgets.fetchall()), ids.__next__)


def _write(connection: sqlite3.Connection, writes: Writes) -> None:
    at = _text(writes.at)
    connection.executemany(_TOUCH, [(at, node_id) for node_id in writes.touched])
    if writes.is_routine:
        return
    connection.executemany(
        _CHANGE, [(*_row(node, WRITTEN), times, node.id) for node, times in writes.changed]
    )
    connection.executemany(
        _CREATE, [(*_row(node, CREATED), times) for node, times in writes.created]
    )
    starts = [(_text(node.last_seen_at), node) for node in writes.intervals]
    connection.executemany(_CLOSE, [(start, node.id) for start, node in starts])
    connection.executemany(_OPEN, [(node.id, start, *ran(node)) for start, node in starts])
    connection.executemany(
        _CLOSE_DRIFT, [(_text(one.at), one.by, one.node_id, one.drift) for one in writes.closed]
    )
    connection.executemany(
        _OPEN_DRIFT, [(one.node_id, one.drift, one.basis, _text(one.at)) for one in writes.opened]
    )
    connection.executemany(
        _NOTE, [[_value(event[name]) for name in _EVENT] for event in writes.events]
    )
    connection.executemany(
        _ANSWER,
        [
            (node.id, _text(node.last_seen_at), node.answer, node.reasons, dump_said(said))
            for node, said in writes.answers
        ],
    )
    connection.executemany(
        _COUNT, [(*cell, number) for cell, number in writes.counts.items() if number]
    )
    connection.executemany(
        _BUDGET, [(delta, group_id) for group_id, (delta, _) in writes.budgets.items()]
    )


def _row(node: Node, names: Sequence[str]) -> list[object]:
    return [_value(value) for value in row(node, names)]


def _value(value: object) -> object:
    if isinstance(value, datetime):
        return _text(value)
    return str(value) if isinstance(value, str) else value


def _text(moment: datetime | None) -> str | None:
    """A time as Django stores it in SQLite: UTC, without saying so."""
    if moment is None:
        return None
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None
