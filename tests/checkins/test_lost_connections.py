"""Check-ins whose connection to PostgreSQL is lost, under uvloop as in production."""

import asyncio
import os
import signal
import time
from datetime import UTC, datetime

import pytest
import uvloop
from django.db import connection

from oemupdates.models import FLATCAR
from oemupdates.services.checkins.checkins import Known, Unavailable, Writes
from oemupdates.services.checkins.store_postgres import PostgresStore

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no connection"),
    pytest.mark.timeout(60),
]
# More than a backend reads at once, so that some of it is unread when it ends.
KEYS = [(f"{number:032x}", str(FLATCAR)) for number in range(2000)]


async def look(store: PostgresStore) -> None:
    """Take a batch that writes nothing."""

    def decide(_: Known) -> tuple[None, Writes]:
        return None, Writes(datetime.now(UTC))

    await store.run(KEYS, decide)


async def backend_of(store: PostgresStore) -> int:
    """The process that serves the store's connection."""
    await look(store)
    assert store._line is not None
    return store._line._pgconn.backend_pid


class TestAConnection:
    def test_that_is_reset_with_a_request_unread_is_noticed_and_made_anew(self) -> None:
        async def story() -> float:
            store = PostgresStore(timeout_seconds=20)
            backend = await backend_of(store)
            os.kill(backend, signal.SIGSTOP)
            waiting = asyncio.create_task(look(store))
            await asyncio.sleep(0.2)  # it is sent, and nobody reads it
            os.kill(backend, signal.SIGTERM)
            os.kill(backend, signal.SIGCONT)
            time.sleep(0.5)
            began = time.monotonic()
            with pytest.raises(Unavailable):
                await waiting
            took = time.monotonic() - began
            await look(store)
            await store.close()
            return took

        assert uvloop.run(story()) < 15

    def test_that_falls_silent_is_given_up_in_time(self) -> None:
        async def story() -> float:
            store = PostgresStore(timeout_seconds=1)
            backend = await backend_of(store)
            os.kill(backend, signal.SIGSTOP)
            began = time.monotonic()
            try:
                with pytest.raises(Unavailable, match="said nothing"):
                    await look(store)
                took = time.monotonic() - began
                await look(store)
            finally:
                os.kill(backend, signal.SIGCONT)
            await store.close()
            return took

        assert 1.5 < uvloop.run(story()) < 15
