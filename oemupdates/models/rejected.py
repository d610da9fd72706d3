"""Requests that the update endpoint refused."""

from django.db import models


class RejectedRequest(models.Model):
    """How often a source sent something that could not be answered, and the last of it, redacted.

    A row a day, reason and source, so that a flood is one row.
    """

    day = models.DateField()
    reason = models.CharField(max_length=32)
    source = models.CharField(max_length=64, blank=True)
    times = models.PositiveBigIntegerField(default=0)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()
    detail = models.CharField(max_length=500, blank=True)
    sample = models.TextField(blank=True)

    class Meta:
        ordering = ("-last_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("day", "reason", "source"), name="rejected_request_row"
            ),
        )
        indexes = (models.Index(fields=("last_at", "id"), name="rejected_last_at"),)

    def __str__(self) -> str:
        return f"{self.reason} from {self.source}"
