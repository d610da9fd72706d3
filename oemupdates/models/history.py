"""What became of a node: versions it ran, events it sent, answers it heard."""

from django.db import models
from django.db.models import F, Q

from oemupdates.models.node import Node


class VersionInterval(models.Model):
    """What a node ran from when to when. Append-only: a row is only ever closed.

    The open interval (`ended_at` is null) is what the node runs now, so any day can be looked back
    at. `oem_version` is the OS version that the OEM sysext was built for.
    """

    node = models.ForeignKey(Node, models.CASCADE, related_name="intervals", db_index=False)
    version = models.CharField(max_length=64, blank=True)
    oem = models.CharField(max_length=64, blank=True)
    oem_version = models.CharField(max_length=128, blank=True)
    oem_build = models.CharField(max_length=128, blank=True)
    oem_basis = models.CharField(max_length=16, blank=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-started_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("node",), condition=Q(ended_at=None), name="interval_open_once_a_node"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None) | Q(ended_at__gte=F("started_at")),
                name="interval_ends_after_its_start",
            ),
        )
        indexes = (
            models.Index(fields=("node", "started_at"), name="interval_node_started"),
            # Who ran a version at some time, page by page.
            models.Index(fields=("version", "node"), name="interval_version_node"),
        )

    def __str__(self) -> str:
        return f"{self.version} from {self.started_at}"


class Event(models.Model):
    """An event that said something new: `code` without its flag bits, `flags` by name."""

    node = models.ForeignKey(Node, models.CASCADE, related_name="events", db_index=False)
    at = models.DateTimeField()
    meaning = models.CharField(max_length=32)
    type = models.IntegerField()
    result = models.IntegerField()
    code = models.PositiveIntegerField(default=0)
    flags = models.CharField(max_length=128, blank=True)
    version = models.CharField(max_length=64, blank=True)
    previous_version = models.CharField(max_length=64, blank=True)
    target_version = models.CharField(max_length=64, blank=True)
    boot_id = models.CharField(max_length=64, blank=True)

    class Meta:
        ordering = ("-at", "-id")
        indexes = (
            models.Index(fields=("node", "at"), name="event_node_at"),
            models.Index(fields=("at",), name="event_at"),
        )

    def __str__(self) -> str:
        return f"{self.meaning} at {self.at}"


class Answer(models.Model):
    """What a node heard from a moment on, and why; a row for each change of it.

    `said` is the check-in that was answered so, as JSON of what the door understood of it.
    """

    node = models.ForeignKey(Node, models.CASCADE, related_name="answers", db_index=False)
    at = models.DateTimeField()
    answer = models.CharField(max_length=80)
    reasons = models.TextField()
    said = models.TextField(blank=True, default="", db_default="")

    class Meta:
        ordering = ("-at", "-id")
        indexes = (
            models.Index(fields=("node", "at"), name="answer_node_at"),
            models.Index(fields=("at",), name="answer_at"),
        )

    def __str__(self) -> str:
        return f"{self.answer} at {self.at}"
