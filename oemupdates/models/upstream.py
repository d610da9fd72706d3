"""Upstreams: other servers that releases come from, and which channels follow them."""

import uuid

from django.db import models
from django.db.models import Q

from oemupdates.models.application import FLATCAR
from oemupdates.models.channel import Channel


class Upstream(models.Model):
    """Another update server: how it is reached, and how far it is believed.

    `address` is where it answers Omaha requests, empty if it has files alone; `release_server`,
    `images_server` and `feed` are addresses of what is published beside it, empty if it has none;
    `{channel}` in the last two is the channel's name. `machine_id` is who we are to it, always the
    same. With `needs_inside` no OEM or extension is offered whose image nobody could look into.
    """

    class Kind(models.TextChoices):
        """What it is; each has addresses of its own that go without saying."""

        PUBLIC = "public", "Flatcar's public server"
        NEBRASKA = "nebraska", "Nebraska"
        FLEET = "fleet", "OEM Fleet"
        FILES = "files", "A release server alone"

    class Policy(models.TextChoices):
        """What a new release does to a channel."""

        FOLLOW = "follow", "The channel moves to it"
        PROPOSE = "propose", "An operator decides whether the channel moves to it"
        MIRROR = "mirror", "It is kept here, and no channel moves"

    name = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    address = models.CharField(max_length=500, blank=True, default="")
    release_server = models.CharField(max_length=500, blank=True, default="")
    images_server = models.CharField(max_length=500, blank=True, default="")
    feed = models.CharField(max_length=500, blank=True, default="")
    ca_file = models.CharField(max_length=500, blank=True, default="")
    proxy = models.CharField(max_length=500, blank=True, default="")
    policy = models.CharField(max_length=16, choices=Policy.choices, default=Policy.PROPOSE)
    needs_signature = models.BooleanField(default=True)
    needs_inside = models.BooleanField(default=False)
    interval_minutes = models.PositiveIntegerField(default=60)
    is_enabled = models.BooleanField(default=True)
    machine_id = models.UUIDField(default=uuid.uuid4, editable=False)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(condition=~Q(name=""), name="upstream_has_a_name"),
            models.CheckConstraint(
                condition=Q(kind__in=["public", "nebraska", "fleet", "files"]),
                name="upstream_kind_is_known",
            ),
            models.CheckConstraint(
                condition=Q(kind="files", address="") & ~Q(release_server="")
                | ~Q(kind="files") & ~Q(address=""),
                name="upstream_can_be_asked",
            ),
            models.CheckConstraint(
                condition=Q(policy__in=["follow", "propose", "mirror"]),
                name="upstream_policy_is_known",
            ),
            models.CheckConstraint(
                condition=Q(interval_minutes__gt=0), name="upstream_has_an_interval"
            ),
        )

    def __str__(self) -> str:
        return self.name


class Subscription(models.Model):
    """A channel of ours that gets its releases from a track of an upstream.

    `taken_floors` are the versions that were made floors for it once: one that an operator takes
    away stays away. So does a channel that followed to a version, `followed_to`, and was moved
    elsewhere by an operator. `failures` are runs in a row that failed.
    """

    upstream = models.ForeignKey(Upstream, models.CASCADE, related_name="subscriptions")
    channel = models.ForeignKey(Channel, models.CASCADE, related_name="subscriptions")
    track = models.CharField(max_length=64)
    appid = models.UUIDField(default=FLATCAR)
    taken_floors = models.JSONField(default=list, blank=True)
    followed_to = models.CharField(max_length=64, blank=True, default="")
    next_run_at = models.DateTimeField()
    last_success_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ("upstream__name", "channel__name", "channel__architecture")
        constraints = (
            models.UniqueConstraint(
                fields=("upstream", "channel"), name="channel_follows_an_upstream_once"
            ),
            models.CheckConstraint(condition=~Q(track=""), name="subscription_has_a_track"),
        )
        indexes = (models.Index(fields=("next_run_at",), name="subscription_due"),)

    def __str__(self) -> str:
        return f"{self.channel} from {self.upstream}"
