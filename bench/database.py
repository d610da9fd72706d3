"""What a database says of itself before and after a run."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

_COUNTS = """
SELECT (SELECT count(*) FROM oemupdates_node) AS nodes,
    (SELECT coalesce(sum(check_in_count), 0) FROM oemupdates_node) AS check_ins,
    (SELECT count(*) FROM oemupdates_event) AS events,
    (SELECT coalesce(sum(nodes), 0) FROM oemupdates_nodecount) AS counted
"""
_STATISTICS = """
SELECT n_tup_upd, n_tup_hot_upd, pg_current_wal_insert_lsn() - '0/0'::pg_lsn,
    (SELECT xact_commit FROM pg_stat_database WHERE datname = current_database())
FROM pg_stat_user_tables WHERE relname = 'oemupdates_node'
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """Rows that check-ins leave, and what they cost the database since it was made."""

    nodes: int
    check_ins: int
    events: int
    counted: int
    updates: int = 0
    hot_updates: int = 0
    wal_bytes: int = 0
    commits: int = 0

    def since(self, before: "Facts") -> "Facts":
        """What came to be between two looks."""
        names = Facts.__dataclass_fields__
        return Facts(*(getattr(self, name) - getattr(before, name) for name in names))


def look(place: str | Path) -> Facts:
    """Count: a PostgreSQL by URL, a SQLite by path."""
    if isinstance(place, Path):
        with sqlite3.connect(place) as connection:
            return Facts(*map(int, connection.execute(_COUNTS).fetchone()))
    with psycopg.connect(uri(place), autocommit=True) as connection:
        counts: Any = connection.execute(_COUNTS).fetchone()
        statistics: Any = connection.execute(_STATISTICS).fetchone()
    return Facts(*map(int, (*counts, *statistics)))


def checkpoint(place: str | Path) -> None:
    """Begin each run with the same debts to the disk: none."""
    if isinstance(place, str):
        with psycopg.connect(uri(place), autocommit=True) as connection:
            connection.execute("CHECKPOINT")


def uri(url: str) -> str:
    """A database URL as libpq reads it: a socket's folder is a parameter there."""
    if "@//" not in url:
        return url
    user, _, rest = url.partition("@/")
    folder, _, name = rest.rpartition("/")
    return f"{user}@/{name}?host={folder}"
