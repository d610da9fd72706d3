"""What operators do to webhooks: make, change, switch, test, send again, remove."""

import base64
import secrets
from collections.abc import Collection
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from oemupdates.domain.address import holds_secret
from oemupdates.domain.notice import CHOICES, TEST, Shape
from oemupdates.models import Operator, Webhook, WebhookDelivery
from oemupdates.services.news.deliveries import PURPOSE
from oemupdates.services.shared import activity
from oemupdates.services.shared.sealing import seal
from oemupdates.upstream.guard import is_allowed
from oemupdates.upstream.webhook import SECRET_PREFIX

_MAX_NAME, _MAX_URL = 100, 1000
_SECRET_BYTES = 32
_State = WebhookDelivery.State


class CannotKeep(activity.Refused):
    """The webhook would be nameless, tell nothing, or lead where nothing is sent to."""


class CannotSwitch(activity.Refused):
    """The webhook is that way already."""


class CannotSend(activity.Refused):
    """The webhook is off, or the delivery is on its way already."""


class Terms(NamedTuple):
    """What a webhook is: its name, its address, what it is told and in which shape."""

    name: str
    url: str
    kinds: Collection[str]
    shape: str = Shape.GENERIC


class Made(NamedTuple):
    """A webhook, and the secret that its messages are signed with: shown once."""

    webhook: Webhook
    secret: str


def create(terms: Terms, *, by: Operator | None) -> Made:
    """Make a webhook, which is told what happens from now on; raises `CannotKeep`."""
    terms = _checked(terms)
    secret, now = _new_secret(), timezone.now()
    with transaction.atomic():
        _check_name(terms.name)
        webhook = Webhook.objects.create(
            **_columns(terms),
            sealed_secret=seal(secret, purpose=PURPOSE),
            active_since=now,
            made_by=by,
            made_at=now,
        )
        activity.record(verb="webhook.created", subject=webhook, by=by, after=_told(terms))
    return Made(webhook, secret)


def edit(webhook: Webhook, terms: Terms, *, by: Operator | None, why: str = "") -> Webhook:
    """Change what a webhook is; raises `CannotKeep`."""
    terms = _checked(terms)
    with transaction.atomic():
        webhook = _lock(webhook)
        before = _told(Terms(webhook.name, webhook.url, webhook.kinds, webhook.shape))
        after = _told(terms)
        changed = [name for name, value in after.items() if before[name] != value]
        if not changed and webhook.url == terms.url:
            return webhook
        _check_name(terms.name, but=webhook.pk)
        for name, value in _columns(terms).items():
            setattr(webhook, name, value)
        webhook.save(update_fields=["name", "url", "kinds", "shape"])
        activity.record(
            verb="webhook.edited",
            subject=webhook,
            by=by,
            before={name: before[name] for name in changed},
            after={name: after[name] for name in changed},
            why=why,
        )
    return webhook


def renew_secret(webhook: Webhook, *, by: Operator | None, why: str = "") -> Made:
    """Give a webhook another secret; the former one signs nothing from now on."""
    secret = _new_secret()
    with transaction.atomic():
        webhook = _lock(webhook)
        webhook.sealed_secret = seal(secret, purpose=PURPOSE)
        webhook.save(update_fields=["sealed_secret"])
        activity.record(verb="webhook.secret_renewed", subject=webhook, by=by, why=why)
    return Made(webhook, secret)


def switch(webhook: Webhook, *, on: bool, by: Operator | None, why: str = "") -> Webhook:
    """Switch a webhook on or off; raises `CannotSwitch`.

    What happens while it is off, it is never told; what waited is sent once it is on again.
    """
    with transaction.atomic():
        webhook = _lock(webhook)
        if webhook.is_active == on:
            raise CannotSwitch(f"{webhook} is {'on' if on else 'off'} already.")
        webhook.is_active = on
        if on:
            webhook.active_since = timezone.now()
            webhook.failures, webhook.failing_since = 0, None
        webhook.save(update_fields=["is_active", "active_since", "failures", "failing_since"])
        verb = "webhook.switched_on" if on else "webhook.switched_off"
        activity.record(verb=verb, subject=webhook, by=by, why=why)
    return webhook


def remove(webhook: Webhook, *, by: Operator | None, why: str = "") -> None:
    """Remove a webhook, with what it was told."""
    with transaction.atomic():
        webhook = _lock(webhook)
        told = _told(Terms(webhook.name, webhook.url, webhook.kinds, webhook.shape))
        key = webhook.pk
        webhook.delete()
        webhook.pk = key
        activity.record(verb="webhook.removed", subject=webhook, by=by, before=told, why=why)


def test(webhook: Webhook, *, by: Operator | None) -> WebhookDelivery:
    """Let a webhook be told something that did not happen; raises `CannotSend`."""
    now = timezone.now()
    with transaction.atomic():
        webhook = _lock(webhook)
        if not webhook.is_active:
            raise CannotSend(f"{webhook} is off: switch it on to test it.")
        delivery = WebhookDelivery.objects.create(
            webhook=webhook,
            event_id=f"test-{uuid4().hex}",
            kind=TEST,
            body={
                "type": TEST,
                "timestamp": now.isoformat(),
                "data": {
                    "actor": by.username if by else None,
                    "subject": {"kind": "webhook", "id": webhook.pk, "name": webhook.name},
                    "why": "This is a test: nothing happened.",
                },
            },
            made_at=now,
            next_try_at=now,
        )
        activity.record(verb="webhook.tested", subject=webhook, by=by)
    return delivery


def replay(delivery: WebhookDelivery, *, by: Operator | None) -> WebhookDelivery:
    """Send a delivery again at once, with the id that it has; raises `CannotSend`."""
    now = timezone.now()
    with transaction.atomic():
        webhook = _lock(delivery.webhook)
        if not webhook.is_active:
            raise CannotSend(f"{webhook} is off: switch it on to send this again.")
        over = WebhookDelivery.objects.filter(pk=delivery.pk, attempt=delivery.attempt)
        late = over.filter(state=_State.WAITING, next_try_at__gt=now, status=None, error="")
        if late.exists() or not over.update(
            state=_State.WAITING, attempt=0, next_try_at=now, status=None, error=""
        ):
            raise CannotSend("This delivery is being sent at this moment.")
        activity.record(
            verb="webhook.replayed",
            subject=webhook,
            by=by,
            after={"event": delivery.event_id, "kind": delivery.kind},
        )
    return WebhookDelivery.objects.get(pk=delivery.pk)


def _lock(webhook: Webhook) -> Webhook:
    return Webhook.objects.select_for_update(no_key=True).get(pk=webhook.pk)


def _new_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def _checked(terms: Terms) -> Terms:
    name = activity.wording(terms.name, what="The name", most=_MAX_NAME)
    if not name:
        raise CannotKeep("A webhook needs a name.")
    if terms.shape not in set(Shape):
        raise CannotKeep(f"There is no shape {terms.shape!r}.")
    unknown = sorted(set(terms.kinds) - set(CHOICES))
    if unknown:
        raise CannotKeep(f"Nothing is called {unknown[0]!r}.")
    if not terms.kinds:
        raise CannotKeep("Choose at least one thing that the webhook is told.")
    _check_url(terms.url)
    kinds = [kind for kind in CHOICES if kind in terms.kinds]
    return Terms(name, terms.url, kinds, str(terms.shape))


def _check_url(url: str) -> None:
    """Refuse an address that nothing would be sent to; names are looked up when it is sent."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise CannotKeep(f"This is no address: {error}") from error
    schemes = {"https", "http"} if settings.WEBHOOK_ALLOW_HTTP else {"https"}
    if parts.scheme not in schemes or not host or port == 0:
        raise CannotKeep("The address of a webhook reads as https://example.net/hook")
    if holds_secret(parts):
        raise CannotKeep("The address holds a password: messages are signed instead.")
    if parts.fragment or len(url) > _MAX_URL or not url.isascii() or not url.isprintable():
        raise CannotKeep("The address is too long, or holds characters that no address has.")
    try:
        address = ip_address(host)
    except ValueError:
        return
    if not is_allowed(address, settings.WEBHOOK_ALLOW_NETWORKS):
        raise CannotKeep(
            f"{address} is not on the public internet: FLEET_WEBHOOK_ALLOW_NETWORKS must list it."
        )


def _check_name(name: str, *, but: int | None = None) -> None:
    same = Webhook.objects.filter(name=name).values_list("pk", flat=True).first()
    if same is not None and same != but:
        raise CannotKeep(f"There is a webhook {name} already.")


def _columns(terms: Terms) -> dict[str, object]:
    return {**terms._asdict(), "kinds": list(terms.kinds)}


def _told(terms: Terms) -> dict[str, activity.Value]:
    """What activity keeps of a webhook; of the address, which may hold a secret, only the host."""
    return {
        "name": terms.name,
        "host": urlsplit(terms.url).netloc,
        "kinds": list(terms.kinds),
        "shape": str(terms.shape),
    }
