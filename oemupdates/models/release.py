"""Releases and their payloads."""

from django.db import models
from django.db.models.functions import Length

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models.application import Application, Architecture

models.CharField.register_lookup(Length)


class Release(models.Model):
    """An OS version as published for one architecture, with all its files.

    `codebase` is the URL below which nodes find the payloads, when another host serves them; empty
    means that this server does. `order` is `domain.version.sort_key` of the version.
    `origins` are the URLs below which syncs found the same files, the newest first.
    `documented_at` is when all of notes and lists of packages could be looked for last.
    """

    application = models.ForeignKey(Application, models.PROTECT, related_name="releases")
    version = models.CharField(max_length=64)
    order = models.CharField(max_length=128, db_index=True)
    architecture = models.CharField(max_length=16, choices=Architecture)
    codebase = models.URLField(max_length=500, blank=True, default="")
    origins = models.JSONField(default=list, blank=True)
    notes = models.TextField(blank=True, default="")
    published_on = models.DateField(null=True, blank=True)
    documented_at = models.DateTimeField(null=True, blank=True)
    registered_at = models.DateTimeField()
    blocked_at = models.DateTimeField(null=True, blank=True)
    blocked_because = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        ordering = ("-order", "architecture")
        constraints = (
            models.UniqueConstraint(
                fields=("application", "version", "architecture"), name="release_is_unique"
            ),
            models.CheckConstraint(
                condition=models.Q(codebase="") | models.Q(codebase__endswith="/"),
                name="release_codebase_ends_with_a_slash",
            ),
            models.CheckConstraint(
                condition=models.Q(blocked_at=None, blocked_because="")
                | (models.Q(blocked_at__isnull=False) & ~models.Q(blocked_because="")),
                name="release_is_blocked_for_a_reason",
            ),
        )

    def __str__(self) -> str:
        return f"{self.version} ({self.architecture})"

    @property
    def board(self) -> str:
        """The board in the layout of the release server: `amd64-usr`."""
        return f"{self.architecture}-usr"


class Payload(models.Model):
    """One file of a release: the OS, one OEM, or one extension. Hashes are lower-case hex.

    `signed_by` names the public key whose signature was found to hold when its bytes were read.
    `built_for` is the OS version that the image of an OEM or an extension says it is for, or its
    level, and `own_version` that of the tools inside. `unread_because` says why nobody could look
    into that image; it is empty if somebody did, and for the OS, which has none. `read_at` is when
    its bytes were read last, and `damaged_because` says why those that we host are no good now.
    """

    release = models.ForeignKey(Release, models.CASCADE, related_name="payloads")
    name = models.CharField(max_length=128)
    size = models.PositiveBigIntegerField()
    sha1 = models.CharField(max_length=40)
    sha256 = models.CharField(max_length=64)
    is_verified = models.BooleanField(default=False)
    signed_by = models.CharField(max_length=255, blank=True, default="")
    built_for = models.CharField(max_length=128, blank=True, default="")
    own_version = models.CharField(max_length=128, blank=True, default="")
    unread_because = models.CharField(max_length=200, blank=True, default="")
    read_at = models.DateTimeField(null=True, blank=True)
    damaged_because = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=("release", "name"), name="payload_is_unique"),
            models.CheckConstraint(condition=models.Q(size__gt=0), name="payload_has_a_size"),
            models.CheckConstraint(
                condition=models.Q(sha1__length=40, sha256__length=64), name="payload_has_hashes"
            ),
            models.CheckConstraint(
                condition=~models.Q(name="") & ~models.Q(name__contains="/"),
                name="payload_name_is_bare",
            ),
            models.CheckConstraint(
                condition=models.Q(unread_because="")
                | models.Q(built_for="", own_version="") & ~models.Q(name=OS_PAYLOAD),
                name="payload_is_read_or_not",
            ),
            models.CheckConstraint(
                condition=models.Q(damaged_because="") | models.Q(is_verified=False),
                name="payload_is_damaged_or_verified",
            ),
        )

    def __str__(self) -> str:
        return self.name
