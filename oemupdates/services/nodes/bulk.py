"""Changes of many nodes: begun, stopped and taken back here, done by `bulk_work`."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from oemupdates.domain.access import Permission
from oemupdates.domain.query import Query
from oemupdates.models import BulkChange, Group, Operator
from oemupdates.services.access import access
from oemupdates.services.nodes import labels, node_changes
from oemupdates.services.nodes.node_changes import Change
from oemupdates.services.nodes.nodes import name_of
from oemupdates.services.shared import activity

# What may be done to many nodes: how it is called, and what it needs to be told.
VERBS: dict[str, tuple[str, ...]] = {
    "hold": ("until",),
    "release": (),
    "label": ("label",),
    "unlabel": ("key",),
    "move": ("group", "until"),
    "archive": (),
    "unarchive": (),
    "retry": (),
}
# A retry forgets; what it forgot is of no use to anybody.
NOT_UNDONE = frozenset({"retry"})
MOST_KEYS = 500


class CannotStart(activity.Refused):
    """The change says too little, or too much, of what is to be done."""


class CannotUndo(activity.Refused):
    """The change cannot be taken back."""


class CannotStop(activity.Refused):
    """The change is over."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants done to many nodes: to some by key, or to all that a query means."""

    verb: str
    why: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    keys: Collection[int] | None = None
    query: Query = field(default_factory=Query)


def start(wanted: Wanted, *, by: Operator, expected: int | None = None) -> BulkChange:
    """Begin a change of many nodes; `advance` goes on with it. Raises `CannotStart`."""
    check(wanted, by)
    with transaction.atomic():
        change = BulkChange.objects.create(
            by=by,
            verb=wanted.verb,
            arguments=dict(wanted.arguments),
            why=_why(wanted),
            query=str(wanted.query),
            keys=None if wanted.keys is None else sorted(set(wanted.keys), reverse=True),
            expected=expected if wanted.keys is None else len(set(wanted.keys)),
            created_at=timezone.now(),
        )
        after: dict[str, activity.Value] = {"verb": wanted.verb, "query": change.query}
        after |= {name: str(value) for name, value in wanted.arguments.items()}
        if change.expected is not None:
            after["nodes"] = change.expected
        activity.record(verb="bulk.started", subject=change, by=by, after=after, why=change.why)
    return change


def undo(change: BulkChange, *, by: Operator) -> BulkChange:
    """Begin to take a change back: each node gets what it had before, unless changed since."""
    if change.verb in NOT_UNDONE:
        raise CannotUndo("What a retry forgot is not kept.")
    if not _may_end(change, by):
        raise CannotUndo("Somebody else began it, and you do not operate the whole fleet.")
    if change.undoes_id is not None:
        raise CannotUndo("This takes another change back; start that one anew instead.")
    with transaction.atomic():
        change = BulkChange.objects.select_for_update().get(pk=change.pk)
        if change.state == BulkChange.State.RUNNING:
            raise CannotUndo("It is still running; stop it first.")
        if BulkChange.objects.filter(undoes=change).exists():
            raise CannotUndo("It was taken back already.")
        taking = BulkChange.objects.create(
            by=by,
            verb=change.verb,
            arguments=change.arguments,
            why=change.why,
            undoes=change,
            expected=change.done,
            created_at=timezone.now(),
        )
        activity.record(
            verb="bulk.started",
            subject=taking,
            by=by,
            after={"verb": f"undo {change.verb}", "nodes": change.done},
        )
    return taking


def stop(change: BulkChange, *, by: Operator) -> None:
    """End a change where it is; raises `CannotStop`."""
    if not _may_end(change, by):
        raise CannotStop("Somebody else began it, and you do not operate the whole fleet.")
    with transaction.atomic():
        running = BulkChange.objects.filter(pk=change.pk, state=BulkChange.State.RUNNING)
        if not running.update(state=BulkChange.State.STOPPED, ended_at=timezone.now()):
            raise CannotStop("It is over already.")
        activity.record(verb="bulk.stopped", subject=change, by=by, after={"nodes": change.done})


def _may_end(change: BulkChange, by: Operator) -> bool:
    return change.by_id == by.pk or access.can(by, Permission.OPERATE_NODES)


def _why(wanted: Wanted) -> str:
    needs_reason = wanted.verb in {"hold", "move", "archive"}
    if needs_reason:
        return activity.reason(wanted.why)
    return activity.wording(wanted.why, what="The reason", most=activity.MAX_REASON)


def check(wanted: Wanted, by: Operator) -> None:
    """Raise `CannotStart`, or another refusal, where something could not be begun."""
    if wanted.verb not in VERBS:
        raise CannotStart(f"Nothing like {wanted.verb!r} can be done to many nodes.")
    unknown = wanted.arguments.keys() - set(VERBS[wanted.verb])
    if unknown:
        raise CannotStart(f"{wanted.verb} does not take {', '.join(sorted(unknown))}.")
    if wanted.keys is not None and not 0 < len(wanted.keys) <= MOST_KEYS:
        raise CannotStart(f"Pick from 1 to {MOST_KEYS} nodes, or all that match.")
    if not access.where(by, Permission.OPERATE_NODES):
        raise access.NotAllowed(f"{by} may not change nodes.")
    if wanted.verb == "move":
        group = target(wanted.arguments)
        access.require(by, Permission.OPERATE_NODES, group=group.pk)
    changing(wanted.verb, wanted.arguments, by, wanted.why)


_PLAIN = {
    "release": node_changes.release_hold,
    "archive": node_changes.archive,
    "unarchive": node_changes.unarchive,
    "retry": node_changes.retry,
}


def changing(verb: str, arguments: Mapping[str, Any], by: Operator, why: str) -> Change | None:
    """What is done to each node; None for labels, which are rows of their own.

    Raises a kind of `Refused` where the arguments do not say it.
    """
    if verb in _PLAIN:
        return _PLAIN[verb]()
    match verb:
        case "hold":
            until = read_time(arguments.get("until"))
            return node_changes.hold(by=name_of(by), because=why, until=until)
        case "move":
            group = target(arguments)
            until = read_time(arguments.get("until"))
            return node_changes.move(group, by=name_of(by), because=why, until=until)
        case "label":
            labels.read(str(arguments.get("label", "")))
        case "unlabel":
            labels.read(str(arguments.get("key", "")))
    return None


def target(arguments: Mapping[str, Any]) -> Group:
    """The group that nodes are moved to; raises `CannotStart` if there is none."""
    key = str(arguments.get("group", ""))
    found = Group.objects.select_related("application").filter(pk=key) if key.isdigit() else None
    group = found.first() if found is not None else None
    if group is None:
        raise CannotStart("Say which group the nodes are moved to.")
    return group


def read_time(text: object) -> datetime | None:
    """A time as it is kept among the arguments: ISO 8601, UTC where it does not say."""
    if not text:
        return None
    try:
        at = datetime.fromisoformat(str(text))
    except ValueError as error:
        raise CannotStart(f"{text!r} is no time like 2026-12-01T08:00.") from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)
