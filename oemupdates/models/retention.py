"""For how long things are kept, where somebody chose other than the default."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class Retention(models.Model):
    """How many days one kind of thing is kept; a kind without a row is kept as by default."""

    kind = models.CharField(max_length=32, primary_key=True)
    days = models.PositiveIntegerField()
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )

    class Meta:
        ordering = ("kind",)
        constraints = (
            models.CheckConstraint(condition=Q(days__gte=1), name="retention_is_a_day_at_least"),
        )

    def __str__(self) -> str:
        return self.kind
