"""A whole fleet in an empty database: `python -m bench.fleet --nodes N`, after `migrate`.

Unlike `bench.seed`, whose nodes are alike because only check-ins look at them, this is what pages
look at: every table has rows, and every column some text.
"""

import argparse
import math
import os
import sys
import time
from datetime import datetime

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fleet.settings")
if __name__ == "__main__":
    django.setup()

from django.core.management.color import no_style
from django.db import connection, transaction
from django.utils import timezone

from bench import components, household, nodes
from bench.population import ANSWER, EVENT, INTERVAL, LABELLED, NODE, Population
from bench.rows import CHUNK, load, without_checks, without_indexes
from oemupdates import models
from oemupdates.omaha import protocol, xml
from oemupdates.services.checkins.kept import dump_said
from oemupdates.services.counters import counters
from oemupdates.services.drift import remeasuring

TABLES = {
    "oemupdates_node": NODE,
    "oemupdates_versioninterval": INTERVAL,
    "oemupdates_event": EVENT,
    "oemupdates_answer": ANSWER,
    "oemupdates_nodelabel": LABELLED,
}


def fill(count: int, *, days: int = 2 * 365) -> None:
    """Fill a migrated database with a fleet of so many nodes, sampled for so many days."""
    now = timezone.now()
    _move_in(count, now)
    _live(count, now, days)


def _move_in(count: int, now: datetime) -> None:
    homes = household.settle(count, now)
    population = Population(homes, household.label(), _said(), now)
    for lives in population.chunks(1, count, CHUNK):
        rows = (lives.nodes, lives.intervals, lives.events, lives.answers, lives.labels)
        for (table, columns), found in zip(TABLES.items(), rows, strict=True):
            load(table, columns, found)
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), [models.Node]):
            cursor.execute(statement)
        cursor.execute(
            "UPDATE oemupdates_label SET nodes = (SELECT COUNT(*) FROM oemupdates_nodelabel"
            " WHERE label_id = oemupdates_label.id)"
        )


def _live(count: int, now: datetime, days: int) -> None:
    counters.repair()
    remeasuring.advance(now, seconds=math.inf)
    _spread()
    admin = household.staff(count, now)
    household.connect(count, admin, now)
    components.extend(count, now)
    household.sample(now, days)
    household.remember(count, now)


def _said() -> str:
    """A check-in as it is kept beside its answer."""
    request = xml.parse(nodes.routine(1, nodes.Mode.ROUTINE))
    return dump_said(protocol.read_checkin(request, request.apps[0], nodes.ADDRESS))


def _spread() -> None:
    """Spread the counters over the shards of two processes, as check-ins do."""
    cell = ", ".join(f'"{name}"' for name in models.NodeCount.CELL)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO oemupdates_nodecount ({cell}, shard, nodes)"  # noqa: S608 - columns
            f" SELECT {cell}, 1, nodes / 2 FROM oemupdates_nodecount WHERE shard = 0"
        )
        cursor.execute("UPDATE oemupdates_nodecount SET nodes = nodes - nodes / 2 WHERE shard = 0")


def fill_fast(count: int, *, days: int = 2 * 365) -> None:
    """The same in a database that nobody else uses: indexes are made afterwards."""
    now = timezone.now()
    with without_checks():
        with transaction.atomic(), without_indexes(list(TABLES)):
            _move_in(count, now)
        # Each in transactions of its own: a counter that moves ten thousand times in one leaves
        # as many dead rows, which are all looked through the next time.
        _live(count, now, days)
        with connection.cursor() as cursor:
            cursor.execute(
                "VACUUM (ANALYZE)" if connection.vendor == "postgresql" else "PRAGMA optimize"
            )


def check() -> str:
    """What was made, in a line; fails when a counter is not what counting its nodes says."""
    wrong = counters.repair()
    counted = sum(models.NodeCount.objects.values_list("nodes", flat=True))
    there = models.Node.objects.filter(is_archived=False).count()
    if wrong or counted != there:
        sys.exit(f"{wrong} counters were wrong; they count {counted} nodes of {there}")
    cells = models.NodeCount.objects.values(*models.NodeCount.CELL).distinct().count()
    return f"{models.Node.objects.count()} nodes, {there} not archived, {cells} cells of counters"


def main() -> None:
    """Fill the database that the environment names."""
    parser = argparse.ArgumentParser(prog="python -m bench.fleet", description=__doc__)
    parser.add_argument("--nodes", type=int, required=True)
    given = parser.parse_args()
    began = time.monotonic()
    fill_fast(given.nodes)
    print(f"{check()}, in {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
