"""Remembering what was taken from this server: by payload and day, and by node where it is known.

What does not name its node is counted by payload. But when the OEM of the version that a node
runs is asked for from its address, that was its initrd (`domain.fetched`).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import OuterRef, Subquery

from oemupdates.domain.event import Meaning
from oemupdates.domain.fetched import Boot, Neighbour, boot
from oemupdates.models import Event, Node
from oemupdates.services.checkins import snapshot
from oemupdates.services.checkins.measuring import Measuring
from oemupdates.services.drift import remeasuring

_Value = str | int | bool | date | datetime | None
Key = tuple[int | None, str, date, str, str, str]

_OEM = re.compile(r"oem-(.+)\.gz")
# Nodes that are looked at behind the addresses of a batch: many may share one.
_NEIGHBOURS_MAX = 2000
_SUMS = ("whole", "partial", "redirected", "size")
_COUNT = ("day", "architecture", "version", "name", "is_boot", *_SUMS)
_NODE = (
    *("node_id", "day", "version", "name", "is_boot"),
    *(*_SUMS, "first_at", "last_at"),
)


@dataclass(frozen=True, slots=True)
class Took:
    """Requests of one sender for one payload: `size` are the bytes that were sent.

    Those that were `redirected` get theirs from the bucket. `node` is the id of the node whose own
    URL it was, and `address` is known where there is none.
    """

    node: int | None
    address: str
    architecture: str
    version: str
    name: str
    whole: int
    partial: int
    size: int
    first_at: datetime
    last_at: datetime
    redirected: int = 0

    @property
    def is_in_vain(self) -> bool:
        """Whether the file is not here; that is kept of boots alone (`may_be_boot`)."""
        return not self.size and not self.redirected

    @property
    def key(self) -> Key:
        """What has a row of its own."""
        day = self.last_at.date()
        return self.node, self.address, day, self.architecture, self.version, self.name

    def joined(self, other: "Took") -> "Took":
        """Both together."""
        return replace(
            self,
            whole=self.whole + other.whole,
            partial=self.partial + other.partial,
            redirected=self.redirected + other.redirected,
            size=self.size + other.size,
            first_at=min(self.first_at, other.first_at),
            last_at=max(self.last_at, other.last_at),
        )


class _Cell(NamedTuple):
    """What is counted together, by payload."""

    version: str
    architecture: str
    name: str
    day: date
    is_boot: bool


class _Row(NamedTuple):
    """What is counted together, by node."""

    node: int
    version: str
    name: str
    day: date
    is_boot: bool


def may_be_boot(name: str) -> bool:
    """Whether an initrd may ask for a file of that name."""
    return _OEM.fullmatch(name) is not None


def record(batch: Iterable[Took]) -> None:
    """Add to what is known to have been taken, in one transaction."""
    took = list(batch)
    boots = _boots(took)
    counts: dict[_Cell, Took] = {}
    by_node: dict[_Row, Took] = {}
    for one in took:
        found, day = boots.get(one.key), one.last_at.date()
        if found is None and one.is_in_vain:
            continue
        cell = _Cell(one.version, one.architecture, one.name, day, found is not None)
        counts[cell] = counts[cell].joined(one) if cell in counts else one
        node = found.node if found else one.node
        if node is not None:
            row = _Row(node, one.version, one.name, day, found is not None)
            by_node[row] = by_node[row].joined(one) if row in by_node else one
    nodes = {row.node for row in by_node}
    known = set(Node.objects.filter(pk__in=nodes).values_list("pk", flat=True))
    # In one order, as every process writes them.
    cells = [_count_values(cell, counts[cell]) for cell in sorted(counts)]
    rows = [_node_values(row, by_node[row]) for row in sorted(by_node) if row.node in known]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.executemany(_add("downloadcount", _COUNT), cells)
        if rows:
            cursor.executemany(_add("nodedownload", _NODE), rows)
    _note_boots({row.node: by_node[row].last_at for row in sorted(by_node) if row.is_boot})


def _note_boots(booted: Mapping[int, datetime]) -> None:
    """Remember of nodes that they booted without their OEM."""
    for node, at in booted.items():
        with transaction.atomic():
            Node.objects.select_for_update(no_key=True).filter(pk=node).update(boot_fetched_at=at)
            remeasuring.settle([node], Measuring(snapshot.current(), at), by="a boot")


def _boots(took: Iterable[Took]) -> dict[Key, Boot]:
    """Which of them were initrds: requests without a node, for an OEM that a node there runs."""
    asked = {
        one: match[1]
        for one in took
        if one.node is None and one.address and (match := _OEM.fullmatch(one.name))
    }
    if not asked:
        return {}
    applied = Event.objects.filter(node=OuterRef("pk"), meaning=Meaning.APPLIED).order_by("-at")
    nodes = (
        Node.objects.filter(
            address__in={one.address for one in asked}, oem__in=set(asked.values())
        )
        .annotate(applied_at=Subquery(applied.values("at")[:1]))
        .values_list("address", "oem", "architecture", *Neighbour._fields)
    )
    neighbours: dict[tuple[str, str, str], list[Neighbour]] = {}
    for address, oem, architecture, *values in nodes[:_NEIGHBOURS_MAX]:
        neighbours.setdefault((address, oem, architecture), []).append(Neighbour(*values))
    found = {}
    for one, oem in asked.items():
        there = neighbours.get((one.address, oem, one.architecture), [])
        if (seen := boot(there, one.version, one.first_at)) is not None:
            found[one.key] = seen
    return found


def _add(table: str, columns: tuple[str, ...]) -> str:
    """A statement that makes a row, or adds to the one that there is."""
    name = f"oemupdates_{table}"
    key = [column for column in columns if column not in _SUMS]
    key = [column for column in key if not column.endswith("_at")]
    sums = [f"{one} = {name}.{one} + excluded.{one}" for one in _SUMS]
    for column, sign in (("first_at", "<"), ("last_at", ">")):
        if column in columns:
            sums.append(
                f"{column} = CASE WHEN excluded.{column} {sign} {name}.{column}"
                f" THEN excluded.{column} ELSE {name}.{column} END"
            )
    return (
        f"INSERT INTO {name} ({', '.join(columns)})"  # noqa: S608 - ours
        f" VALUES ({', '.join(['%s'] * len(columns))})"
        f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {', '.join(sums)}"
    )


def _count_values(cell: _Cell, took: Took) -> list[_Value]:
    day = connection.ops.adapt_datefield_value(cell.day)
    key = (day, cell.architecture, cell.version, cell.name, cell.is_boot)
    return [*key, took.whole, took.partial, took.redirected, took.size]


def _node_values(row: _Row, took: Took) -> list[_Value]:
    adapt = connection.ops
    return [
        *(row.node, adapt.adapt_datefield_value(row.day), row.version, row.name, row.is_boot),
        *(took.whole, took.partial, took.redirected, took.size),
        adapt.adapt_datetimefield_value(took.first_at),
        adapt.adapt_datetimefield_value(took.last_at),
    ]
