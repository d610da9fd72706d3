"""What was taken from this server: payloads by day, and by node where its URL told which."""

from datetime import date
from typing import NamedTuple

from django.db import models
from django.db.models import F, Max, Q, Sum

from oemupdates.models.application import Architecture
from oemupdates.models.node import Node
from oemupdates.models.release import Release

# Initrds ask once for all of a file, wherever they get it then.
_ASKED = F("whole") + F("redirected")


class Taken(NamedTuple):
    """What was taken of a payload: requests for its last byte, others, bytes, and boots.

    `redirected` are the requests that were sent on to the bucket.
    """

    name: str
    whole: int
    partial: int
    redirected: int
    size: int
    boots: int


class TakenFrom(NamedTuple):
    """What was taken of a payload, and of which release it is."""

    version: str
    architecture: str
    name: str
    whole: int
    partial: int
    redirected: int
    size: int
    boots: int


class DayTaken(NamedTuple):
    """What was taken of all payloads on a day."""

    day: date
    whole: int
    partial: int
    redirected: int
    size: int


class BootFetches(NamedTuple):
    """How often initrds asked for the OEM of a version that they booted, and when last.

    `missing` are the requests that this server had no file for.
    """

    name: str
    version: str
    architecture: str
    times: int
    missing: int
    last_on: date


class DownloadCountQuerySet(models.QuerySet["DownloadCount"]):
    """The pages' questions to the counts."""

    def of(self, release: Release) -> "DownloadCountQuerySet":
        """Those of a release's payloads."""
        return self.filter(version=release.version, architecture=release.architecture)

    def given(self) -> "DownloadCountQuerySet":
        """Those of files that were here, or in the bucket."""
        return self.filter(Q(size__gt=0) | Q(redirected__gt=0))

    def taken(self) -> list[Taken]:
        """The sums by payload, the most bytes first."""
        sums = (
            self.given()
            .values_list("name")
            .annotate(
                requests=Sum("whole"),
                parts=Sum("partial"),
                sent_on=Sum("redirected"),
                sent=Sum("size"),
                boots=Sum(_ASKED, filter=Q(is_boot=True), default=0),
            )
            .order_by("-sent", "name")
        )
        return [Taken._make(values) for values in sums]

    def since(self, day: date) -> "DownloadCountQuerySet":
        """Those of a day and of all after it."""
        return self.filter(day__gte=day)

    def most_taken(self, most: int) -> list[TakenFrom]:
        """The payloads of which the most was sent, or sent on for, the most first."""
        sums = (
            self.given()
            .values_list("version", "architecture", "name")
            .annotate(
                requests=Sum("whole"),
                parts=Sum("partial"),
                sent_on=Sum("redirected"),
                sent=Sum("size"),
                boots=Sum(_ASKED, filter=Q(is_boot=True), default=0),
            )
            .order_by("-sent", "-sent_on", "version", "architecture", "name")
        )
        return [TakenFrom._make(values) for values in sums[:most]]

    def by_day(self) -> list[DayTaken]:
        """The sums of the days on which anything was taken, the first of them first."""
        sums = (
            self.given()
            .values_list("day")
            .annotate(
                requests=Sum("whole"),
                parts=Sum("partial"),
                sent_on=Sum("redirected"),
                sent=Sum("size"),
            )
            .order_by("day")
        )
        return [DayTaken._make(values) for values in sums]

    def boots(self, since: date) -> list[BootFetches]:
        """Boots that lacked their OEM since a day, by payload and version, the latest first."""
        found = (
            self.filter(is_boot=True, day__gte=since)
            .values_list("name", "version", "architecture")
            .annotate(
                times=Sum(_ASKED),
                missing=Sum("partial", filter=Q(size=0, redirected=0), default=0),
                last_on=Max("day"),
            )
            .order_by("-last_on", "name", "version")
        )
        return [BootFetches._make(values) for values in found]


class DownloadCount(models.Model):
    """How often a payload was asked for on a day, and how much of it was sent.

    `whole` are the requests that got its last byte, at once or going on from before, and `partial`
    all others. `redirected` were sent on to the bucket, which does not say what they got there.
    `is_boot` are those of initrds, for the OEM of the version that they booted; of `partial` ones
    without a byte the file was not here.
    """

    day = models.DateField()
    architecture = models.CharField(max_length=16, choices=Architecture)
    version = models.CharField(max_length=64)
    name = models.CharField(max_length=128)
    is_boot = models.BooleanField()
    whole = models.PositiveBigIntegerField(default=0)
    partial = models.PositiveBigIntegerField(default=0)
    redirected = models.PositiveBigIntegerField(default=0, db_default=0)
    size = models.PositiveBigIntegerField(default=0)

    objects = DownloadCountQuerySet.as_manager()

    class Meta:
        ordering = ("-day", "name")
        constraints = (
            models.UniqueConstraint(
                fields=("version", "architecture", "name", "day", "is_boot"),
                name="download_count_row",
            ),
        )
        indexes = (
            models.Index(fields=("day",), name="download_count_day"),
            models.Index(
                fields=("day",), condition=models.Q(is_boot=True), name="download_count_boot"
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} of {self.version} on {self.day}"


class NodeDownload(models.Model):
    """What a node took of a release on a day; a row a file, so that a flood is one row.

    It is written beside check-ins and takes no lock of the node, so the database does not watch
    over the key.
    """

    node = models.ForeignKey(
        Node, models.CASCADE, related_name="downloads", db_index=False, db_constraint=False
    )
    day = models.DateField()
    version = models.CharField(max_length=64)
    name = models.CharField(max_length=128)
    is_boot = models.BooleanField()
    whole = models.PositiveIntegerField(default=0)
    partial = models.PositiveIntegerField(default=0)
    redirected = models.PositiveIntegerField(default=0, db_default=0)
    size = models.PositiveBigIntegerField(default=0)
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        ordering = ("-last_at", "-id")
        constraints = (
            models.UniqueConstraint(
                fields=("node", "version", "name", "day", "is_boot"), name="node_download_row"
            ),
        )
        indexes = (models.Index(fields=("last_at",), name="node_download_last_at"),)

    def __str__(self) -> str:
        return f"{self.name} of {self.version} at {self.last_at}"
