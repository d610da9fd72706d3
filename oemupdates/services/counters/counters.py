"""The counters that the pages read: what a node counts as, and keeping them true."""

import fcntl
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Protocol

from django.db import connection, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Greatest
from django.utils import timezone

from oemupdates.domain.node import UNDER_WAY
from oemupdates.models import DarkMark, Group, GroupBudget, Node, NodeCount

log = logging.getLogger(__name__)

Cell = tuple[int, str, str, str, str, str, str, str, str, str, bool]

# The shard of everything that is no check-in: verbs on nodes, the clock, repairs.
SHARD = 0
# Nodes that ask a track that nobody knows have no group to say when they are dark.
UNASSIGNED_DARK_AFTER_SECONDS = 6 * 60 * 60
# Rows that one transaction locks: a few milliseconds of work.
CHUNK = 500
# Rows that are looked for at once: each look reads all nodes.
LOOK = 50_000

# PostgreSQL's advisory lock of a repair, so that two at once do not both mend the same drift. The
# number is arbitrary and ours.
_REPAIR_LOCK = 0x0E3F1EE8
_MAX_LOGGED = 3

_CELL = ", ".join(f'"{name}"' for name in NodeCount.CELL)
_ROW = f"({', '.join(['%s'] * len(NodeCount.CELL))}, {SHARD}, %s)"
_ADD = (
    f"INSERT INTO oemupdates_nodecount ({_CELL}, shard, nodes)"  # noqa: S608 - names of columns
    " VALUES {}"
    f" ON CONFLICT ({_CELL}, shard) DO UPDATE SET nodes = oemupdates_nodecount.nodes"
    " + excluded.nodes"
)
# One statement sees nodes and counters at one moment, and each transaction moves both: what it
# finds is drift, and stays the same drift however many check-ins are under way.
_DRIFT = (
    f"SELECT {_CELL}, SUM(n) FROM ("  # noqa: S608 - names of columns
    ' SELECT COALESCE(group_id, 0) AS "group", architecture, version, oem, oem_version,'
    "  oem_build, oem_basis, drift, drift_basis, state, is_dark, COUNT(*) AS n"
    "  FROM oemupdates_node WHERE NOT is_archived"
    "  GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11"
    f" UNION ALL SELECT {_CELL}, -nodes FROM oemupdates_nodecount"
    f") AS counted GROUP BY {_CELL} HAVING SUM(n) <> 0"
)
_BUDGET_DRIFT = (
    "SELECT budget.group_id, COUNT(node.id) - budget.under_way"  # noqa: S608 - placeholders only
    " FROM oemupdates_groupbudget budget LEFT JOIN oemupdates_node node"
    " ON node.group_id = budget.group_id AND NOT node.is_archived"
    f" AND node.state IN ({', '.join(['%s'] * len(UNDER_WAY))})"
    " GROUP BY budget.group_id, budget.under_way HAVING COUNT(node.id) <> budget.under_way"
)


class Countable(Protocol):
    """What a node's cell is made of: `models.Node` and `domain.node.Node` both have it."""

    group_id: int | None
    architecture: str
    version: str
    oem: str
    oem_version: str
    oem_build: str
    oem_basis: str
    drift: str
    drift_basis: str
    state: str
    is_dark: bool
    is_archived: bool


def cell(node: Countable) -> Cell | None:
    """The cell of `NodeCount` that a node is counted in (`NodeCount.CELL`); None if archived."""
    if node.is_archived:
        return None
    return (
        node.group_id or 0,
        node.architecture,
        node.version,
        node.oem,
        node.oem_version,
        node.oem_build,
        node.oem_basis,
        node.drift,
        node.drift_basis,
        str(node.state),
        node.is_dark,
    )


def holds_place(node: Countable) -> bool:
    """Whether a node counts against its group's limit: between offer and reboot, dark or not."""
    return node.state in UNDER_WAY and not node.is_archived


class Moves:
    """Nodes on their way from one cell, or place, to another; written with the nodes themselves.

    Call `leave` with a node as it was, `enter` with it as it is, and `write` in the transaction
    that writes the node, after it: nodes, budgets, counters is the order of locks everywhere.
    """

    def __init__(self) -> None:
        self.cells: Counter[Cell] = Counter()
        self.places: Counter[int] = Counter()

    def leave(self, node: Countable) -> None:
        """Count a node out of where it was."""
        self._add(node, -1)

    def enter(self, node: Countable) -> None:
        """Count a node in where it is."""
        self._add(node, 1)

    def _add(self, node: Countable, number: int) -> None:
        where = cell(node)
        if where is not None:
            self.cells[where] += number
        if node.group_id is not None and holds_place(node):
            self.places[node.group_id] += number

    def write(self) -> None:
        """Write what moved, each table in the order of its keys."""
        for group_id, number in sorted(self.places.items()):
            if number:
                # Never below none: an operator's verb must not fail for a drift that is mended
                # within the hour.
                GroupBudget.objects.filter(group_id=group_id).update(
                    under_way=Greatest(F("under_way") + number, 0)
                )
        rows: list[list[str | int]] = [
            [*where, number] for where, number in sorted(self.cells.items()) if number
        ]
        for first in range(0, len(rows), CHUNK):
            some = rows[first : first + CHUNK]
            with connection.cursor() as cursor:
                cursor.execute(_ADD.format(", ".join([_ROW] * len(some))), list(chain(*some)))


def repair() -> int:
    """Count all nodes anew and mend what drifted; how many cells and budgets were wrong.

    No check-in waits for it: nothing is locked while it counts, and what it finds is added to the
    counters as any other move is.
    """
    with _alone():
        drift = _drift()
        drift.places.update(_budget_drift())
        wrong = len(drift.cells) + len(drift.places)
        if wrong:
            with transaction.atomic():
                drift.write()
            log.warning(
                "%d counters had drifted and were mended, such as cells %s, budgets %s",
                wrong,
                list(drift.cells.items())[:_MAX_LOGGED],
                list(drift.places.items())[:_MAX_LOGGED],
            )
    _forget_empty_cells()
    return wrong


@contextmanager
def _alone() -> Iterator[None]:
    """Let one repair run at a time, so that two at once do not both mend the same drift."""
    if connection.vendor == "postgresql":
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_REPAIR_LOCK])
            yield
    else:
        # SQLite's own lock would keep every check-in out; its database is one machine's.
        with Path(f"{connection.settings_dict['NAME']}.repair").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _drift() -> Moves:
    moves = Moves()
    with connection.cursor() as cursor:
        cursor.execute(_DRIFT)
        for *where, is_dark, number in cursor.fetchall():
            moves.cells[(*where, bool(is_dark))] = int(number)
    return moves


def _budget_drift() -> dict[int, int]:
    with connection.cursor() as cursor:
        cursor.execute(_BUDGET_DRIFT, sorted(UNDER_WAY))
        return dict(cursor.fetchall())


def _forget_empty_cells() -> None:
    """Delete the rows of cells that no node is in: versions pass, and their rows would stay."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_CELL} FROM oemupdates_nodecount"  # noqa: S608 - names of columns
            f" GROUP BY {_CELL} HAVING SUM(nodes) = 0"
        )
        cells = cursor.fetchall()
    for where in cells:
        with transaction.atomic():
            values = dict(zip(NodeCount.CELL, where, strict=True))
            # One cell a transaction, so that no writer of several can wait in a circle with it.
            rows = list(NodeCount.objects.filter(**values).order_by("shard").select_for_update())
            if sum(row.nodes for row in rows) == 0:
                NodeCount.objects.filter(pk__in=[row.pk for row in rows]).delete()


def mark_dark(now: datetime) -> int:
    """Mark nodes dark that their group should have heard by now; how many changed.

    A node whose group waits longer than before is not dark any more, and marked so too. A dark
    node keeps its place under its group's limit: it may be in the middle of its update.
    """
    quiet, heard = _quiet_and_heard(now)
    nodes = Node.objects.filter(is_archived=False)
    return _flip(nodes.filter(quiet, is_dark=False, is_pxe=False), is_dark=True) + _flip(
        nodes.filter(heard, is_dark=True), is_dark=False
    )


def _quiet_and_heard(now: datetime) -> tuple[Q, Q]:
    """The nodes that were not heard for as long as their group waits, and those that were."""
    groups: dict[int, list[int]] = defaultdict(list)
    for group_id, seconds in Group.objects.values_list("id", "dark_after_seconds"):
        groups[seconds].append(group_id)
    since = now - timedelta(seconds=UNASSIGNED_DARK_AFTER_SECONDS)
    quiet, heard = Q(group=None, last_seen_at__lt=since), Q(group=None, last_seen_at__gte=since)
    for seconds, group_ids in groups.items():
        since = now - timedelta(seconds=seconds)
        quiet |= Q(group_id__in=group_ids, last_seen_at__lt=since)
        heard |= Q(group_id__in=group_ids, last_seen_at__gte=since)
    return quiet, heard


def _flip(nodes: QuerySet[Node], *, is_dark: bool) -> int:
    """Mark nodes, a chunk a transaction; no lock is held while more are looked for."""
    marked, last = 0, 0
    while True:
        found = nodes.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:LOOK]
        ids = list(found)
        for first in range(0, len(ids), CHUNK):
            began = time.monotonic()
            marked += _flip_chunk(nodes.filter(pk__in=ids[first : first + CHUNK]), is_dark=is_dark)
            # SQLite's writers do not queue, they look again now and then: leave them a gap.
            time.sleep(time.monotonic() - began)
        if len(ids) < LOOK:
            return marked
        last = ids[-1]


def _flip_chunk(nodes: QuerySet[Node], *, is_dark: bool) -> int:
    moves = Moves()
    with transaction.atomic():
        # A row that somebody else holds is being heard at this moment: it is skipped.
        locked = nodes.order_by("machine_id", "application").select_for_update(
            skip_locked=True, no_key=True
        )
        chunk = list(locked)
        for node in chunk:
            moves.leave(node)
            node.is_dark = is_dark
            moves.enter(node)
        Node.objects.filter(pk__in=[node.pk for node in chunk]).update(is_dark=is_dark)
        if is_dark:
            now = timezone.now()
            DarkMark.objects.bulk_create(DarkMark(node=node, at=now) for node in chunk)
        moves.write()
    return len(chunk)
