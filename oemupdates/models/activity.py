"""Activity: what operators, gates and the clock did."""

from typing import NoReturn

from django.conf import settings
from django.db import models


class Activity(models.Model):
    """One thing that somebody did, with what was before and after, and why. Append-only.

    `actor` is empty when the system did it. `verb` reads as `group.updates_off`; `subject` is how
    the thing was called, and `subject_url` where it is shown.
    """

    at = models.DateTimeField(db_index=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="activities"
    )
    verb = models.CharField(max_length=64)
    subject_kind = models.CharField(max_length=32)
    subject_id = models.BigIntegerField(null=True)
    subject = models.CharField(max_length=300)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    why = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "activity"
        indexes = (
            models.Index(fields=("subject_kind", "subject_id", "id"), name="activity_subject"),
        )

    def __str__(self) -> str:
        return f"{self.verb} {self.subject}"

    def delete(self, *_args: object, **_kwargs: object) -> NoReturn:
        """Refuse: what was done stays written."""
        raise TypeError("activity is append-only")
