"""Labels: what operators write on nodes, to find them by."""

from typing import Self, TypeVar

from django.db import models
from django.db.models import Exists, F, OuterRef

from oemupdates.domain.access import Reach
from oemupdates.models.node import Node

# The model that asks; naming it here would lead in a circle.
Row = TypeVar("Row", bound=models.Model)
# How many nodes of a reach are looked at for the labels to suggest: a page waits for them.
_LOOKED_AT = 2000


class LabelQuerySet(models.QuerySet[Row]):
    """The doors' questions to the labels."""

    def within(self, reach: Reach) -> Self:
        """The labels that nodes carry which somebody may see."""
        if reach.is_everywhere:
            return self
        seen = Node.objects.filter(group__in=reach.groups, labels__label=OuterRef("pk"))
        return self.filter(Exists(seen))

    def common(self, reach: Reach) -> Self:
        """The labels to suggest: the most carried first, or of a part of the fleet by name.

        A part's are those of its newest nodes, as no counter knows them all.
        """
        if reach.is_everywhere:
            return self.filter(nodes__gt=0).order_by("-nodes", "key", "value")
        mine = Node.objects.filter(group__in=reach.groups).order_by("-pk")[:_LOOKED_AT]
        carried = NodeLabel.objects.filter(node__in=mine.values("pk")).order_by()
        return self.filter(pk__in=carried.values("label")).order_by("key", "value")


class Label(models.Model):
    """A label that some nodes carry: `rack=7`, or plain, such as `canary`, with an empty value.

    `nodes` is how many carry it, archived ones among them; it is kept in the transaction that
    labels them.
    """

    key = models.CharField(max_length=63)
    value = models.CharField(max_length=128, blank=True)
    nodes = models.PositiveBigIntegerField(default=0)

    objects = LabelQuerySet.as_manager()

    class Meta:
        ordering = ("key", "value")
        constraints = (
            models.UniqueConstraint(fields=("key", "value"), name="label_is_unique"),
            models.CheckConstraint(condition=~models.Q(key=""), name="label_has_a_key"),
        )

    def __str__(self) -> str:
        return f"{self.key}={self.value}" if self.value else self.key


class NodeLabel(models.Model):
    """One label on one node, which carries one value of a key at most."""

    node = models.ForeignKey(Node, models.CASCADE, related_name="labels", db_index=False)
    label = models.ForeignKey(Label, models.PROTECT, related_name="carriers", db_index=False)
    key = models.CharField(max_length=63)

    class Meta:
        ordering = ("key",)
        constraints = (
            models.UniqueConstraint(fields=("node", "key"), name="node_label_one_value_a_key"),
        )
        indexes = (
            # In the order of nodes, so that a page of a label's nodes is read by the index alone.
            models.Index(fields=("label", "node"), name="node_label_label"),
            models.Index(fields=("key", "node"), name="node_label_key"),
        )

    def __str__(self) -> str:
        return f"{self.label} on {self.node}"


def count_labels(moved: dict[int, int]) -> None:
    """Add to the number of nodes that carry each label, in the order of their keys."""
    for label, number in sorted(moved.items()):
        if number:
            Label.objects.filter(pk=label).update(nodes=F("nodes") + number)
