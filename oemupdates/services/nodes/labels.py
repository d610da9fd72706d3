"""What operators write on nodes, to find them by."""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from typing import NamedTuple

from django.db import transaction

from oemupdates.models import Label, Node, NodeLabel, Operator
from oemupdates.models.label import count_labels
from oemupdates.services.nodes.nodes import lock
from oemupdates.services.shared import activity

MOST_LABELS = 32
_KEY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?", re.ASCII)
_VALUE = re.compile(r"[A-Za-z0-9._/:@+-]{0,128}", re.ASCII)


class BadLabel(activity.Refused):
    """A text that is no label."""


class CannotLabel(activity.Refused):
    """The node carries the label already, or as many as a node may."""


class CannotUnlabel(activity.Refused):
    """The node does not carry the label."""


class Text(NamedTuple):
    """A label as it is written: `rack=7`, or `canary` with an empty value."""

    key: str
    value: str = ""

    def __str__(self) -> str:
        return f"{self.key}={self.value}" if self.value else self.key


def read(text: str) -> Text:
    """A label out of what somebody typed; `BadLabel` if it is none."""
    key, _, value = text.strip().partition("=")
    if not _KEY.fullmatch(key):
        raise BadLabel(
            f"{text[:80]!r} is no label: a key of up to 63 letters, digits and . _ / -, alone or"
            " with = and a value."
        )
    if not _VALUE.fullmatch(value):
        raise BadLabel(
            f"{value[:80]!r} is no label's value: up to 128 letters, digits and . _ / : @ + -."
        )
    return Text(key, value)


def label(node: Node, text: str, *, by: Operator | None, why: str = "") -> None:
    """Write a label on a node, in place of another with its key; raises `CannotLabel`."""
    wanted = read(text)
    with transaction.atomic():
        node = lock(node)
        done, refused = set_labels([node.pk], wanted)
        if refused:
            raise CannotLabel(f"{node} {refused[node.pk]}")
        before = done[node.pk]
        activity.record(
            verb="node.labelled",
            subject=node,
            by=by,
            before={"label": str(Text(wanted.key, before))} if before is not None else {},
            after={"label": str(wanted)},
            why=why,
        )


def unlabel(node: Node, key: str, *, by: Operator | None, why: str = "") -> None:
    """Take the label with a key off a node; raises `CannotUnlabel`."""
    with transaction.atomic():
        node = lock(node)
        done, refused = take_labels([node.pk], key)
        if refused:
            raise CannotUnlabel(f"{node} {refused[node.pk]}")
        activity.record(
            verb="node.unlabelled",
            subject=node,
            by=by,
            before={"label": str(Text(key, done[node.pk]))},
            why=why,
        )


def set_labels(
    nodes: Collection[int], wanted: Text
) -> tuple[dict[int, str | None], dict[int, str]]:
    """Write a label on nodes that the caller's transaction has locked.

    What value of the key each carried before (None: none), and why others were refused.
    """
    rows = NodeLabel.objects.filter(node__in=nodes).select_related("label")
    carried: Counter[int] = Counter()
    old: dict[int, NodeLabel] = {}
    for row in rows:
        carried[row.node_id] += 1
        if row.key == wanted.key:
            old[row.node_id] = row
    done: dict[int, str | None] = {}
    refused: dict[int, str] = {}
    for key in nodes:
        if key in old and old[key].label.value == wanted.value:
            refused[key] = f"carries {wanted} already."
        elif key not in old and carried[key] >= MOST_LABELS:
            refused[key] = f"carries {MOST_LABELS} labels, which is as many as a node may."
        else:
            done[key] = old[key].label.value if key in old else None
    if done:
        target, _ = Label.objects.get_or_create(key=wanted.key, value=wanted.value)
        moved = Counter(old[key].label_id for key in done if key in old)
        NodeLabel.objects.filter(pk__in=[old[key].pk for key in done if key in old]).delete()
        NodeLabel.objects.bulk_create(
            NodeLabel(node_id=key, label=target, key=wanted.key) for key in done
        )
        _count(moved, target, len(done))
    return done, refused


def take_labels(nodes: Collection[int], key: str) -> tuple[dict[int, str], dict[int, str]]:
    """Take the label with a key off nodes that the caller's transaction has locked.

    The value that each carried, and why others were refused.
    """
    rows = list(NodeLabel.objects.filter(node__in=nodes, key=key).select_related("label"))
    done = {row.node_id: row.label.value for row in rows}
    refused = {node: f"carries no label {key}." for node in nodes if node not in done}
    NodeLabel.objects.filter(pk__in=[row.pk for row in rows]).delete()
    _count(Counter(row.label_id for row in rows))
    return done, refused


def restore_labels(
    key: str, left: str | None, before: Mapping[int, str | None]
) -> tuple[set[int], dict[int, str]]:
    """Give nodes back what value of a key they carried, where they still carry what was `left`.

    They are locked by the caller's transaction. Which were given it, and why others were not.
    """
    rows = NodeLabel.objects.filter(node__in=before, key=key).select_related("label")
    now = {row.node_id: row.label.value for row in rows}
    refused = {node: "was changed since." for node in before if now.get(node) != left}
    done = before.keys() - refused.keys()
    values = {before[node] for node in done}
    for value in sorted(values, key=str):
        some = [node for node in done if before[node] == value]
        if value is None:
            take_labels(some, key)
        else:
            set_labels(some, Text(key, value))
    return set(done), refused


def _count(taken: Counter[int], target: Label | None = None, given: int = 0) -> None:
    """Move the labels' numbers of nodes."""
    moved = {label: -number for label, number in taken.items()}
    if target is not None:
        moved[target.pk] = moved.get(target.pk, 0) + given
    count_labels(moved)
