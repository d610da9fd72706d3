"""Rows into tables faster than any model can: COPY, or one prepared INSERT."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

from django.db import connection

# As a column of a row is given: texts are never quoted, so they hold no tab and no backslash.
Cell = str | int | None
CHUNK = 20_000


def load(table: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Append rows to a table."""
    names = ", ".join(f'"{name}"' for name in columns)
    if connection.vendor == "postgresql":
        _copy(f"COPY {table} ({names}) FROM STDIN", rows)
        return
    places = ", ".join("?" * len(columns))
    connection.ensure_connection()
    insert = f"INSERT INTO {table} ({names}) VALUES ({places})"  # noqa: S608 - names of columns
    connection.connection.executemany(insert, rows)


def _copy(command: str, rows: Iterable[Sequence[Cell]]) -> None:
    rest = iter(rows)
    with connection.cursor() as cursor, cursor.copy(command) as copy:
        while lines := ["\t".join(map(_text, row)) for row in islice(rest, CHUNK)]:
            copy.write("\n".join(lines) + "\n")


def _text(cell: Cell) -> str:
    return "\\N" if cell is None else str(cell)


@contextmanager
def without_checks() -> Iterator[None]:
    """Let a fresh database take rows without looking for what they point at, nor at the disk."""
    postgres = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        for statement in _HASTE[postgres]:
            cursor.execute(statement)
        yield
        for statement in _REST[postgres]:
            cursor.execute(statement)


# By whether it is PostgreSQL.
_HASTE = {
    True: (
        "SET session_replication_role = replica",
        "SET synchronous_commit = off",
        "SET maintenance_work_mem = '512MB'",
    ),
    False: (
        "PRAGMA foreign_keys = OFF",
        "PRAGMA synchronous = OFF",
        "PRAGMA cache_size = -1000000",
    ),
}
_REST = {
    True: ("RESET session_replication_role", "RESET synchronous_commit"),
    False: ("PRAGMA foreign_keys = ON", "PRAGMA synchronous = FULL"),
}


@contextmanager
def without_indexes(tables: Sequence[str]) -> Iterator[None]:
    """Take the indexes of tables away while they are filled, and make them anew."""
    indexes = _indexes(tables)
    with connection.cursor() as cursor:
        for name, _made in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        yield
        for _name, made in indexes:
            cursor.execute(made)


def _indexes(tables: Sequence[str]) -> list[tuple[str, str]]:
    """Each index that is not a constraint's, and the statement that makes it."""
    places = ", ".join(["%s"] * len(tables))
    if connection.vendor == "postgresql":
        query = (
            f"SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ({places})"  # noqa: S608
            " AND NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = indexname)"
        )
    else:
        query = (
            "SELECT name, sql FROM sqlite_master WHERE type = 'index'"  # noqa: S608
            f" AND sql IS NOT NULL AND tbl_name IN ({places})"
        )
    with connection.cursor() as cursor:
        cursor.execute(query, list(tables))
        found: list[Any] = cursor.fetchall()
    return found
