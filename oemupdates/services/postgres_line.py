"""A connection to PostgreSQL that sends several prepared statements in one round trip.

psycopg's cursors cost, for each statement in a pipeline, about as much as deciding ten check-ins.
This is its connection without them: libpq's pipeline mode by psycopg's own generators, statements
prepared once, parameters as text.
"""

import os
import socket
from collections import deque
from collections.abc import Generator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Self

import psycopg
from django.db import connections
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.generators import fetch_many, pipeline_communicate
from psycopg.pq import ExecStatus

Parameters = Sequence[bytes | None]
Command = tuple[str, Parameters]
Rows = list[tuple[Any, ...]]


class Line:
    """One connection, and the statements that were prepared on it by name."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection
        self._transformer = Transformer(connection)

    @classmethod
    async def open(
        cls, statements: Mapping[str, str], *, session: str, timeout_seconds: float
    ) -> Self:
        """Connect, run `session`, and prepare the statements."""
        connection = await psycopg.AsyncConnection.connect(
            **_parameters(),
            autocommit=True,
            prepare_threshold=None,
            connect_timeout=max(2, int(timeout_seconds)),
        )
        line = cls(connection)
        try:
            await connection.execute(session)
            pgconn = connection.pgconn
            pgconn.enter_pipeline_mode()
            await line._send(
                [
                    partial(pgconn.send_prepare, name.encode(), statement.encode())
                    for name, statement in statements.items()
                ]
            )
        except BaseException:
            await line.close()
            raise
        return line

    async def exchange(self, *commands: Command) -> list[Rows]:
        """Run prepared statements in one round trip; the rows of each, in their order."""
        send = self._connection.pgconn.send_query_prepared
        return await self._send(
            [partial(send, name.encode(), parameters) for name, parameters in commands]
        )

    async def _send(self, commands: list[Any]) -> list[Rows]:
        results = await self._connection.wait(_talk(self._connection.pgconn, commands))
        for result in results:
            if result.status == ExecStatus.FATAL_ERROR:
                # What follows a failed statement is skipped, up to the end of the round trip.
                raise error_from_result(result, encoding=self._connection.info.encoding)
        return [self._rows(result) for result in results[: len(commands)]]

    def _rows(self, result: Any) -> Rows:
        if result.status != ExecStatus.TUPLES_OK:
            return []
        self._transformer.set_pgresult(result)
        return self._transformer.load_rows(0, result.ntuples, tuple)

    def hang_up(self) -> None:
        """End the socket at once, so that whoever waits on it hears of it."""
        # A duplicate: closing it leaves libpq's own descriptor, which the event loop watches.
        with (
            suppress(OSError, psycopg.Error),
            socket.socket(fileno=os.dup(self._connection.fileno())) as line,
        ):
            line.shutdown(socket.SHUT_RDWR)

    async def close(self) -> None:
        """End the connection; the server rolls back what was open."""
        self.hang_up()
        with suppress(psycopg.Error):
            await self._connection.close()


def _talk(pgconn: Any, commands: list[Any]) -> Generator[Any, Any, list[Any]]:
    """Send commands and the end of their round trip; the one result of each, and of the end."""
    expected = len(commands) + 1
    queue = deque([*commands, pgconn.pipeline_sync])
    fetched = yield from pipeline_communicate(pgconn, queue)
    while len(fetched) < expected:
        fetched.append((yield from fetch_many(pgconn)))
    return [results[-1] for results in fetched]


def _parameters() -> dict[str, Any]:
    """What Django connects with, without what only its own connections understand."""
    own = {"cursor_factory", "context", "prepare_threshold", "pool", "server_side_binding"}
    given = connections["default"].get_connection_params()
    return {name: value for name, value in given.items() if name not in own}
