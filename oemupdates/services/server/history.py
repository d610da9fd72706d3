"""Forgetting what is too old to matter."""

import time
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import transaction
from django.db.models import Model, Q, QuerySet

from oemupdates.models import (
    Answer,
    BulkItem,
    DarkMark,
    DoneRequest,
    DownloadCount,
    DriftInterval,
    Event,
    NodeDownload,
    RejectedRequest,
    Sample,
    SyncRun,
    WebhookDelivery,
)
from oemupdates.services.server import retention
from oemupdates.services.server.retention import Kind
from oemupdates.services.shared import idempotency

Row = TypeVar("Row", bound=Model)

REJECTED_ROWS = 1000
# Rows that one transaction deletes: a check-in on SQLite waits for no more than that.
CHUNK = 1000


def forget(now: datetime) -> int:
    """Delete what is older than it is kept (`retention`), and whatever else is past its bounds.

    Version intervals stay, so that any day can be looked back at. Returns how many rows went. It
    may be run twice at once, and be ended at any moment: what is left goes the next time.
    """
    before = {kind: now - timedelta(days=days) for kind, days in retention.days().items()}
    history = before[Kind.HISTORY]
    refused = RejectedRequest.objects.all()
    return (
        _delete(Event.objects.filter(at__lt=history).order_by("at"))
        + _delete(Answer.objects.filter(at__lt=history).order_by("at"))
        # A day longer than the events that they explain.
        + _delete(NodeDownload.objects.filter(last_at__lt=history - timedelta(days=1)))
        + _delete(DownloadCount.objects.filter(day__lt=before[Kind.DAILY].date()))
        + _delete(DriftInterval.objects.filter(closed_at__lt=history, is_closing_told=True))
        + _delete(DarkMark.objects.filter(at__lt=history).order_by("at"))
        # Long over: a delivery is given up within days, or its webhook is off.
        + _delete(WebhookDelivery.objects.filter(made_at__lt=before[Kind.DELIVERIES]))
        + _delete(BulkItem.objects.filter(change__ended_at__lt=history))
        + _delete(refused.filter(last_at__lt=before[Kind.REJECTED]))
        + _delete(_beyond(refused.order_by("-last_at", "-id")))
        + _delete(DoneRequest.objects.filter(at__lt=now - idempotency.LIFE).order_by("at"))
        + _delete(SyncRun.objects.filter(ended_at__lt=history).order_by("ended_at"))
        + _delete(Sample.objects.outdated_hours(before[Kind.HOURLY]))
        + _delete(Sample.objects.outdated_days(before[Kind.DAILY]))
    )


def _beyond(refused: QuerySet[RejectedRequest]) -> QuerySet[RejectedRequest]:
    """All but the newest rows that are kept."""
    for last_at, pk in refused.values_list("last_at", "pk")[REJECTED_ROWS : REJECTED_ROWS + 1]:
        return refused.filter(Q(last_at__lt=last_at) | Q(last_at=last_at, pk__lte=pk))
    return refused.none()


def _delete(rows: QuerySet[Row]) -> int:
    """Delete rows, a chunk a transaction; what somebody else is deleting is theirs."""
    deleted = 0
    while True:
        began = time.monotonic()
        with transaction.atomic():
            locked = rows.select_for_update(skip_locked=True)
            chunk = list(locked.values_list("pk", flat=True)[:CHUNK])
            rows.model._default_manager.filter(pk__in=chunk).delete()  # noqa: SLF001 - Django's
        if not chunk:
            return deleted
        deleted += len(chunk)
        # SQLite's writers do not queue, they look again now and then: leave them a gap.
        time.sleep(time.monotonic() - began)
