"""A batch of check-ins on PostgreSQL: two round trips and one commit.

The first begins the transaction, takes the configuration's lock shared, and reads the epoch and,
locked in order of their keys, the batch's nodes. The second writes everything by one statement and
commits. Parameters travel as one text each: dumping lists to arrays costs more than the rest.
"""

import asyncio
import itertools
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any, TypeVar

import orjson
import psycopg
from django.db import connections
from psycopg import errors

from oemupdates.domain.node import RAN, Node, ran
from oemupdates.models import NodeCount
from oemupdates.services.checkins import (
    READ,
    WRITTEN,
    Conflict,
    Key,
    Known,
    StaleConfiguration,
    Unavailable,
    Unwritable,
    Writes,
)
from oemupdates.services.configuration import LOCK

T = TypeVar("T")

_IDS = 512
# Shard 0 is the operators' verbs; the processes that take check-ins share the others.
SHARDS = 15

_TYPES = {
    "id": "bigint",
    "group_id": "bigint",
    "address": "inet",
    "offered_at": "timestamptz",
    "first_seen_at": "timestamptz",
    "last_seen_at": "timestamptz",
    "is_pxe": "boolean",
    "is_dark": "boolean",
    "is_archived": "boolean",
    "download_failures": "integer",
    "postinst_failures": "integer",
    "last_error_code": "integer",
    "times": "bigint",
}
_CREATED = ("id", "machine_id", "application", *WRITTEN, "first_seen_at")


def _record(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}" {_TYPES.get(name, "text")}' for name in names)


def _list(names: Sequence[str], prefix: str = "") -> str:
    return ", ".join(f'{prefix}"{name}"' for name in names)


_SESSION = """
SELECT set_config('statement_timeout', %s, false),
       set_config('idle_in_transaction_session_timeout', '30s', false),
       set_config('plan_cache_mode', 'force_generic_plan', false),
       -- The batch is small and the tables are not, whatever the planner knew when it planned.
       set_config('enable_seqscan', 'off', false),
       set_config('enable_bitmapscan', 'off', false),
       set_config('enable_hashjoin', 'off', false),
       set_config('enable_mergejoin', 'off', false),
       set_config('jit', 'off', false)
"""
_LOCK = f"SELECT pg_advisory_xact_lock_shared({LOCK})"
_READ_CONFIGURATION = """
SELECT epoch, (SELECT json_object_agg(group_id, under_way) FROM oemupdates_groupbudget)
FROM oemupdates_configuration WHERE id = 1
"""
_READ_NODES = f"""
SELECT {_list(READ).replace('"address"', "host(address)")} FROM oemupdates_node
WHERE machine_id = ANY(string_to_array(%s, ' '))
ORDER BY machine_id, application FOR NO KEY UPDATE
"""  # noqa: S608 - the names are ours
_READ_IDS = f"""
SELECT nextval(pg_get_serial_sequence('oemupdates_node', 'id'))
FROM generate_series(1, {_IDS})
"""  # noqa: S608 - the number is ours
_TOUCH = """
UPDATE oemupdates_node
SET last_seen_at = GREATEST(last_seen_at, %(at)s::timestamptz),
    check_in_count = check_in_count + 1
WHERE id = ANY(string_to_array(%(touched)s, ',')::bigint[])
"""
_WRITE = f"""
WITH touched AS ({_TOUCH}),
changed AS (
    UPDATE oemupdates_node AS node
    SET ({_list(WRITTEN)}) = ROW({_list(WRITTEN, "r.")}),
        check_in_count = node.check_in_count + r.times
    FROM json_to_recordset(%(changed)s::json)
        AS r({_record(("id", "times", *WRITTEN))})
    WHERE node.id = r.id
),
created AS (
    INSERT INTO oemupdates_node ({_list(_CREATED)}, name, is_held, held_because, held_by,
        check_in_count)
    SELECT {_list(_CREATED, "r.")}, '', false, '', '', r.times
    FROM json_to_recordset(%(created)s::json) AS r({_record(("times", *_CREATED))})
),
closed AS (
    UPDATE oemupdates_versioninterval AS one SET ended_at = r.at
    FROM json_to_recordset(%(intervals)s::json) AS r(node_id bigint, at timestamptz)
    WHERE one.node_id = r.node_id AND one.ended_at IS NULL
    RETURNING 1
),
opened AS (
    INSERT INTO oemupdates_versioninterval
        (node_id, version, oem, oem_version, oem_build, oem_basis, started_at)
    SELECT node_id, version, oem, oem_version, oem_build, oem_basis, at
    FROM json_to_recordset(%(intervals)s::json) AS r(node_id bigint, version text, oem text,
        oem_version text, oem_build text, oem_basis text, at timestamptz)
    -- Never more than one open interval a node: the old one is closed first.
    WHERE (SELECT count(*) FROM closed) >= 0
),
noted AS (
    INSERT INTO oemupdates_event (node_id, at, meaning, type, result, code, flags, version,
        previous_version, target_version, boot_id)
    SELECT * FROM json_to_recordset(%(events)s::json) AS r(node_id bigint, at timestamptz,
        meaning text, type integer, result integer, code integer, flags text, version text,
        previous_version text, target_version text, boot_id text)
),
answered AS (
    INSERT INTO oemupdates_answer (node_id, at, answer, reasons)
    SELECT * FROM json_to_recordset(%(answers)s::json)
        AS r(node_id bigint, at timestamptz, answer text, reasons text)
),
budgeted AS (
    -- -1 breaks a constraint: another process let nodes in since the budget was read.
    UPDATE oemupdates_groupbudget AS budget
    SET under_way = CASE
        WHEN r.delta > 0 AND budget.under_way + r.delta > r.most THEN -1
        ELSE GREATEST(budget.under_way + r.delta, 0) END
    FROM json_to_recordset(%(budgets)s::json) AS r(group_id bigint, delta integer, most integer)
    WHERE budget.group_id = r.group_id
)
INSERT INTO oemupdates_nodecount AS cell ({_list(NodeCount.CELL)}, shard, nodes)
SELECT {_list(NodeCount.CELL, "r.")}, %(shard)s::smallint, r.nodes
FROM json_to_recordset(%(counts)s::json)
    AS r("group" bigint, architecture text, version text, oem text, oem_version text,
        oem_build text, oem_basis text, state text, is_dark boolean, nodes bigint)
ON CONFLICT ({_list(NodeCount.CELL)}, shard) DO UPDATE SET nodes = cell.nodes + EXCLUDED.nodes
"""  # noqa: S608 - the names are ours


class PostgresStore:
    """One connection of a process to PostgreSQL, over which it takes its check-ins."""

    def __init__(self, *, timeout_seconds: float) -> None:
        self.timeout_seconds = timeout_seconds
        self.shard = os.getpid() % SHARDS + 1
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._pipeline: psycopg.AsyncPipeline | None = None
        self._stack = AsyncExitStack()
        self._ids: Iterator[int] = iter(())
        self._ids_left = 0

    async def run(self, keys: Sequence[Key], decide: Callable[[Known], tuple[T, Writes]]) -> T:
        """Read, decide and write a batch; its result is returned once it has committed."""
        connection = await self._connect()
        watchdog = asyncio.get_running_loop().call_later(
            # The server ends a statement that takes too long; this is for one that says nothing.
            self.timeout_seconds * 2,
            _hang_up,
            connection,
        )
        try:
            return await self._transact(connection, keys, decide)
        except StaleConfiguration:
            await self._roll_back()
            raise
        except (
            errors.UniqueViolation,
            errors.CheckViolation,
            errors.DeadlockDetected,
            errors.SerializationFailure,
        ) as error:
            await self._roll_back()
            raise _conflict(error) from error
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            await self._roll_back()
            raise Unwritable(str(error)) from error
        except psycopg.Error as error:
            await self.close()
            raise Unavailable(str(error)) from error
        except BaseException:
            await self.close()
            raise
        finally:
            watchdog.cancel()

    async def _transact(
        self,
        connection: psycopg.AsyncConnection[Any],
        keys: Sequence[Key],
        decide: Callable[[Known], tuple[T, Writes]],
    ) -> T:
        pipeline = self._pipeline
        assert pipeline is not None  # noqa: S101 - _connect made it
        new_ids = None
        machine_ids = " ".join(sorted({machine_id for machine_id, _ in keys}))
        await connection.execute("BEGIN")
        await connection.execute(_LOCK)
        configuration = await connection.execute(_READ_CONFIGURATION)
        nodes = await connection.execute(_READ_NODES, (machine_ids,))
        if self._ids_left < len(keys):
            new_ids = await connection.execute(_READ_IDS)
        await pipeline.sync()
        if new_ids is not None:
            fresh = [number for (number,) in await new_ids.fetchall()]
            self._ids = itertools.chain(self._ids, fresh)
            self._ids_left += len(fresh)
        epoch, budgets = (await configuration.fetchall())[0]
        found = {}
        for values in await nodes.fetchall():
            node = object.__new__(Node)
            node.__dict__.update(zip(READ, values, strict=True))
            found[node.machine_id, node.application] = node
        under_way = {int(group): number for group, number in (budgets or {}).items()}
        result, writes = decide(Known(epoch, found, under_way, self._next_id))
        if writes.is_routine:
            at, touched = writes.at, ",".join(map(str, writes.touched))
            await connection.execute(_TOUCH, {"at": at, "touched": touched})
        else:
            await connection.execute(_WRITE, _parameters(writes, self.shard))
        await connection.execute("COMMIT")
        await pipeline.sync()
        return result

    def _next_id(self) -> int:
        self._ids_left -= 1
        return next(self._ids)

    async def _connect(self) -> psycopg.AsyncConnection[Any]:
        if self._connection is not None and not self._connection.closed:
            return self._connection
        await self.close()
        try:
            self._connection = await psycopg.AsyncConnection.connect(
                **_connection_parameters(),
                autocommit=True,
                prepare_threshold=0,
                connect_timeout=max(2, int(self.timeout_seconds)),
            )
            timeout = str(int(self.timeout_seconds * 1000))
            await self._connection.execute(_SESSION, (timeout,))
            self._pipeline = await self._stack.enter_async_context(self._connection.pipeline())
        except psycopg.Error as error:
            await self.close()
            raise Unavailable(str(error)) from error
        return self._connection

    async def _roll_back(self) -> None:
        assert self._connection is not None  # noqa: S101 - called with a transaction open
        assert self._pipeline is not None  # noqa: S101
        try:
            await self._connection.execute("ROLLBACK", prepare=False)
            await self._pipeline.sync()
            # A rollback makes psycopg forget its prepared statements on both sides; the other side
            # must have heard of it before one is prepared anew.
            await self._connection.execute("SELECT 1", prepare=False)
            await self._pipeline.sync()
        except psycopg.Error:
            await self.close()

    async def close(self) -> None:
        """Give the connection up; the next batch makes another."""
        connection, self._connection, self._pipeline = self._connection, None, None
        if connection is None:
            return
        _hang_up(connection)
        with suppress(psycopg.Error):
            await self._stack.aclose()
        self._stack = AsyncExitStack()
        with suppress(psycopg.Error):
            await connection.close()


def _connection_parameters() -> dict[str, Any]:
    ours = {"cursor_factory", "context", "prepare_threshold", "pool", "server_side_binding"}
    given = connections["default"].get_connection_params()
    return {name: value for name, value in given.items() if name not in ours}


def _hang_up(connection: psycopg.AsyncConnection[Any]) -> None:
    """End a connection's socket, so that whoever waits on it hears of it at once."""
    # A duplicate: closing it leaves libpq's own descriptor, which the event loop watches.
    with (
        suppress(OSError, psycopg.Error),
        socket.socket(fileno=os.dup(connection.fileno())) as line,
    ):
        line.shutdown(socket.SHUT_RDWR)


def _conflict(error: psycopg.Error) -> Exception:
    """Whether deciding again can help: it does unless a row of the batch breaks a rule itself."""
    constraint = error.diag.constraint_name
    if isinstance(error, errors.CheckViolation) and constraint != "group_budget_limit_kept":
        return Unwritable(str(error))
    return Conflict(str(error))


def _parameters(writes: Writes, shard: int) -> dict[str, Any]:
    at = writes.at
    return {
        "at": at,
        "shard": shard,
        "touched": ",".join(map(str, writes.touched)),
        "changed": _json(
            {"id": node.id, "times": times, **_values(node, WRITTEN)}
            for node, times in writes.changed
        ),
        "created": _json(
            {"times": times, **_values(node, _CREATED)} for node, times in writes.created
        ),
        "intervals": _json(
            {
                "node_id": node.id,
                "at": node.last_seen_at,
                **dict(zip(RAN, ran(node), strict=True)),
            }
            for node in writes.intervals
        ),
        "events": _json(writes.events),
        "answers": _json(
            {
                "node_id": node.id,
                "at": node.last_seen_at,
                "answer": node.answer,
                "reasons": node.reasons,
            }
            for node in writes.answers
        ),
        "budgets": _json(
            {"group_id": group_id, "delta": delta, "most": most}
            for group_id, (delta, most) in writes.budgets.items()
        ),
        "counts": _json(
            {**dict(zip(NodeCount.CELL, values, strict=True)), "nodes": nodes}
            for values, nodes in sorted(writes.counts.items())
            if nodes
        ),
    }


def _values(node: Node, names: Sequence[str]) -> dict[str, object]:
    values = node.__dict__
    return {name: values[name] for name in names}


def _json(rows: Any) -> str:
    return orjson.dumps(list(rows)).decode()
