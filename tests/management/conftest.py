"""A database of its own for what is run as a process."""

import os
import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from django.conf import settings


@pytest.fixture(scope="module")
def own_database() -> Iterator[dict[str, str]]:
    """The environment of an empty database: nothing for SQLite, or one on PostgreSQL."""
    if "DATABASE_URL" not in os.environ:
        yield {}
        return
    name = f"own_{uuid.uuid4().hex[:12]}"
    url = urlsplit(os.environ["DATABASE_URL"])
    administer(f"CREATE DATABASE {name}")
    yield {
        "DATABASE_URL": urlunsplit(url._replace(path=f"{url.path.rpartition('/')[0]}/{name}")),
        "FLEET_SECRET_KEY": "only-for-tests-" * 4,
    }
    administer(f"DROP DATABASE {name} WITH (FORCE)")


def administer(statement: str) -> None:
    """Run a statement that no transaction may hold, on the database that settings name."""
    database = settings.DATABASES["default"]
    with psycopg.connect(
        host=database["HOST"],
        port=database["PORT"] or None,
        user=database["USER"],
        password=database["PASSWORD"] or None,
        dbname="postgres",
        autocommit=True,
    ) as connection:
        connection.execute(statement)
