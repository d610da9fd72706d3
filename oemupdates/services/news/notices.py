"""What happened since webhooks were last told: found in facts, each once, none lost.

A cursor says up to which row of a table they were told. Rows of transactions that began earlier
may appear behind one with a higher id: a row counts only once every transaction that could still
bring such a one is over.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Model, QuerySet

from oemupdates.domain.event import Meaning, error
from oemupdates.domain.notice import NODE_DARK, NODE_FAILED, NODE_ROLLED_BACK, Notice, body, wants
from oemupdates.models import (
    Activity,
    DarkMark,
    Event,
    Node,
    Webhook,
    WebhookCursor,
    WebhookDelivery,
)
from oemupdates.services.news.feed import describe

Row = TypeVar("Row", bound=Model)

# Rows that one look takes of a table: what is left comes with the next.
MOST = 1000
# Nodes that are named in one notice; all of them are counted.
NAMED = 20
# The database ends a check-in's statements within the time-out, two a batch; the clock's chunks
# and the operators' verbs take milliseconds.
_SETTLES_SECONDS = 5.0
_KINDS: dict[str, str] = {Meaning.FAILED: NODE_FAILED, Meaning.ROLLED_BACK: NODE_ROLLED_BACK}
# Where the pages of subjects are.
PAGES = {"node": "nodes", "group": "groups", "channel": "channels", "release": "releases"}
# Their page goes by the component's name, with which what is said of both begins.
_OF_COMPONENTS = frozenset({"component", "componentimage"})


def find(now: datetime) -> int:
    """Write a delivery for each thing that happened and each webhook that wants it; how many."""
    hooks = list(Webhook.objects.filter(is_active=True))
    if not hooks:
        _skip()
        return 0
    settled = now - timedelta(seconds=_SETTLES_SECONDS + 2 * settings.CHECKIN_TIMEOUT_SECONDS)
    # Its rows commit in the order of their ids.
    found = _tell(hooks, "activity", Activity.objects.select_related("actor"), now, now)
    found += _tell(hooks, "event", Event.objects.all(), settled, now)
    return found + _tell(hooks, "dark", DarkMark.objects.all(), settled, now)


def _tell(
    hooks: Sequence[Webhook], name: str, rows: QuerySet[Row], upto: datetime, now: datetime
) -> int:
    with transaction.atomic():
        cursor, _ = WebhookCursor.objects.select_for_update().get_or_create(name=name)
        fresh = []
        for row in rows.filter(pk__gt=cursor.last_id).order_by("pk")[:MOST]:
            if row.at > upto:  # type: ignore[attr-defined] # all of these have a time
                break
            fresh.append(row)
        if not fresh:
            return 0
        notices = _NOTICES[name](fresh)
        deliveries = [
            WebhookDelivery(
                webhook=hook,
                event_id=notice.id,
                kind=notice.kind,
                body=body(notice),
                made_at=now,
                next_try_at=now,
            )
            for notice in notices
            for hook in hooks
            if wants(hook.kinds, notice.kind) and notice.at >= hook.active_since
        ]
        WebhookDelivery.objects.bulk_create(deliveries, batch_size=200)
        cursor.last_id = fresh[-1].pk
        cursor.save()
    return len(deliveries)


def _skip() -> None:
    """Leave what happens while nobody is told behind."""
    for name, rows in (
        ("activity", Activity.objects.order_by()),
        ("event", Event.objects.order_by()),
        ("dark", DarkMark.objects.order_by()),
    ):
        last = rows.aggregate(last=Max("pk"))["last"] or 0
        # Whoever switches a webhook on hears nothing from before: this may lag behind.
        WebhookCursor.objects.update_or_create(name=name, defaults={"last_id": last})


def _of_activity(rows: Iterable[Activity]) -> list[Notice]:
    notices = []
    for row in rows:
        data = describe(row)
        if page := _page(row):
            data["url"] = f"{settings.FLEET_URL}/{page}/"
        notices.append(Notice(f"activity-{row.pk}", row.verb, row.at, data))
    return notices


def _page(row: Activity) -> str:
    """Where the page of an activity's subject is; empty if it has none."""
    if row.subject_kind in _OF_COMPONENTS:
        return f"components/{row.subject.partition(' ')[0]}"
    page = PAGES.get(row.subject_kind)
    return f"{page}/{row.subject_id}" if page and row.subject_id else ""


def _of_events(rows: Iterable[Event]) -> list[Notice]:
    by_kind: dict[str, list[Event]] = defaultdict(list)
    for row in rows:
        kind = _KINDS.get(row.meaning)
        if kind:
            by_kind[kind].append(row)
    return [
        _about_nodes("event", kind, events, {event.pk: _detail(event) for event in events})
        for kind, events in by_kind.items()
    ]


def _of_marks(rows: Sequence[DarkMark]) -> list[Notice]:
    return [_about_nodes("dark", NODE_DARK, rows, {})]


def _detail(event: Event) -> str:
    words = f"to {event.target_version}" if event.target_version else ""
    if event.meaning == Meaning.FAILED:
        words = f"{words}: {error(event.code).name}".strip(": ")
    return words


def _about_nodes(
    source: str, kind: str, rows: Sequence[Event] | Sequence[DarkMark], details: dict[int, str]
) -> Notice:
    """One notice of what came over many nodes at once: a network that fails is one message."""
    named = rows[:NAMED]
    nodes = Node.objects.select_related("group").in_bulk({row.node_id for row in named})
    data = {
        "count": len({row.node_id for row in rows}),
        "nodes": [
            _describe(nodes[row.node_id], row.at, details.get(row.pk, ""))
            for row in named
            if row.node_id in nodes
        ],
    }
    return Notice(f"{source}-{rows[0].pk}-{rows[-1].pk}-{kind}", kind, rows[-1].at, data)


def _describe(node: Node, at: datetime, detail: str) -> dict[str, Any]:
    return {
        "id": node.pk,
        "name": str(node),
        "machine_id": node.machine_id,
        "group": node.group.name if node.group else None,
        "version": node.version,
        "oem": node.oem,
        "at": at.isoformat(),
        "detail": detail,
        "url": f"{settings.FLEET_URL}/nodes/{node.pk}/",
    }


_NOTICES: dict[str, Any] = {"activity": _of_activity, "event": _of_events, "dark": _of_marks}
