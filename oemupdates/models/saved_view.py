"""Saved views: lists of nodes that somebody wants to see again."""

from typing import Self, TypeVar

from django.db import models
from django.db.models import Q

from oemupdates.models.operator import Operator

# The model that asks; naming it here would lead in a circle.
Row = TypeVar("Row", bound=models.Model)


class SavedViewQuerySet(models.QuerySet[Row]):
    """The node list's question to the views."""

    def shown_to(self, operator: Operator) -> Self:
        """An operator's own views, and those that others share."""
        return self.filter(Q(owner=operator) | Q(is_shared=True)).select_related("owner")


class SavedView(models.Model):
    """A query of the node list by name; the owner's default is what the list opens with."""

    owner = models.ForeignKey(Operator, models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=64)
    query = models.CharField(max_length=2000, blank=True)
    is_shared = models.BooleanField(default=False)
    is_default = models.BooleanField(default=False)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        ordering = ("name", "id")
        constraints = (
            models.UniqueConstraint(fields=("owner", "name"), name="saved_view_name_is_unique"),
            models.UniqueConstraint(
                fields=("owner",), condition=Q(is_default=True), name="saved_view_one_default"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="saved_view_has_a_name"),
        )

    def __str__(self) -> str:
        return self.name
