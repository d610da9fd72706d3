"""Webhooks: who is told what, and what became of each telling."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q

from oemupdates.domain.notice import Shape
from oemupdates.models.node import Node


class Webhook(models.Model):
    """An address that is told when something happens.

    `kinds` are names of `domain.notice.CHOICES`. Nothing from before `active_since` is told.
    `failures` are tries in a row, over all deliveries, since `failing_since`.
    """

    name = models.CharField(max_length=100, unique=True)
    url = models.CharField(max_length=1000)
    kinds = models.JSONField(default=list)
    shape = models.CharField(max_length=16, default=Shape.GENERIC.value)
    sealed_secret = models.TextField()
    is_active = models.BooleanField(default=True)
    active_since = models.DateTimeField()
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="webhooks"
    )
    made_at = models.DateTimeField()
    failures = models.PositiveIntegerField(default=0)
    failing_since = models.DateTimeField(null=True)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(condition=~Q(name=""), name="webhook_has_a_name"),
            models.CheckConstraint(
                condition=Q(shape__in=[shape.value for shape in Shape]),
                name="webhook_shape_is_known",
            ),
        )

    def __str__(self) -> str:
        return self.name


class WebhookDelivery(models.Model):
    """One thing that one webhook is told. `event_id` stays the same however often it is sent.

    Whoever sends it takes it by adding one to `attempt` and moving `next_try_at` on, so that a
    sender that died leaves it to be sent again.
    """

    class State(models.TextChoices):
        """What became of it."""

        WAITING = "waiting"
        DELIVERED = "delivered"
        GIVEN_UP = "given_up"

    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries", db_index=False)
    event_id = models.CharField(max_length=100)
    kind = models.CharField(max_length=64)
    body: "models.JSONField[Any, Any]" = models.JSONField()
    made_at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    attempt = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField()
    tried_at = models.DateTimeField(null=True)
    status = models.PositiveIntegerField(null=True)
    error = models.CharField(max_length=300, blank=True, default="")
    answer = models.TextField(blank=True, default="")
    milliseconds = models.PositiveIntegerField(null=True)

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=("webhook", "event_id"), name="webhook_is_told_an_event_once"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "delivered", "given_up"]),
                name="webhook_delivery_state_is_known",
            ),
        )
        indexes = (
            models.Index(fields=("webhook", "id"), name="delivery_webhook"),
            models.Index(
                fields=("next_try_at",), condition=Q(state="waiting"), name="delivery_due"
            ),
            models.Index(fields=("made_at",), name="delivery_made_at"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id}"


class WebhookCursor(models.Model):
    """Up to which row of a table webhooks were told."""

    name = models.CharField(max_length=32, primary_key=True)
    last_id = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} up to {self.last_id}"


class DarkMark(models.Model):
    """A node fell silent at a time; written with the mark on the node itself."""

    node = models.ForeignKey(Node, models.CASCADE, related_name="dark_marks")
    at = models.DateTimeField(db_index=True)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"dark at {self.at}"
