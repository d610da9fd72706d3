"""A database full of nodes: `python -m bench.seed --nodes N --mode MODE`, after `migrate`.

One node of each kind is taken through the product's own code, so that every row is what a real
check-in would have left; SQL then multiplies them.
"""

import argparse
import itertools
import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django
import orjson

from bench import nodes as fleet
from bench.nodes import KINDS, PLACES, TARGET, TRACK, Mode

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fleet.settings")
django.setup()

from django.db import connection, transaction  # noqa: E402 - Django must be set up before

from oemupdates import models  # noqa: E402
from oemupdates.domain.node import RAN, Node  # noqa: E402
from oemupdates.domain.payload import unsigned  # noqa: E402
from oemupdates.omaha import protocol, xml  # noqa: E402
from oemupdates.services.checkins import checkins, snapshot  # noqa: E402
from oemupdates.services.counters import counters  # noqa: E402
from oemupdates.services.groups import groups  # noqa: E402
from oemupdates.services.releases import releases  # noqa: E402

_FILES = (
    "flatcar_production_update.gz",
    *(f"oem-{oem}.gz" for oem in dict.fromkeys(oem for oem, _, _ in KINDS) if oem),
    "flatcar-python.gz",
    "flatcar-zfs.gz",
)
_BATCH = 5000
_WRITTEN = (*checkins.WRITTEN, "application", "first_seen_at")
# What differs between nodes of a kind; the rest is the kind's.
_OWN = ("machine_id", "boot_id", "alias")


def prepare(mode: Mode) -> models.Group:
    """Make the group that the fleet asks for, its channel, and the release that it targets."""
    flatcar = models.Application.objects.get(uuid=models.FLATCAR)
    channel = models.Channel.objects.get(application=flatcar, name="stable", architecture="amd64")
    with tempfile.TemporaryDirectory() as folder:
        for name in _FILES:
            (Path(folder) / name).write_bytes(unsigned(name.encode()))
        source = releases.Source(
            Path(folder), TARGET, codebase="https://payloads.example.net/amd64-usr/4593.2.1/"
        )
        releases.import_release(source, channel=channel, by=None)
    return groups.create(
        flatcar,
        architecture="amd64",
        by=None,
        name=TRACK,
        channel=channel,
        max_under_way=PLACES if mode is Mode.LIMIT else None,
    )


def kinds(mode: Mode, group: models.Group, *, under_way: int) -> list[Node]:
    """One node of each kind, as its check-in leaves it while so many others are under way."""
    config = snapshot.load()
    now = datetime.now(UTC)
    found = []
    for number in range(len(KINDS)):
        request = xml.parse(fleet.routine(number, mode))
        said = protocol.read_checkin(request, request.apps[0], fleet.ADDRESS)
        known = checkins.Known(config.epoch, {}, {group.pk: under_way}, lambda: 1)
        _, writes = checkins.take([said], known, config, now)
        found.append(writes.created[0][0])
    return found


def _rows(count: int, waiting: list[Node], placed: list[Node]) -> Iterator[dict[str, Any]]:
    """A row of values for each node, by number."""
    for number in range(count):
        kind = (placed if number < PLACES else waiting)[number % len(KINDS)]
        facts = fleet.facts(number, Mode.ROUTINE)
        own = {
            "machine_id": facts.machine_id,
            "boot_id": f"{{{facts.boot_id}}}",
            "alias": facts.alias,
        }
        yield {name: getattr(kind, name) for name in _WRITTEN if name not in _OWN} | own


def fill(count: int, waiting: list[Node], placed: list[Node]) -> None:
    """Make that many nodes of these kinds; the first ones hold the group's places."""
    if connection.vendor == "postgresql":
        _multiply(count, waiting, placed)
    else:
        rows = _rows(count, waiting, placed)
        while batch := list(itertools.islice(rows, _BATCH)):
            models.Node.objects.bulk_create(models.Node(**row) for row in batch)


def _multiply(count: int, waiting: list[Node], placed: list[Node]) -> None:
    """The same rows as `_rows`, made by PostgreSQL itself: a million in a minute."""
    names = [name for name in _WRITTEN if name not in _OWN]
    columns = ", ".join(f'"{name}"' for name in names)
    for kind, first, last in ((placed, 0, min(PLACES, count)), (waiting, PLACES, count)):
        values = orjson.dumps(
            [
                {"id": number} | {name: getattr(node, name) for name in names}
                for number, node in enumerate(kind)
            ]
        ).decode()
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                INSERT INTO oemupdates_node (machine_id, boot_id, alias, {columns}, name,
                    is_held, held_because, held_by, check_in_count)
                SELECT md5(i::text), '{{' || md5(i::text)::uuid || '}}', 'node-' || i,
                    {columns}, '', false, '', '', 0
                FROM generate_series(%s::int, %s::int) AS i
                JOIN jsonb_populate_recordset(NULL::oemupdates_node, %s) AS kind
                    ON kind.id = i %% {len(KINDS)}
                ORDER BY i
                """,  # noqa: S608 - names of columns
                [first, last - 1, values],
            )


def finish() -> None:
    """Give every node its history, and count them all."""
    ran = ", ".join(RAN)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO oemupdates_versioninterval (node_id, {ran}, started_at)"  # noqa: S608
            f" SELECT id, {ran}, first_seen_at FROM oemupdates_node ORDER BY id"
        )
        cursor.execute(
            "INSERT INTO oemupdates_answer (node_id, at, answer, reasons)"
            " SELECT id, first_seen_at, answer, reasons FROM oemupdates_node ORDER BY id"
        )
    counters.repair()


def main() -> None:
    """Fill the database that the environment names."""
    parser = argparse.ArgumentParser(prog="python -m bench.seed", description=__doc__)
    parser.add_argument("--nodes", type=int, required=True)
    parser.add_argument("--mode", type=Mode, choices=list(Mode), default=Mode.ROUTINE)
    given = parser.parse_args()
    group = prepare(given.mode)
    waiting = kinds(given.mode, group, under_way=PLACES)
    placed = kinds(given.mode, group, under_way=0)
    with transaction.atomic():
        fill(given.nodes, waiting, placed)
        finish()
    with connection.cursor() as cursor:
        cursor.execute(
            "VACUUM (ANALYZE)" if connection.vendor == "postgresql" else "PRAGMA optimize"
        )
    counted = sum(models.NodeCount.objects.values_list("nodes", flat=True))
    print(f"{models.Node.objects.count()} nodes, {counted} counted")


if __name__ == "__main__":
    main()
