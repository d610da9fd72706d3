"""Bundles on their way in: files that somebody brought, and what became of them."""

from django.conf import settings
from django.db import models
from django.db.models import Q


class BundleImport(models.Model):
    """A bundle that a worker takes in.

    `path` is where its file is on this server's disk; one that was uploaded is deleted at the end.
    One that `is_check` is only read to its end, and nothing of it is kept.
    Whoever works on it holds a lock on the disk beside adding one to `attempt`. `results` are
    sentences, `problem` says why nothing was taken.
    """

    class State(models.TextChoices):
        """How far it is."""

        OPEN = "open"
        DONE = "done"
        FAILED = "failed"

    name = models.CharField(max_length=255)
    path = models.CharField(max_length=4096)
    is_upload = models.BooleanField()
    is_check = models.BooleanField(default=False)
    size = models.PositiveBigIntegerField()
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="bundle_imports"
    )
    state = models.CharField(max_length=16, choices=State.choices, default=State.OPEN)
    attempt = models.PositiveIntegerField(default=0)
    ended_at = models.DateTimeField(null=True)
    results = models.JSONField(default=list, blank=True)
    problem = models.TextField(blank=True, default="")

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=("path",), condition=Q(state="open"), name="bundle_import_is_alone"
            ),
            models.CheckConstraint(
                condition=Q(state="open", ended_at=None)
                | Q(state__in=["done", "failed"], ended_at__isnull=False),
                name="bundle_import_ends_once",
            ),
            models.CheckConstraint(
                condition=Q(state="failed") ^ Q(problem=""),
                name="bundle_import_fails_for_a_reason",
            ),
        )

    def __str__(self) -> str:
        return self.name
