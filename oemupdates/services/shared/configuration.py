"""Changing what check-ins are answered from, so that no process answers from an older state."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.db.models import F

from oemupdates.models import Configuration

# PostgreSQL's advisory lock of the configuration: batches of check-ins hold it shared until they
# have committed, a change holds it alone. The number is arbitrary and ours.
LOCK = 0x0E3F1EE7


@contextmanager
def changing() -> Iterator[None]:
    """Wrap every write to applications, groups, channels, releases, floors, aliases and secrets.

    One transaction, begun by the lock: it waits for the batches in flight, and none begins before
    it has committed. So the lock comes before any row, which keeps deadlocks out; never enter it
    while holding a node's row. SQLite has one writer at a time and needs no more.
    """
    with transaction.atomic():
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        Configuration.objects.filter(pk=Configuration.ONLY).update(epoch=F("epoch") + 1)
        yield
