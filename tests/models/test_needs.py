"""How the reported needs of all nodes begin."""

import pytest
from django.db import connection

from oemupdates.models.needs import INDEXED, beginnings
from tests.services.makers import make_node

pytestmark = pytest.mark.django_db


def test_are_told_each_once_and_without_nodes_that_need_nothing():
    long = "flatcar-python.gz " * 20
    for needs in ("", "oem-azure.gz", "oem-azure.gz", "oem-azure.gz flatcar-zfs.gz", long):
        make_node(needs=needs)
    assert beginnings() == {"oem-azure.gz", "oem-azure.gz flatcar-zfs.gz", long[:INDEXED]}


def test_are_found_by_their_index():
    for _ in range(300):
        make_node()
    plan: list[str] = []

    def explain(execute, sql, params, many, context):
        with connection.cursor() as cursor:
            prefix = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
            cursor.cursor.execute(f"{prefix} {sql}", params)
            plan.extend(str(row[-1]) for row in cursor.cursor.fetchall())
        return execute(sql, params, many, context)

    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with connection.execute_wrapper(explain):
        assert beginnings() == set()
    reads = [line for line in plan if "oemupdates_node" in line]
    assert reads
    assert all("node_needs" in line for line in reads), plan
