"""The rows that migrations seeded: what a test that commits finds, and leaves behind.

Django's own way empties every table and saves each seeded row again through the ORM, which takes
longer than what most of those tests do. Here the tables that have rows are emptied, and the
seeded ones filled anew from copies that lie beside them.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.test import TransactionTestCase

COPY = "seeded_{}"
# SQLite's triggers are dropped and made again; PostgreSQL's are not asked while it replicates.
BAN = "activity_is_never_deleted"


def keep() -> None:
    """Copy what migrations left, for every test that commits to be followed by it."""
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    seeded = _filled(tables)
    with connection.cursor() as cursor:
        for table in seeded:
            cursor.execute(f"CREATE TABLE {COPY.format(table)} AS SELECT * FROM {table}")  # noqa: S608

    def begin(_cls: type[TransactionTestCase]) -> None:
        """Find the rows that its predecessor left: the seeded ones."""

    def clean(_self: TransactionTestCase) -> None:
        with transaction.atomic(), _unguarded():
            _give_back(_filled(tables), seeded)

    TransactionTestCase._fixture_setup = classmethod(begin)
    TransactionTestCase._fixture_teardown = clean


def _filled(tables: list[str]) -> list[str]:
    """Which tables have rows."""
    asked = [f"SELECT '{table}' WHERE EXISTS (SELECT 1 FROM {table})" for table in tables]  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(asked))
        return [name for (name,) in cursor.fetchall()]


def _give_back(filled: list[str], seeded: list[str]) -> None:
    """Leave the seeded rows alone; keys that point nowhere meanwhile are asked at the end."""
    with connection.cursor() as cursor:
        for table in filled:
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608
        for table in seeded:
            cursor.execute(f"INSERT INTO {table} SELECT * FROM {COPY.format(table)}")  # noqa: S608


@contextmanager
def _unguarded() -> Iterator[None]:
    """Lift the ban on deleting activity."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET LOCAL session_replication_role = replica")
            yield
            return
        cursor.execute("SELECT sql FROM sqlite_master WHERE name = %s", [BAN])
        (ban,) = cursor.fetchone()
        cursor.execute(f"DROP TRIGGER {BAN}")
        yield
        cursor.execute(ban)
