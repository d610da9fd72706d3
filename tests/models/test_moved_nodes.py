"""What a group that is deleted asks of the nodes: never all of them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from oemupdates.models import Group, Node
from oemupdates.services.groups import groups
from tests.services.makers import flatcar, make_node, seeded_group

pytestmark = pytest.mark.django_db

FILLED = 300
# As PostgreSQL's trigger of a foreign key asks.
TRIGGER = (
    'SELECT 1 FROM ONLY "oemupdates_node" x WHERE %s OPERATOR(pg_catalog.=) "moved_to_id"'
    " FOR KEY SHARE OF x"
)
SCAN = re.compile(r"(SCAN|Seq Scan on) oemupdates_node\b")


@pytest.fixture
def empty(db: None) -> Group:
    """A group without nodes, in a fleet of many."""
    for _ in range(FILLED):
        make_node()
    made = groups.create(flatcar(), architecture="amd64", by=None, name="empty")
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return made


@contextmanager
def plans() -> Iterator[list[str]]:
    """The plan of each statement that reads or deletes rows, as the database says it."""
    told: list[str] = []

    def explain(execute, sql, params, many, context):  # type: ignore[no-untyped-def]
        with connection.cursor() as cursor:
            if sql.startswith(("SELECT", "DELETE")) and not many:
                prefix = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
                cursor.cursor.execute(f"{prefix} {sql}", params)
                told.extend(str(row[-1]) for row in cursor.cursor.fetchall())
        return execute(sql, params, many, context)

    with connection.execute_wrapper(explain):
        yield told


def test_are_found_by_an_index_when_a_group_is_deleted(empty: Group) -> None:
    """By the service's own question, by the collector's, and by SQLite's of the foreign key."""
    with plans() as told:
        groups.delete(empty, by=None)
    by_index = [line for line in told if "node_moved" in line]
    assert len(by_index) == (3 if connection.vendor == "sqlite" else 2), told
    assert not [line for line in told if SCAN.search(line)], told


def test_are_found_by_an_index_when_postgresql_checks_the_foreign_key(empty: Group) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("PostgreSQL asks from a trigger, which no plan tells of")
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {TRIGGER}", [empty.pk])
        assert "node_moved" in str(cursor.fetchall())


def test_keep_their_group(empty: Group) -> None:
    Node.objects.filter(pk=make_node(group=seeded_group("beta")).pk).update(
        moved_to=empty, moved_because="canary"
    )
    with pytest.raises(groups.CannotDelete, match="moved to it by operators"):
        groups.delete(empty, by=None)
