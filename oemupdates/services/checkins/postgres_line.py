"""A connection to PostgreSQL that sends several prepared statements in one round trip.

psycopg's cursors cost, for each statement in a pipeline, about as much as deciding ten check-ins,
and its waiting registers the socket with the event loop for each wait anew. This is its connection
without them: libpq's pipeline mode, one registration for all, statements prepared once, parameters
as text.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Self

import psycopg
from django.db import connections
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus

Parameters = Sequence[bytes | None]
Command = tuple[str, Parameters]
Rows = list[tuple[Any, ...]]

# How often a connection is looked at that the event loop says nothing of.
_LOOK_SECONDS = 1.0


class Line:
    """One connection, and the statements that were prepared on it by name."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection
        self._pgconn = connection.pgconn
        self._transformer = Transformer(connection)
        self._loop = asyncio.get_running_loop()
        # Kept, because libpq forgets it when the connection breaks.
        self._socket = connection.fileno()
        self._results: list[Any] = []
        self._answered: asyncio.Future[list[Any]] | None = None
        self._deadline = 0.0
        self._look_again: asyncio.TimerHandle | None = None

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
            line._loop.add_reader(line._socket, line._read)
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
        send = self._pgconn.send_query_prepared
        return await self._send(
            [partial(send, name.encode(), parameters) for name, parameters in commands]
        )

    async def _send(self, commands: list[Any]) -> list[Rows]:
        self._results = []
        self._answered = self._loop.create_future()
        for command in commands:
            command()
        self._pgconn.pipeline_sync()
        self._write()
        results = await self._answered
        for result in results:
            if result.status == ExecStatus.FATAL_ERROR:
                # What follows a failed statement is skipped, up to the end of the round trip.
                raise error_from_result(result, encoding=self._connection.info.encoding)
        return [self._rows(result) for result in results[: len(commands)]]

    def _write(self) -> None:
        """Send what waits to be sent, and go on whenever the socket takes more."""
        try:
            is_left = self._pgconn.flush()
        except psycopg.Error as error:
            self._fail(error)
            return
        if is_left:
            self._loop.add_writer(self._socket, self._write)
        else:
            self._loop.remove_writer(self._socket)

    def _read(self) -> None:
        """Take what came; the end of a round trip answers whoever waits for it."""
        try:
            self._pgconn.consume_input()
        except psycopg.Error as error:
            self._fail(error)
            return
        if self._answered is None or self._answered.done():
            return  # a notice, with nobody asking
        if self._take_results():
            self._answered.set_result(self._results)
        elif self._pgconn.status != ConnStatus.OK:
            self._fail(psycopg.OperationalError("the connection was lost"))

    def _take_results(self) -> bool:
        """Take the results that are here; whether the round trip's end is among them."""
        was_end = False
        while not self._pgconn.is_busy():
            result = self._pgconn.get_result()
            if result is None:
                if was_end:
                    break  # twice nothing: a broken connection has no more
                was_end = True  # of one command's results
                continue
            was_end = False
            self._results.append(result)
            if result.status == ExecStatus.PIPELINE_SYNC:
                return True
        return False

    def _fail(self, error: psycopg.Error) -> None:
        """The connection is lost: nothing more is heard on it."""
        self._forget_socket()
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(error)

    def _forget_socket(self) -> None:
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)

    def _rows(self, result: Any) -> Rows:
        if result.status != ExecStatus.TUPLES_OK:
            return []
        self._transformer.set_pgresult(result)
        return self._transformer.load_rows(0, result.ntuples, tuple)

    def watch(self, seconds: float) -> None:
        """Give up whoever waits when nothing is heard for so long; until `unwatch`.

        It looks by itself as well: of a socket that was reset while its last words were unread,
        uvloop tells the reader once, and never again.
        """
        self._deadline = self._loop.time() + seconds
        self._look_again = self._loop.call_later(_LOOK_SECONDS, self._look)

    def unwatch(self) -> None:
        """Stop to look."""
        if self._look_again is not None:
            self._look_again.cancel()

    def _look(self) -> None:
        if self._loop.time() >= self._deadline:
            self._fail(psycopg.OperationalError("the database said nothing for too long"))
            return
        self._look_again = self._loop.call_later(_LOOK_SECONDS, self._look)
        self._read()

    async def close(self) -> None:
        """End the connection; the server rolls back what was open."""
        self.unwatch()
        self._forget_socket()
        with suppress(psycopg.Error):
            await self._connection.close()


def _parameters() -> dict[str, Any]:
    """What Django connects with, without what only its own connections understand."""
    own = {"cursor_factory", "context", "prepare_threshold", "pool", "server_side_binding"}
    given = connections["default"].get_connection_params()
    return {name: value for name, value in given.items() if name not in own}
