"""Payloads on other hosts whose bytes somebody wants to be read."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from oemupdates.models.release import Release


class Verification(models.Model):
    """Reading the bytes of a release's announced payloads from where its nodes get them.

    Whoever works on it holds a lock on the disk beside adding one to `attempt`. `results` are
    sentences, `problem` says what could not be verified.
    """

    class State(models.TextChoices):
        """How far it is."""

        OPEN = "open"
        DONE = "done"
        FAILED = "failed"

    release = models.ForeignKey(Release, models.CASCADE, related_name="verifications")
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="verifications"
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
                fields=("release",), condition=Q(state="open"), name="verification_is_alone"
            ),
            models.CheckConstraint(
                condition=Q(state="open", ended_at=None)
                | Q(state__in=["done", "failed"], ended_at__isnull=False),
                name="verification_ends_once",
            ),
            models.CheckConstraint(
                condition=Q(state="failed") ^ Q(problem=""),
                name="verification_fails_for_a_reason",
            ),
        )

    def __str__(self) -> str:
        return f"verification of {self.release}"
