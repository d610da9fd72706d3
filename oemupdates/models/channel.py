"""Channels, with the floors and dead ends on their way."""

from django.db import models

from oemupdates.models.application import Application, Architecture
from oemupdates.models.release import Release


class Channel(models.Model):
    """A stream of releases for one architecture; `target` is what its groups should run."""

    application = models.ForeignKey(Application, models.PROTECT, related_name="channels")
    name = models.CharField(max_length=64)
    architecture = models.CharField(max_length=16, choices=Architecture)
    target = models.ForeignKey(
        Release, models.PROTECT, null=True, blank=True, related_name="target_of"
    )

    class Meta:
        ordering = ("name", "architecture")
        constraints = (
            models.UniqueConstraint(
                fields=("application", "name", "architecture"), name="channel_is_unique"
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.architecture})"


class Floor(models.Model):
    """A release that nodes must pass on the way to any newer one of the channel, and why."""

    channel = models.ForeignKey(Channel, models.CASCADE, related_name="floors")
    release = models.ForeignKey(Release, models.PROTECT, related_name="floor_of")
    reason = models.CharField(max_length=500)

    class Meta:
        ordering = ("release__order",)
        constraints = (
            models.UniqueConstraint(fields=("channel", "release"), name="floor_is_unique"),
            models.CheckConstraint(condition=~models.Q(reason=""), name="floor_has_a_reason"),
        )

    def __str__(self) -> str:
        return f"{self.release.version} is a floor of {self.channel}"


class DeadEnd(models.Model):
    """A version from which the channel has no way on, and why."""

    channel = models.ForeignKey(Channel, models.CASCADE, related_name="dead_ends")
    version = models.CharField(max_length=64)
    reason = models.CharField(max_length=500)

    class Meta:
        ordering = ("version",)
        constraints = (
            models.UniqueConstraint(fields=("channel", "version"), name="dead_end_is_unique"),
            models.CheckConstraint(condition=~models.Q(reason=""), name="dead_end_has_a_reason"),
        )

    def __str__(self) -> str:
        return f"{self.version} is a dead end of {self.channel}"
