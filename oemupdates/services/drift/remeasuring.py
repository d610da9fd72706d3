"""Measuring nodes again that said nothing: when the configuration, time or an operator moved.

A pass walks over all nodes by their keys, a stretch at a time, and looks without a lock: the
database finds who is alike, of these one is measured, and what is kept otherwise than it is found
is measured again under the lock. A worker may end at any moment, and two may walk at once; whoever
comes second finds less to change.
"""

import time
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import BooleanField, Count, ExpressionWrapper, Max, Q, QuerySet

from oemupdates.domain.boots import BOOTS_RETURN_WITHIN
from oemupdates.domain.drift import REBOOT_DAYS, Measure, keep, measure
from oemupdates.domain.drift_facts import Drift
from oemupdates.domain.node import Node as Known
from oemupdates.domain.node import State
from oemupdates.models import DriftInterval, DriftPass, Node
from oemupdates.services.checkins import snapshot
from oemupdates.services.checkins.checkins import READ
from oemupdates.services.checkins.measuring import TOLD, Closed, Measuring, Opened
from oemupdates.services.counters.counters import Moves

# Nodes of a stretch: more of them are alike, and a statement stays under a second.
LOOK = 20_000
# Rows that one transaction locks.
CHUNK = 500
# What no measurement looks at, and what tells nodes apart that are alike.
NOT_MEASURED = {
    "id",
    "machine_id",
    "alias",
    "track",
    "boot_id",
    "updater",
    "address",
    "former_boots",
    "target_version",
    "offered_at",
    "applied_boot_id",
    "last_error_code",
    "last_event",
    "answer",
    "reasons",
    "is_held",
    "held_because",
    "held_until",
    "moved_to_id",
    "moved_until",
    "needs",
    "reported",
    "drift_at",
    "first_seen_at",
    "last_seen_at",
}
# What is told for a while after a moment.
_END_BY_THEMSELVES = (
    ("doubled_at", BOOTS_RETURN_WITHIN, Drift.DUPLICATE_MACHINE_ID),
    ("reset_at", TOLD, Drift.NODE_RESET),
    ("boot_fetched_at", TOLD, Drift.BOOT_FETCH),
    ("fallback_at", TOLD, Drift.PUBLIC_FALLBACK),
)
# Moments of which it matters only whether they are longer ago than this.
_LONG_AGO = {
    "state_at": timedelta(days=REBOOT_DAYS),
    **{name: told for name, told, _drift in _END_BY_THEMSELVES},
}
_HERE = "a change of the configuration"
_TIME = "time"


def advance(now: datetime, *, seconds: float) -> int:
    """Go on with measuring all nodes where the configuration moved; how many changed.

    It ends after some seconds, or with the last node.
    """
    began = time.monotonic()
    changed = 0
    config = snapshot.load()
    measuring = Measuring(config, now)
    while (walk := _open_pass(config.epoch, now)) is not None:
        looked = time.monotonic()
        stretch = _stretch(walk.last_node)
        wrong = _wrong(stretch, measuring)
        took = time.monotonic() - looked
        written = again(wrong, measuring, by=_HERE)
        changed += written
        _note(walk, stretch, written, now)
        if time.monotonic() - began > seconds:
            break
        # Check-ins share the database's cores: a pass may have a quarter of one.
        time.sleep(min(3 * took, 3.0))
    return changed


def measure_overdue(now: datetime) -> int:
    """Measure the nodes again of which something is so, or no longer so, by time alone."""
    overdue = Q(
        state=State.REBOOT_PENDING.value, state_at__lte=now - timedelta(days=REBOOT_DAYS)
    ) & ~Q(drift__contains=Drift.REBOOT_OVERDUE.value)
    over = (
        Q(**{f"{name}__lte": now - told}, drift__contains=drift.value)
        for name, told, drift in _END_BY_THEMSELVES
    )
    keys = [
        key
        for due in (overdue, *over)
        for key in Node.objects.filter(due).order_by("pk").values_list("pk", flat=True)[:LOOK]
    ]
    return again(keys, Measuring(snapshot.load(), now), by=_TIME) if keys else 0


def again(keys: Collection[int], measuring: Measuring, *, by: str) -> int:
    """Measure nodes, a chunk a transaction, and keep what changed; of how many that is.

    `by` is what moved, as their history tells it.
    """
    ordered = sorted(keys)
    changed = 0
    for first in range(0, len(ordered), CHUNK):
        began = time.monotonic()
        with transaction.atomic():
            changed += settle(ordered[first : first + CHUNK], measuring, by=by)
        # SQLite's writers do not queue, they look again now and then: leave them a gap.
        time.sleep(min(time.monotonic() - began, 0.05))
    return changed


def settle(keys: Collection[int], measuring: Measuring, *, by: str) -> int:
    """The same within the transaction of whoever moved something, after all that it wrote."""
    # In the order in which batches of check-ins lock them.
    rows = Node.objects.filter(pk__in=keys).order_by("machine_id", "application")
    locked = rows.select_for_update(no_key=True).values_list(*READ)
    moves = Moves()
    opened: list[Opened] = []
    closed: list[Closed] = []
    to: defaultdict[tuple[Measure, datetime | None], list[int]] = defaultdict(list)
    for before in map(_known, locked):
        node = before.copy()
        began, ended = measuring.settle(before, node, at=measuring.now, by=by)
        kept = Measure(node.drift, node.drift_basis)
        if kept == (before.drift, before.drift_basis):
            continue
        moves.leave(before)
        moves.enter(node)
        opened += began
        closed += ended
        to[kept, node.drift_at].append(node.id)
    for (kept, since), alike in to.items():
        Node.objects.filter(pk__in=alike).update(**kept._asdict(), drift_at=since)
    write(opened, closed)
    moves.write()
    return sum(map(len, to.values()))


def write(opened: Collection[Opened], closed: Collection[Closed]) -> None:
    """Write down what was found and what is over."""
    over: defaultdict[tuple[str, datetime, str], list[int]] = defaultdict(list)
    for one in closed:
        over[one.drift, one.at, one.by].append(one.node_id)
    for (drift, at, cause), keys in over.items():
        rows = DriftInterval.objects.filter(node__in=keys, drift=drift, closed_at=None)
        rows.update(closed_at=at, closed_by=cause)
    DriftInterval.objects.bulk_create(
        (
            DriftInterval(node_id=one.node_id, drift=one.drift, basis=one.basis, opened_at=one.at)
            for one in opened
        ),
        ignore_conflicts=True,
    )


def _open_pass(epoch: int, now: datetime) -> DriftPass | None:
    """The walk that is under way, or one that the configuration asks for."""
    newest = DriftPass.objects.order_by("-pk").first()
    if newest is not None and newest.ended_at is None:
        return newest
    if newest is not None and newest.epoch == epoch:
        return None
    DriftPass.objects.filter(ended_at__isnull=False).delete()
    return DriftPass.objects.create(epoch=epoch, began_at=now)


class Stretch(NamedTuple):
    """The nodes after one key and up to another, and how many that is."""

    after: int
    last: int
    number: int

    @property
    def nodes(self) -> QuerySet[Node]:
        """Their rows, in no order."""
        return Node.objects.filter(pk__gt=self.after, pk__lte=self.last).order_by()


def _stretch(after: int) -> Stretch:
    some = Node.objects.filter(pk__gt=after).order_by("pk").values("pk")[:LOOK]
    found = some.aggregate(last=Max("pk"), number=Count("pk"))
    return Stretch(after, found["last"] or after, found["number"])


def _wrong(stretch: Stretch, measuring: Measuring) -> list[int]:
    """The keys of nodes that are kept otherwise than they are."""
    versions, oems = set(), set()
    for node in _alike(stretch, measuring.now):
        if _is_wrong(node, measuring):
            versions.add(node.version)
            oems.add(node.oem)
    # Reports are of one boot of one node: no two are alike.
    suspects = ~Q(reported="") | Q(version__in=versions, oem__in=oems)
    rows = stretch.nodes.filter(suspects).values_list(*READ)
    return [node.id for node in map(_known, rows.iterator()) if _is_wrong(node, measuring)]


def _alike(stretch: Stretch, now: datetime) -> Iterator[Known]:
    """One node of each kind among those without a report."""
    kinds = [name for name in READ if name not in NOT_MEASURED and name not in _LONG_AGO]
    moments = {
        f"is_past_{name}": ExpressionWrapper(Q(**{f"{name}__lte": now - told}), BooleanField())
        for name, told in _LONG_AGO.items()
    }
    rows = (
        stretch.nodes.filter(reported="")
        .annotate(**moments)
        .values_list(*kinds, *moments)
        .annotate(*(Max(name) for name in _LONG_AGO))
    )
    for values in rows.iterator():
        node = Known("", "")
        node.__dict__.update(zip(kinds, values, strict=False))
        node.__dict__.update(zip(_LONG_AGO, values[-len(_LONG_AGO) :], strict=True))
        yield node


def _is_wrong(node: Known, measuring: Measuring) -> bool:
    return keep(measure(measuring.facts(node))) != (node.drift, node.drift_basis)


def _known(values: Iterable[object]) -> Known:
    node = object.__new__(Known)
    node.__dict__.update(zip(READ, values, strict=True))
    return node


def _note(walk: DriftPass, stretch: Stretch, changed: int, now: datetime) -> None:
    """Say how far a walk has come, unless another worker was faster."""
    walk_on = DriftPass.objects.filter(pk=walk.pk, last_node=walk.last_node, ended_at=None)
    ends = {"ended_at": now} if stretch.number < LOOK else {}
    walk_on.update(
        last_node=stretch.last,
        measured=walk.measured + stretch.number,
        changed=walk.changed + changed,
        **ends,
    )
