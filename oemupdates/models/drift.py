"""How nodes got out of step and back, and how far the clock has come with measuring them."""

from django.db import models
from django.db.models import F, Q

from oemupdates.models.node import Node


class DriftInterval(models.Model):
    """How long something that needs somebody was found of a node: a class of warning or worse.

    Append-only: a row is only ever closed, with what closed it. `is_opening_told` and
    `is_closing_told` say whether activity has it already.
    """

    node = models.ForeignKey(Node, models.CASCADE, related_name="drifts", db_index=False)
    drift = models.CharField(max_length=32)
    basis = models.CharField(max_length=16)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    closed_by = models.CharField(max_length=100, blank=True, default="", db_default="")
    is_opening_told = models.BooleanField(default=False, db_default=False)
    is_closing_told = models.BooleanField(default=False, db_default=False)

    class Meta:
        ordering = ("-opened_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("node", "drift"),
                condition=Q(closed_at=None),
                name="drift_open_once_a_node",
            ),
            models.CheckConstraint(
                condition=Q(closed_at=None) | Q(closed_at__gte=F("opened_at")),
                name="drift_closes_after_it_opened",
            ),
        )
        indexes = (
            models.Index(fields=("node", "opened_at"), name="drift_node_opened"),
            models.Index(
                fields=("id",), condition=Q(is_opening_told=False), name="drift_opening_untold"
            ),
            models.Index(
                fields=("id",),
                condition=Q(closed_at__isnull=False, is_closing_told=False),
                name="drift_closing_untold",
            ),
            models.Index(
                fields=("closed_at",),
                condition=Q(closed_at__isnull=False),
                name="drift_closed",
            ),
        )

    def __str__(self) -> str:
        return f"{self.drift} since {self.opened_at}"


class DriftPass(models.Model):
    """One walk over all nodes, measuring them by the configuration of an epoch.

    The newest says where the clock stands: `last_node` is the key behind which it goes on.
    """

    epoch = models.BigIntegerField()
    began_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    last_node = models.BigIntegerField(default=0)
    measured = models.PositiveBigIntegerField(default=0)
    changed = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ("-id",)

    def __str__(self) -> str:
        return f"drift by epoch {self.epoch}"
