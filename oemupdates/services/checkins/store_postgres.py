"""A batch of check-ins on PostgreSQL: two round trips and one commit.

The first begins the transaction, takes the configuration's lock shared, and reads the epoch and,
locked in the order of their keys, the batch's nodes. The second writes what changed, if anything,
and commits.
"""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

import orjson
import psycopg
from psycopg import errors

from oemupdates.domain.node import RAN, Node
from oemupdates.models import FLATCAR, NodeCount
from oemupdates.services.checkins.checkins import (
    CREATED,
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
from oemupdates.services.checkins.kept import dump_said
from oemupdates.services.checkins.postgres_line import Command, Line
from oemupdates.services.checkins.postgres_statements import SESSION, STATEMENTS

T = TypeVar("T")

_FLATCAR = str(FLATCAR)
# Shard 0 is the operators' verbs; the processes that take check-ins share the others.
SHARDS = 15


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
        except (psycopg.Error, TimeoutError) as error:
            raise Unavailable(str(error) or "the database does not answer") from error
        # The server ends a statement that takes too long; this is for one that says nothing.
        line.watch(self.timeout_seconds * 2)
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
            line.unwatch()

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
        written = _commands(writes, {node.id for node in seen.values()}, self.shard)
        await line.exchange(*written, ("commit", ()))
        return result

    async def _open(self) -> Line:
        timeout = int(self.timeout_seconds * 1000)
        async with asyncio.timeout(self.timeout_seconds * 2):
            return await Line.open(
                STATEMENTS, session=SESSION % timeout, timeout_seconds=self.timeout_seconds
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


def _commands(writes: Writes, seen: set[int], shard: int) -> list[Command]:
    """What is to be written of a batch; `seen` are the nodes that are marked as seen already."""
    commands: list[Command] = []
    touched = ",".join(str(node_id) for node_id in writes.touched if node_id not in seen)
    if touched:
        commands.append(("touch", (writes.at.isoformat().encode(), touched.encode())))
    if writes.is_routine:
        return commands
    commands.extend((name, (orjson.dumps(rows),)) for name, rows in _rows(writes, seen) if rows)
    counts = [
        {**dict(zip(NodeCount.CELL, values, strict=True)), "nodes": nodes}
        for values, nodes in sorted(writes.counts.items())
        if nodes
    ]
    if counts:
        commands.append(("count", (orjson.dumps(counts), str(shard).encode())))
    return commands


def _rows(writes: Writes, seen: set[int]) -> Iterator[tuple[str, list[dict[str, object]]]]:
    """The rows of each statement, in the order of their locks."""
    yield (
        "change",
        [
            {"id": node.id, "times": times - (node.id in seen), **_values(node, WRITTEN)}
            for node, times in writes.changed
        ],
    )
    yield "create", [{"times": times, **_values(node, CREATED)} for node, times in writes.created]
    # Never more than one open interval a node: the old one is closed first.
    created = {node.id for node, _ in writes.created}
    starts = [
        {"node_id": node.id, "at": node.last_seen_at, **_values(node, RAN)}
        for node in writes.intervals
    ]
    yield "close", [start for start in starts if start["node_id"] not in created]
    yield "open", starts
    yield "close drift", [one._asdict() for one in writes.closed]
    yield "open drift", [one._asdict() for one in writes.opened]
    yield "note", writes.events
    yield (
        "answer",
        [
            {
                "node_id": node.id,
                "at": node.last_seen_at,
                **_values(node, ("answer", "reasons")),
                "said": dump_said(said),
            }
            for node, said in writes.answers
        ],
    )
    yield (
        "budget",
        [
            {"group_id": group_id, "delta": delta, "most": most}
            for group_id, (delta, most) in writes.budgets.items()
        ],
    )


def _values(node: Node, names: Sequence[str]) -> dict[str, object]:
    values = node.__dict__
    return {name: values[name] for name in names}
