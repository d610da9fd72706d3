"""Changes of many nodes, done in chunks.

A change goes through its nodes from the newest to the oldest. Each chunk is one transaction: the
nodes, what they were before, and how far the change has come. So it may be ended at any moment and
goes on where it was, and two workers never do the same chunk.
"""

import time
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from oemupdates.domain.access import Permission, Reach
from oemupdates.domain.query import BadQuery
from oemupdates.domain.query_reading import read as read_query
from oemupdates.models import BulkChange, BulkItem, Node
from oemupdates.models.node_queries import BadSearch
from oemupdates.services.access import access
from oemupdates.services.checkins import snapshot
from oemupdates.services.checkins.measuring import Measuring
from oemupdates.services.counters.counters import Moves
from oemupdates.services.drift import remeasuring
from oemupdates.services.finding.finding import find
from oemupdates.services.nodes import labels, node_changes
from oemupdates.services.nodes.bulk import changing, read_time
from oemupdates.services.nodes.node_changes import Change, Values
from oemupdates.services.shared import activity

CHUNK = 500
# Kinds of refusals that are told apart; the words differ by node, and so are cut at its name.
_MOST_REFUSALS = 12
# How many nodes of a kind are kept by name, newest first: the rest are found by the query.
_REFUSED_KEPT = 50
_NOT_YOURS = "is not yours to change"
_LONGEST_GAP_SECONDS = 0.2


def advance(change: BulkChange, *, seconds: float) -> BulkChange:
    """Go on with a change for a while; who calls it again goes on from there."""
    until = time.monotonic() + seconds
    while True:
        began = time.monotonic()
        with transaction.atomic():
            running = BulkChange.objects.filter(pk=change.pk, state=BulkChange.State.RUNNING)
            mine = running.select_for_update(skip_locked=True).first()
            if mine is None:
                return BulkChange.objects.get(pk=change.pk)
            _advance(mine)
        now = time.monotonic()
        if now > until or mine.state != BulkChange.State.RUNNING:
            return mine
        # SQLite's writers do not queue, they look again now and then: leave them a gap.
        time.sleep(min(now - began, _LONGEST_GAP_SECONDS))


def advance_all(*, seconds: float) -> int:
    """Go on with every change that is running, oldest first; how many there were."""
    running = list(BulkChange.objects.filter(state=BulkChange.State.RUNNING).order_by("pk"))
    for change in running:
        advance(change, seconds=seconds / len(running))
    return len(running)


def _advance(change: BulkChange) -> None:
    """Do one chunk, and say how far the change has come."""
    reach = access.where(change.by, Permission.OPERATE_NODES)
    try:
        keys, last = _next(change, reach)
        done, refused = _do(change, keys, reach) if keys else (0, {})
    except (activity.Refused, BadQuery, BadSearch) as problem:
        # A group was renamed, or a label's rules changed: nobody can go on with this.
        change.state, change.ended_at = BulkChange.State.STOPPED, timezone.now()
        change.refusals[str(problem)] = 0
        change.save(update_fields=["state", "ended_at", "refusals"])
        return
    change.done += done
    _note(change, refused)
    change.last_key = last
    if not last:
        change.state, change.ended_at = BulkChange.State.DONE, timezone.now()
    counted = ["done", "refused", "refusals", "refused_nodes"]
    change.save(update_fields=[*counted, "last_key", "state", "ended_at"])


def _note(change: BulkChange, refused: Mapping[int, str]) -> None:
    """Add to what a change tells of the nodes that refused it."""
    change.refused += len(refused)
    for key, words in sorted(refused.items(), reverse=True):
        known = words in change.refusals or len(change.refusals) < _MOST_REFUSALS
        kind = words if known else "for other reasons"
        change.refusals[kind] = change.refusals.get(kind, 0) + 1
        if kind != _NOT_YOURS:
            some = change.refused_nodes.setdefault(kind, [])
            if len(some) < _REFUSED_KEPT:
                some.append(key)


def _next(change: BulkChange, reach: Reach) -> tuple[list[int], int]:
    """The keys of the next nodes, and the one below which the rest are; 0 if there is no rest."""
    if change.undoes_id is not None:
        items = BulkItem.objects.filter(change=change.undoes_id)
        if change.last_key:
            items = items.filter(node__lt=change.last_key)
        found = list(items.order_by("-node").values_list("node", flat=True)[:CHUNK])
        return found, found[-1] if len(found) == CHUNK else 0
    if change.keys is not None:
        rest = [key for key in change.keys if not change.last_key or key < change.last_key]
        return rest[:CHUNK], rest[CHUNK - 1] if len(rest) > CHUNK else 0
    found_nodes = find(read_query(change.query), reach, now=change.created_at)
    part = found_nodes.page(change.last_key, size=CHUNK)
    return [node.pk for node in part.rows], part.last


def _do(change: BulkChange, keys: list[int], reach: Reach) -> tuple[int, dict[int, str]]:
    """Change some nodes: how many were, and why the others were not."""
    locked = Node.objects.filter(pk__in=keys).order_by("machine_id", "application")
    nodes = {node.pk: node for node in locked.select_for_update(no_key=True)}
    beyond = [key for key, node in nodes.items() if not reach.covers(node.group_id)]
    refused = dict.fromkeys(beyond, _NOT_YOURS)
    for key in beyond:
        del nodes[key]
    before: dict[int, Any] = {}
    if change.undoes_id is not None:
        items = BulkItem.objects.filter(change=change.undoes_id, node__in=nodes)
        before = dict(items.values_list("node", "before"))
    doing = changing(change.verb, change.arguments, change.by, change.why)
    if doing is None:
        found, told = _label(change, nodes.keys(), before)
    else:
        found, told = _set(change, doing, nodes.values(), before)
    refused.update(told)
    BulkItem.objects.bulk_create(
        BulkItem(change=change, node_id=key, before=values) for key, values in found.items()
    )
    return len(found), refused


def _label(
    change: BulkChange, keys: Collection[int], before: Mapping[int, Any]
) -> tuple[dict[int, Any], dict[int, str]]:
    """Label nodes, or take labels from them; the values that they carried, and who refused."""
    if change.verb == "label":
        wanted = labels.read(change.arguments["label"])
    else:
        wanted = labels.read(change.arguments["key"])
    if change.undoes_id is not None:
        left = wanted.value if change.verb == "label" else None
        values = {key: kept["label"] for key, kept in before.items()}
        restored, refused = labels.restore_labels(wanted.key, left, values)
        return {key: {"label": left} for key in restored}, refused
    if change.verb == "label":
        done, refused = labels.set_labels(keys, wanted)
        return {key: {"label": value} for key, value in done.items()}, refused
    taken, refused = labels.take_labels(keys, wanted.key)
    return {key: {"label": value} for key, value in taken.items()}, refused


def _set(
    change: BulkChange, doing: Change, nodes: Iterable[Node], before: Mapping[int, Any]
) -> tuple[dict[int, Values], dict[int, str]]:
    """Set the fields of nodes, or give back what they held; what it was, and who refused."""
    now, moves = timezone.now(), Moves()
    done: dict[int, Values] = {}
    changed: list[Node] = []
    refused: dict[int, str] = {}
    for node in nodes:
        mine = doing
        if change.undoes_id is not None:
            mine = node_changes.undo(_as_done(change, doing), _values(before[node.pk]))
        was = Moves()
        was.leave(node)
        try:
            values = mine.apply(node, now)
        except activity.Refused as refusal:
            refused[node.pk] = _kind(str(refusal), node)
            continue
        moves.cells.update(was.cells)
        moves.places.update(was.places)
        moves.enter(node)
        done[node.pk] = {name: _plain(value) for name, value in values.items()}
        changed.append(node)
    if changed:
        Node.objects.bulk_update(changed, doing.fields, batch_size=CHUNK)
        moves.write()
        if doing.moves_drift:
            measuring = Measuring(snapshot.load(), now)
            remeasuring.settle([node.pk for node in changed], measuring, by="an operator")
    return done, refused


def _as_done(change: BulkChange, doing: Change) -> Change:
    """The change as it was done, by whoever did it then."""
    done = change.undoes
    if done is None or done.by_id == change.by_id:
        return doing
    return changing(done.verb, done.arguments, done.by, done.why) or doing


def _kind(words: str, node: Node) -> str:
    """A refusal without the node that it was about, so that the same are counted together."""
    return words.replace(f"{node} ", "").replace(str(node), "it").partition(", by ")[0]


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _values(stored: Mapping[str, Any]) -> Values:
    """A node's values as they were kept."""
    return {
        name: read_time(value) if name.endswith(("_until", "_at")) else value
        for name, value in stored.items()
    }
