"""Making the update endpoint at a server's start, and draining it at its end."""

import gc

from django.conf import settings
from django.db import connection

from oemupdates.omaha.batch import Batcher, Store
from oemupdates.omaha.endpoint import UpdateEndpoint
from oemupdates.omaha.rejections import Rejections
from oemupdates.services.checkins.snapshot import Snapshot, load
from oemupdates.services.checkins.store_postgres import PostgresStore
from oemupdates.services.checkins.store_sqlite import SqliteStore


def load_in_thread() -> Snapshot:
    """Load the configuration in a thread that does not keep its connection."""
    try:
        return load()
    finally:
        connection.close()


class UpdateService:
    """The update endpoint with what runs behind it, from a server's start to its end."""

    def __init__(self) -> None:
        self.rejections = Rejections()
        self.batcher = Batcher(make_store(), load_in_thread, queue_max=settings.CHECKIN_QUEUE_MAX)
        self.endpoint = UpdateEndpoint(
            self.batcher,
            self.rejections,
            is_shedding=settings.CHECKIN_SHED,
        )

    def start(self) -> None:
        """Begin to take check-ins."""
        # What lives as long as the server need not be looked through for garbage again and again:
        # with Python's defaults that was a fifteenth of a check-in.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        self.batcher.start()
        self.rejections.start()
        self.endpoint.gate.start()

    async def stop(self) -> None:
        """Take what is queued, write what is counted, then end."""
        await self.batcher.stop()
        await self.rejections.stop()
        await self.endpoint.gate.stop()


def make_store() -> Store:
    """The store of the database that this server runs on."""
    if connection.vendor == "postgresql":
        return PostgresStore(timeout_seconds=settings.CHECKIN_TIMEOUT_SECONDS)
    return SqliteStore(timeout_seconds=settings.CHECKIN_TIMEOUT_SECONDS)
