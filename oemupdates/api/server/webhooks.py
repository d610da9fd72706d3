"""Webhooks over the API, and what became of what they were told."""

from typing import Any

from django.db import models
from django.shortcuts import get_object_or_404
from rest_framework import serializers

from oemupdates.api.frame.call import Call, Listed
from oemupdates.api.frame.choices import DELIVERY_STATES, WEBHOOK_FORMS, WEBHOOK_KINDS
from oemupdates.api.frame.fields import Asked, Body, Plain, Reasoned, Shape, Text
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.groups.groups import Switch
from oemupdates.domain.access import Permission
from oemupdates.models import Webhook, WebhookDelivery
from oemupdates.services.news import webhooks as verbs


class WebhookShape(Shape):
    """An address that is told when something happens; its secret is shown when it is made."""

    kinds = serializers.ListField(child=serializers.ChoiceField(WEBHOOK_KINDS))
    shape = serializers.ChoiceField(WEBHOOK_FORMS)

    changeable = ("name", "url", "kinds", "shape", "is_active")

    class Meta:
        model = Webhook
        fields = (
            "id",
            "name",
            "url",
            "kinds",
            "shape",
            "is_active",
            "active_since",
            "made_at",
            "failures",
            "failing_since",
        )


class MadeWebhookShape(Plain):
    """A webhook with a new secret: this is the only time that it is shown."""

    webhook = WebhookShape()
    secret = serializers.CharField()


class DeliveryShape(Shape):
    """One thing that a webhook is told, and what became of the last try."""

    state = serializers.ChoiceField(DELIVERY_STATES)

    class Meta:
        model = WebhookDelivery
        fields = (
            "id",
            "event_id",
            "kind",
            "made_at",
            "state",
            "attempt",
            "next_try_at",
            "tried_at",
            "status",
            "error",
            "milliseconds",
        )


class DeliveriesAsked(Asked):
    """Which deliveries to list."""

    state = serializers.ChoiceField(DELIVERY_STATES, required=False)


class WebhookChange(Body):
    """What is to be changed of a webhook; what is left out stays as it is."""

    name = Text(required=False, max_length=100)
    url = Text(required=False, max_length=1000)
    kinds = serializers.ListField(
        child=serializers.ChoiceField(WEBHOOK_KINDS),
        required=False,
        min_length=1,
        max_length=len(WEBHOOK_KINDS),
    )
    shape = serializers.ChoiceField(WEBHOOK_FORMS, required=False)
    why = Text(required=False, allow_blank=True, max_length=500)


class NewWebhook(Body):
    """A webhook to be made."""

    name = Text(max_length=100)
    url = Text(max_length=1000)
    kinds = serializers.ListField(
        child=serializers.ChoiceField(WEBHOOK_KINDS), min_length=1, max_length=len(WEBHOOK_KINDS)
    )
    shape = serializers.ChoiceField(WEBHOOK_FORMS, required=False)


def _one(pk: int, *, lock: bool = False) -> Webhook:
    rows: models.QuerySet[Webhook] = Webhook.objects.all()
    return get_object_or_404(rows.select_for_update(no_key=True) if lock else rows, pk=pk)


class Webhooks(Resource):
    """All webhooks."""

    tag = "webhooks"

    @operation("list_webhooks", needs=Permission.ADMINISTER, gives=WebhookShape, lists=True)
    def get(self, call: Call) -> Listed[Webhook]:
        """List the webhooks, the newest first."""
        return Listed(Webhook.objects.all())

    @operation(
        "create_webhook",
        needs=Permission.ADMINISTER,
        gives=MadeWebhookShape,
        takes=NewWebhook,
        status=201,
        is_secret=True,
        is_dangerous=True,
    )
    def post(self, call: Call) -> dict[str, Any]:
        """Make a webhook, which is told what happens from now on; its secret is shown once."""
        return verbs.create(verbs.Terms(**call.said), by=call.by)._asdict()


class OneWebhook(Resource):
    """One webhook."""

    tag = "webhooks"

    @operation("get_webhook", needs=Permission.ADMINISTER, gives=WebhookShape)
    def get(self, call: Call, pk: int) -> Webhook:
        """Show a webhook, without its secret."""
        return _one(pk)

    @operation(
        "change_webhook",
        needs=Permission.ADMINISTER,
        gives=WebhookShape,
        takes=WebhookChange,
        is_conditional=True,
        is_dangerous=True,
    )
    def patch(self, call: Call, pk: int) -> Webhook:
        """Change what a webhook is told, where and in which shape."""
        webhook = _one(pk, lock=True)
        call.check_version(webhook)
        said = {name: value for name, value in call.said.items() if name != "why"}
        now = verbs.Terms(webhook.name, webhook.url, webhook.kinds, webhook.shape)
        why = call.said.get("why", "")
        return verbs.edit(webhook, now._replace(**said), by=call.by, why=why)

    @operation("delete_webhook", needs=Permission.ADMINISTER, is_conditional=True)
    def delete(self, call: Call, pk: int) -> None:
        """Remove a webhook, with what it was told."""
        webhook = _one(pk, lock=True)
        call.check_version(webhook, WebhookShape)
        verbs.remove(webhook, by=call.by)


class Switching(Resource):
    """Whether a webhook is told anything."""

    tag = "webhooks"

    @operation("switch_webhook", needs=Permission.ADMINISTER, gives=WebhookShape, takes=Switch)
    def post(self, call: Call, pk: int) -> Webhook:
        """Switch a webhook on, or off."""
        return verbs.switch(_one(pk), by=call.by, **call.said)


class Renewing(Resource):
    """The secret of a webhook."""

    tag = "webhooks"

    @operation(
        "renew_webhook_secret",
        needs=Permission.ADMINISTER,
        gives=MadeWebhookShape,
        takes=Reasoned,
        is_secret=True,
        is_dangerous=True,
    )
    def post(self, call: Call, pk: int) -> dict[str, Any]:
        """Give a webhook another secret; the former one signs nothing from now on."""
        return verbs.renew_secret(_one(pk), by=call.by, **call.said)._asdict()


class Testing(Resource):
    """Testing a webhook."""

    tag = "webhooks"

    @operation("test_webhook", needs=Permission.ADMINISTER, gives=DeliveryShape, status=202)
    def post(self, call: Call, pk: int) -> WebhookDelivery:
        """Let a webhook be told something that did not happen."""
        return verbs.test(_one(pk), by=call.by)


class Deliveries(Resource):
    """What a webhook was told."""

    tag = "webhooks"

    @operation(
        "list_deliveries",
        needs=Permission.ADMINISTER,
        gives=DeliveryShape,
        asks=DeliveriesAsked,
        lists=True,
    )
    def get(self, call: Call, pk: int) -> Listed[WebhookDelivery]:
        """List what a webhook was told, the newest first."""
        return Listed(_one(pk).deliveries.filter(**call.chosen("state")))


class Replaying(Resource):
    """Sending a delivery again."""

    tag = "webhooks"

    @operation("replay_delivery", needs=Permission.ADMINISTER, gives=DeliveryShape, status=202)
    def post(self, call: Call, pk: int, delivery: int) -> WebhookDelivery:
        """Send a delivery again at once, with the id that it has."""
        found = WebhookDelivery.objects.select_related("webhook")
        return verbs.replay(get_object_or_404(found, pk=delivery, webhook=pk), by=call.by)
