"""Telling webhooks: at least once, by one sender at a time, again and again until it is time."""

import json
import logging
import random
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Protocol

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F
from django.utils import timezone

from oemupdates.domain.notice import Shape, slack
from oemupdates.models import Webhook, WebhookDelivery
from oemupdates.services.shared import activity
from oemupdates.services.shared.sealing import Unreadable, unseal
from oemupdates.telemetry import WEBHOOK_TRIES
from oemupdates.upstream import webhook as wire
from oemupdates.upstream.webhook import Outcome

log = logging.getLogger(__name__)

PURPOSE = "webhook"
# The pauses after a failed try; after the last of them a delivery is given up.
PAUSES = tuple(timedelta(seconds=s) for s in (10, 60, 300, 1800, 7200, 18000, 36000, 50400))
# A sender that says nothing for so long has died: longer than any try may take.
LEASE = timedelta(minutes=3)
# A webhook that takes nothing for so long, and so often, is switched off.
PATIENCE, MANY_FAILURES = timedelta(days=3), 10
# What one round takes on, so that it ends well before the worker's time limit.
ROUND_SECONDS = 120.0
_AT_ONCE = 8
_DUE = 500
_State = WebhookDelivery.State


class Post(Protocol):
    """How a message is sent."""

    def __call__(self, url: str, body: bytes, sent: dict[str, str]) -> Outcome:
        """POST once, and tell what became of it."""


def _post(url: str, body: bytes, sent: dict[str, str]) -> Outcome:
    return wire.post(url, body, sent, networks=settings.WEBHOOK_ALLOW_NETWORKS)


def send_due(post: Post = _post) -> int:
    """Send what is due, each webhook's in order and several webhooks at once; how many tries."""
    due: dict[int, list[int]] = defaultdict(list)
    rows = WebhookDelivery.objects.filter(
        state=_State.WAITING, next_try_at__lte=timezone.now(), webhook__is_active=True
    )
    found = rows.order_by("next_try_at", "pk").values_list("webhook_id", "pk")
    for webhook_id, pk in found[:_DUE]:
        due[webhook_id].append(pk)
    if not due:
        return 0
    deadline = time.monotonic() + ROUND_SECONDS
    with ThreadPoolExecutor(min(_AT_ONCE, len(due))) as threads:
        tries = threads.map(lambda keys: _send_several(keys, post, deadline), due.values())
        return sum(tries)


def _send_several(keys: list[int], post: Post, deadline: float) -> int:
    """Send some of one webhook; the first that fails ends it, so that a dead one holds up none."""
    tries = 0
    try:
        for key in keys:
            if time.monotonic() > deadline:
                break
            is_delivered = send(key, post)
            tries += is_delivered is not None
            if is_delivered is False:
                break
    finally:
        connection.close()  # this thread's own
    return tries


def send(key: int, post: Post = _post) -> bool | None:
    """Send one delivery if it is due; None if somebody else does, or it is not."""
    delivery = _claim(key)
    if delivery is None:
        return None
    hook = delivery.webhook
    try:
        secret = unseal(hook.sealed_secret, purpose=PURPOSE)
    except Unreadable as problem:
        outcome = Outcome(None, str(problem), "", 0)
    else:
        body = message(delivery)
        now = int(timezone.now().timestamp())
        signed = wire.headers(secret, message_id=delivery.event_id, timestamp=now, body=body)
        outcome = post(hook.url, body, signed)
    WEBHOOK_TRIES.labels("delivered" if outcome.is_delivered else "failed").inc()
    _settle(delivery, outcome)
    return outcome.is_delivered


def message(delivery: WebhookDelivery) -> bytes:
    """The bytes of a delivery, in the shape that its webhook takes: the same at every try."""
    body = delivery.body
    if delivery.webhook.shape == Shape.SLACK:
        body = slack(body, settings.FLEET_URL)
    return json.dumps(body, separators=(",", ":"), sort_keys=True).encode()


def _claim(key: int) -> WebhookDelivery | None:
    """Take a delivery, unless somebody took it since it was read."""
    now = timezone.now()
    waiting = WebhookDelivery.objects.filter(
        pk=key, state=_State.WAITING, next_try_at__lte=now, webhook__is_active=True
    )
    delivery = waiting.select_related("webhook").first()
    if delivery is None:
        return None
    seen = WebhookDelivery.objects.filter(
        pk=key, state=_State.WAITING, attempt=delivery.attempt, next_try_at=delivery.next_try_at
    )
    taken = seen.update(
        attempt=F("attempt") + 1, next_try_at=now + LEASE, tried_at=now, status=None, error=""
    )
    if not taken:
        return None
    delivery.attempt += 1
    return delivery


def _settle(delivery: WebhookDelivery, outcome: Outcome) -> None:
    """Write what became of a try; nothing if it took so long that somebody else tried again."""
    now = timezone.now()
    gave_up = not outcome.is_delivered and delivery.attempt > len(PAUSES)
    values: dict[str, object] = {
        "status": outcome.status,
        "error": outcome.error[:300],
        "answer": outcome.answer.replace("\x00", "\ufffd"),
        "milliseconds": outcome.milliseconds,
    }
    if outcome.is_delivered:
        values["state"] = _State.DELIVERED
    elif gave_up:
        values["state"] = _State.GIVEN_UP
    else:
        pause = PAUSES[min(delivery.attempt, len(PAUSES)) - 1]
        values["next_try_at"] = now + pause * random.uniform(1.0, 1.2)  # noqa: S311 - a jitter
    with transaction.atomic():
        mine = WebhookDelivery.objects.filter(
            pk=delivery.pk, attempt=delivery.attempt, state=_State.WAITING
        )
        if mine.update(**values):
            _count(delivery.webhook, outcome, now)


def _count(hook: Webhook, outcome: Outcome, now: datetime) -> None:
    """Count failures in a row; switch a webhook off that has taken nothing for days."""
    row = Webhook.objects.select_for_update(no_key=True).get(pk=hook.pk)
    if outcome.is_delivered:
        if row.failures:
            Webhook.objects.filter(pk=row.pk).update(failures=0, failing_since=None)
        return
    row.failures += 1
    row.failing_since = row.failing_since or now
    row.save(update_fields=["failures", "failing_since"])
    why = ""
    if outcome.status == wire.GONE:
        why = "It answered 410: it wants no more."
    elif row.failures >= MANY_FAILURES and now - row.failing_since >= PATIENCE:
        why = f"It took nothing for {PATIENCE.days} days: {outcome.error}"
    if why and row.is_active:
        row.is_active = False
        row.save(update_fields=["is_active"])
        log.warning("Webhook %s is switched off: %s", row, why)
        activity.record(verb="webhook.switched_off", subject=row, by=None, why=why[:500])
