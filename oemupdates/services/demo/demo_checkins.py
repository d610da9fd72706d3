"""Check-ins of the demo fleet, at any time: what the update endpoint does, without a network."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import connection

from oemupdates.domain.checkin import CheckIn
from oemupdates.services.checkins import snapshot
from oemupdates.services.checkins.checkins import (
    Conflict,
    Known,
    StaleConfiguration,
    Unavailable,
    Verdict,
    Writes,
    key_of,
    take,
)
from oemupdates.services.checkins.snapshot import Snapshot
from oemupdates.services.checkins.store_postgres import PostgresStore
from oemupdates.services.checkins.store_sqlite import SqliteStore

_TRIES = 5


def check_in(batch: Sequence[CheckIn], at: datetime) -> None:
    """Take check-ins in one transaction, as if they had come at that moment.

    Raises `Unavailable` where the database cannot take them.
    """
    batch = sorted(batch, key=key_of)
    if not batch:
        return
    for _ in range(_TRIES):
        try:
            asyncio.run(_take(batch, snapshot.load(), at))
        except (StaleConfiguration, Conflict):
            continue
        return
    raise Unavailable("The demo's check-ins met others again and again.")


async def _take(batch: Sequence[CheckIn], known_as: Snapshot, at: datetime) -> None:
    kind = PostgresStore if connection.vendor == "postgresql" else SqliteStore
    store = kind(timeout_seconds=settings.CHECKIN_TIMEOUT_SECONDS)

    def decide(known: Known) -> tuple[list[Verdict], Writes]:
        return take(batch, known, known_as, at)

    try:
        await store.run([key_of(said) for said in batch], decide)
    finally:
        await store.close()
