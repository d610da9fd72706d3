"""A batch of check-ins on PostgreSQL: two round trips and one commit.

The first begins the transaction, takes the configuration's lock shared, and reads the epoch and,
locked in the order of their keys, the batch's nodes. The second writes what changed, if anything,
by one statement, and commits. Parameters travel as one text each: dumping lists to arrays costs
more than the rest.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson
import psycopg
from psycopg import errors

from oemupdates.domain.node import RAN, Node, ran
from oemupdates.models import FLATCAR, NodeCount
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
from oemupdates.services.postgres_line import Command, Line

T = TypeVar("T")

_FLATCAR = str(FLATCAR)
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
SELECT set_config('statement_timeout', '%d', false),
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
_COLUMNS = _list(READ).replace('"address"', "host(address)")
# Nodes of Flatcar itself are read, locked and marked as seen by one statement: most check-ins
# change nothing else. The array makes it an index scan in the order of machine ids, so that two
# batches lock what they share in the same order.
_SEE_NODES = f"""
UPDATE oemupdates_node
SET last_seen_at = GREATEST(last_seen_at, $1::timestamptz), check_in_count = check_in_count + 1
WHERE machine_id = ANY(string_to_array($2, ' ')) AND application = '{FLATCAR}'
RETURNING {_COLUMNS}
"""  # noqa: S608 - the names are ours
_READ_NODES = f"""
SELECT {_COLUMNS} FROM oemupdates_node
WHERE machine_id = ANY(string_to_array($1, ' ')) AND application <> '{FLATCAR}'
ORDER BY machine_id, application FOR NO KEY UPDATE
"""  # noqa: S608 - the names are ours
_READ_IDS = f"""
SELECT nextval(pg_get_serial_sequence('oemupdates_node', 'id'))
FROM generate_series(1, {_IDS})
"""  # noqa: S608 - the number is ours
_WRITE = f"""
WITH touched AS (
    UPDATE oemupdates_node
    SET last_seen_at = GREATEST(last_seen_at, %(at)s::timestamptz),
        check_in_count = check_in_count + 1
    WHERE id = ANY(string_to_array(%(touched)s, ',')::bigint[])
),
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


_PARAMETERS = (
    "at",
    "touched",
    "changed",
    "created",
    "intervals",
    "events",
    "answers",
    "budgets",
    "shard",
    "counts",
)
_NUMBERS = {name: f"${number}" for number, name in enumerate(_PARAMETERS, 1)}
_STATEMENTS = {
    "begin": "BEGIN",
    "lock": _LOCK,
    "configuration": _READ_CONFIGURATION,
    "see": _SEE_NODES,
    "nodes": _READ_NODES,
    "ids": _READ_IDS,
    "write": _WRITE % _NUMBERS,
    "commit": "COMMIT",
    "rollback": "ROLLBACK",
}


class PostgresStore:
    """One connection of a process to PostgreSQL, over which it takes its check-ins."""

    def __init__(self, *, timeout_seconds: float) -> None:
        self.timeout_seconds = timeout_seconds
        self.shard = os.getpid() % SHARDS + 1
        self._line: Line | None = None
        self._ids: deque[int] = deque()

    async def run(self, keys: Sequence[Key], decide: Callable[[Known], tuple[T, Writes]]) -> T:
        """Read, decide and write a batch; its result is returned once it has committed."""
        try:
            line = self._line = self._line or await self._open()
        except psycopg.Error as error:
            raise Unavailable(str(error)) from error
        # The server ends a statement that takes too long; this is for one that says nothing.
        loop = asyncio.get_running_loop()
        watchdog = loop.call_later(self.timeout_seconds * 2, line.hang_up)
        try:
            return await self._transact(line, keys, decide)
        except StaleConfiguration:
            await self._roll_back(line)
            raise
        except psycopg.Error as error:
            refusal = _refusal(error)
            if isinstance(refusal, Unavailable):
                await self.close()
            else:
                await self._roll_back(line)
            raise refusal from error
        except BaseException:
            await self.close()
            raise
        finally:
            watchdog.cancel()

    async def _transact(
        self, line: Line, keys: Sequence[Key], decide: Callable[[Known], tuple[T, Writes]]
    ) -> T:
        ours, others = _machine_ids(keys)
        at = datetime.now(UTC).isoformat().encode()
        asked: list[Command] = [("begin", ()), ("lock", ()), ("configuration", ())]
        asked.append(("see", (at, ours)))
        if others:
            asked.append(("nodes", (others,)))
        if len(self._ids) < len(keys):
            asked.append(("ids", ()))
        rows = dict(zip((name for name, _ in asked), await line.exchange(*asked), strict=True))
        self._ids.extend(number for (number,) in rows.get("ids", ()))
        ((epoch, budgets),) = rows["configuration"]
        seen = _nodes(rows["see"])
        under_way = {int(group): number for group, number in (budgets or {}).items()}
        known = Known(epoch, seen | _nodes(rows.get("nodes", ())), under_way, self._ids.popleft)
        result, writes = decide(known)
        written = _parameters(writes, {node.id for node in seen.values()}, self.shard)
        if written is None:
            await line.exchange(("commit", ()))
        else:
            await line.exchange(("write", written), ("commit", ()))
        return result

    async def _open(self) -> Line:
        timeout = int(self.timeout_seconds * 1000)
        return await Line.open(
            _STATEMENTS, session=_SESSION % timeout, timeout_seconds=self.timeout_seconds
        )

    async def _roll_back(self, line: Line) -> None:
        try:
            await line.exchange(("rollback", ()))
        except psycopg.Error:
            await self.close()

    async def close(self) -> None:
        """Give the connection up; the next batch makes another."""
        line, self._line = self._line, None
        if line is not None:
            await line.close()


_AGAIN = (errors.UniqueViolation, errors.DeadlockDetected, errors.SerializationFailure)


def _refusal(error: psycopg.Error) -> Exception:
    """What the database's refusal means: to decide again, a bad row, or no database."""
    if isinstance(error, errors.CheckViolation):
        # The budget's constraint: another process let nodes in since it was read.
        again = error.diag.constraint_name == "group_budget_limit_kept"
    else:
        again = isinstance(error, _AGAIN)
    if again:
        return Conflict(str(error))
    if isinstance(error, psycopg.DataError | psycopg.IntegrityError):
        return Unwritable(str(error))
    return Unavailable(str(error))


def _machine_ids(keys: Sequence[Key]) -> tuple[bytes, bytes]:
    """The machine ids of a batch, of Flatcar's own nodes and of all others, as statements want."""
    ours = {machine_id for machine_id, application in keys if application == _FLATCAR}
    others = {machine_id for machine_id, application in keys if application != _FLATCAR}
    return " ".join(sorted(ours)).encode(), " ".join(sorted(others)).encode()


def _nodes(rows: Iterable[Sequence[Any]]) -> dict[Key, Node]:
    nodes = {}
    for values in rows:
        node = object.__new__(Node)
        node.__dict__.update(zip(READ, values, strict=True))
        nodes[node.machine_id, node.application] = node
    return nodes


def _parameters(writes: Writes, seen: set[int], shard: int) -> list[bytes] | None:
    """The parameters of the statement that writes, in the order of `_PARAMETERS`.

    `seen` are the nodes that are marked as seen already; None when nothing else is to be written.
    """
    touched = [node_id for node_id in writes.touched if node_id not in seen]
    if writes.is_routine and not touched:
        return None
    values = {
        "at": writes.at.isoformat().encode(),
        "touched": ",".join(map(str, touched)).encode(),
        "shard": str(shard).encode(),
        "changed": _json(
            {"id": node.id, "times": times - (node.id in seen), **_values(node, WRITTEN)}
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
    return [values[name] for name in _PARAMETERS]


def _values(node: Node, names: Sequence[str]) -> dict[str, object]:
    values = node.__dict__
    return {name: values[name] for name in names}


def _json(rows: Iterable[object]) -> bytes:
    return orjson.dumps(list(rows))
