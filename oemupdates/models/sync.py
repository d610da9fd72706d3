"""What was fetched from upstreams, and what it led to: runs, proposals, lists of packages."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from oemupdates.models.channel import Channel
from oemupdates.models.release import Release
from oemupdates.models.upstream import Upstream


class SyncRun(models.Model):
    """One look at an upstream for one channel, or one import of a release by its number.

    Whoever works on it takes it by adding one to `attempt` and moving `lease_until` on, and goes
    on doing that while it lives; one that died leaves it to be taken over. A dry run fetches
    nothing. `changes` and `remarks` are lists of sentences, `problem` says why it failed.
    """

    class State(models.TextChoices):
        """How far it is."""

        WAITING = "waiting"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        CANCELLED = "cancelled"

    OPEN = (State.WAITING.value, State.RUNNING.value)

    upstream = models.ForeignKey(Upstream, models.CASCADE, related_name="runs", db_index=False)
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="sync_runs")
    version = models.CharField(max_length=64, blank=True, default="")
    is_dry = models.BooleanField(default=False)
    asked_at = models.DateTimeField()
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="sync_runs"
    )
    state = models.CharField(max_length=16, choices=State.choices, default=State.WAITING)
    attempt = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    doing = models.CharField(max_length=200, blank=True, default="")
    files_done = models.PositiveIntegerField(default=0)
    files_total = models.PositiveIntegerField(default=0)
    bytes_done = models.PositiveBigIntegerField(default=0)
    bytes_total = models.PositiveBigIntegerField(default=0)
    changes = models.JSONField(default=list, blank=True)
    remarks = models.JSONField(default=list, blank=True)
    problem = models.TextField(blank=True, default="")

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=("upstream", "channel"),
                condition=Q(state__in=["waiting", "running"]),
                name="sync_run_is_alone",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "running"], ended_at=None)
                | Q(state__in=["done", "failed", "cancelled"], ended_at__isnull=False),
                name="sync_run_ends_once",
            ),
            models.CheckConstraint(
                condition=Q(state="failed") ^ Q(problem=""), name="sync_run_fails_for_a_reason"
            ),
        )
        indexes = (
            models.Index(fields=("upstream", "channel", "id"), name="sync_run_of"),
            models.Index(
                fields=("lease_until",),
                condition=Q(state__in=["waiting", "running"]),
                name="sync_run_open",
            ),
            models.Index(fields=("ended_at",), name="sync_run_ended"),
        )

    def __str__(self) -> str:
        what = f"{self.version} for {self.channel}" if self.version else str(self.channel)
        return f"{what} from {self.upstream}"


class Proposal(models.Model):
    """A release that a channel might move to, once an operator says so.

    `floors` are pairs of a version and the reason why nodes must pass it; they become floors of
    the channel with the move.
    """

    class State(models.TextChoices):
        """What became of it."""

        OPEN = "open"
        ACCEPTED = "accepted"
        DISMISSED = "dismissed"
        SUPERSEDED = "superseded"

    upstream = models.ForeignKey(Upstream, models.CASCADE, related_name="proposals")
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="proposals")
    release = models.ForeignKey(Release, models.CASCADE, related_name="proposals")
    floors = models.JSONField(default=list, blank=True)
    made_at = models.DateTimeField()
    state = models.CharField(max_length=16, choices=State.choices, default=State.OPEN)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="proposals"
    )

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.UniqueConstraint(
                fields=("upstream", "channel"),
                condition=Q(state="open"),
                name="proposal_is_alone",
            ),
            models.CheckConstraint(
                condition=Q(state="open", decided_at=None)
                | Q(
                    state__in=["accepted", "dismissed", "superseded"],
                    decided_at__isnull=False,
                ),
                name="proposal_is_decided_once",
            ),
        )

    def __str__(self) -> str:
        return f"{self.release.version} for {self.channel}"


class PackageList(models.Model):
    """The packages that one image of a release holds, a line each, as its publisher lists them.

    `name` is the payload's without its ending: `oem-azure`.
    """

    release = models.ForeignKey(Release, models.CASCADE, related_name="package_lists")
    name = models.CharField(max_length=128)
    content = models.TextField()
    # Whether its packages are rows; whoever writes the content says that they are not.
    is_read = models.BooleanField(default=False)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=("release", "name"), name="package_list_is_unique"),
        )

    def __str__(self) -> str:
        return f"{self.name} of {self.release}"
