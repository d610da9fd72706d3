"""Changes of many nodes at once, how far they have come, and what they found before."""

from typing import Self, TypeVar

from django.db import models
from django.db.models import Q

from oemupdates.domain.access import Reach
from oemupdates.models.activity import Activity
from oemupdates.models.node import Node
from oemupdates.models.operator import Operator
from oemupdates.models.token import ApiToken

# The model that asks; naming it here would lead in a circle.
Row = TypeVar("Row", bound=models.Model)


class BulkChangeQuerySet(models.QuerySet[Row]):
    """The doors' question to the changes."""

    def shown_to(self, operator: Operator, reach: Reach) -> Self:
        """An operator's own changes, and everybody's for who sees the whole fleet."""
        found = self.select_related("by", "undoes")
        return found if reach.is_everywhere else found.filter(by=operator)

    def begun_with(self, token: ApiToken) -> Self:
        """Those that somebody came with a token to begin, as activity has it."""
        begun = Activity.objects.filter(token=token, verb="bulk.started")
        return self.filter(pk__in=begun.order_by().values("subject_id"))


class BulkChange(models.Model):
    """One verb on the nodes of a query or of a list of keys, done in chunks.

    It goes through the nodes from the newest to the oldest: those with keys from `last_key` on
    are done (0: none yet). Each chunk moves it in the transaction that changes the chunk's nodes,
    so whoever is killed in between has done nothing twice. `undoes` is the change that this one
    takes back. `refusals` has how many nodes refused for each reason, `refused_nodes` the keys of
    the first of them.
    """

    class State(models.TextChoices):
        """Whether there is more to do."""

        RUNNING = "running", "Running"
        DONE = "done", "Done"
        STOPPED = "stopped", "Stopped"

    by = models.ForeignKey(Operator, models.PROTECT, related_name="bulk_changes")
    verb = models.CharField(max_length=32)
    arguments = models.JSONField(default=dict)
    why = models.CharField(max_length=500, blank=True)
    query = models.CharField(max_length=2000, blank=True)
    keys = models.JSONField(null=True)
    undoes = models.OneToOneField("self", models.PROTECT, null=True, related_name="undone_by")
    state = models.CharField(max_length=16, choices=State, default=State.RUNNING)
    expected = models.PositiveBigIntegerField(null=True)
    last_key = models.PositiveBigIntegerField(default=0)
    done = models.PositiveBigIntegerField(default=0)
    refused = models.PositiveBigIntegerField(default=0)
    refusals = models.JSONField(default=dict)
    refused_nodes = models.JSONField(default=dict, db_default={})
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    objects = BulkChangeQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(
                condition=Q(state="running", ended_at=None)
                | Q(state__in=["done", "stopped"], ended_at__isnull=False),
                name="bulk_change_ends_when_it_is_over",
            ),
        )
        indexes = (
            models.Index(fields=("id",), condition=Q(state="running"), name="bulk_change_running"),
        )

    def __str__(self) -> str:
        return f"{self.verb} of many nodes"


class BulkItem(models.Model):
    """A node that a bulk change changed, and the values that it had before."""

    change = models.ForeignKey(BulkChange, models.CASCADE, related_name="items", db_index=False)
    node = models.ForeignKey(Node, models.CASCADE, related_name="bulk_items", db_index=False)
    before = models.JSONField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("change", "node"), name="bulk_item_once_a_node"),
        )
        indexes = (models.Index(fields=("node", "change"), name="bulk_item_node"),)

    def __str__(self) -> str:
        return f"{self.node} in {self.change}"
