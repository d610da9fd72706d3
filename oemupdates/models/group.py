"""Groups, and the names by which nodes ask for them."""

import uuid

from django.db import models

from oemupdates.domain import policy_words
from oemupdates.domain.access import Reach
from oemupdates.domain.policy import MAX_POLL_SECONDS, MIN_POLL_SECONDS, PayloadSource
from oemupdates.models.application import Application, Architecture
from oemupdates.models.channel import Channel


class GroupQuerySet(models.QuerySet["Group"]):
    """The pages' questions to the groups."""

    def within(self, reach: Reach) -> "GroupQuerySet":
        """The groups that somebody may see."""
        return self if reach.is_everywhere else self.filter(pk__in=reach.groups)


class Group(models.Model):
    """The operator's division of the fleet; a node asks for it by `track` (its `GROUP=`).

    `max_under_way` is how many nodes may be between offer and reboot at once. A node that is not
    heard for `dark_after_seconds` is dark. `node_urls_since` is since when its nodes are sent to
    URLs of their own on this server first, so that what they did not take there is known.
    """

    class Source(models.TextChoices):
        MIRROR = PayloadSource.MIRROR.value, "This server"
        MIRROR_FIRST = PayloadSource.MIRROR_FIRST.value, "This server, then its origin"
        ORIGIN = PayloadSource.ORIGIN.value, "Its origin"
        ORIGIN_FIRST = PayloadSource.ORIGIN_FIRST.value, "Its origin, then this server"

    uuid = models.UUIDField(unique=True, default=uuid.uuid4)
    application = models.ForeignKey(Application, models.PROTECT, related_name="groups")
    name = models.CharField(max_length=64)
    architecture = models.CharField(max_length=16, choices=Architecture)
    track = models.CharField(max_length=256)
    description = models.CharField(max_length=500, blank=True, default="")
    channel = models.ForeignKey(
        Channel, models.PROTECT, null=True, blank=True, related_name="groups"
    )
    updates_enabled = models.BooleanField(default=True)
    needs_oem_payload = models.BooleanField(default=True)
    offers_own_oem_only = models.BooleanField(default=False)
    poll_interval_seconds = models.PositiveIntegerField(default=MIN_POLL_SECONDS)
    dark_after_seconds = models.PositiveIntegerField(default=6 * 60 * 60)
    max_postinst_failures = models.PositiveSmallIntegerField(default=3)
    max_download_failures = models.PositiveSmallIntegerField(default=10)
    max_under_way = models.PositiveIntegerField(null=True, blank=True)
    payload_source = models.CharField(max_length=16, choices=Source, default=Source.MIRROR)
    has_node_urls = models.BooleanField(default=False)
    node_urls_since = models.DateTimeField(null=True, blank=True)

    objects = GroupQuerySet.as_manager()

    class Meta:
        ordering = ("name", "architecture")
        constraints = (
            models.UniqueConstraint(
                fields=("application", "architecture", "track"), name="group_track_is_unique"
            ),
            models.UniqueConstraint(
                fields=("application", "architecture", "name"), name="group_name_is_unique"
            ),
            models.CheckConstraint(condition=~models.Q(track=""), name="group_has_a_track"),
            models.CheckConstraint(
                condition=models.Q(
                    poll_interval_seconds__gte=MIN_POLL_SECONDS,
                    poll_interval_seconds__lte=MAX_POLL_SECONDS,
                ),
                name="group_poll_interval_is_one_that_clients_keep",
            ),
            models.CheckConstraint(
                condition=models.Q(max_postinst_failures__gte=1, max_download_failures__gte=1),
                name="group_allows_one_attempt",
            ),
            models.CheckConstraint(
                condition=models.Q(payload_source__in=[source.value for source in PayloadSource]),
                name="group_has_a_payload_source",
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.architecture})"

    @property
    def target_version(self) -> str:
        """The version that its nodes should run; empty if there is none."""
        target = self.channel.target if self.channel else None
        return target.version if target else ""

    @property
    def policy(self) -> policy_words.Policy:
        """What is said of it, to be put in words."""
        target = self.channel.target if self.channel else None
        return policy_words.Policy(
            architecture=self.architecture,
            track=self.track,
            channel=self.channel.name if self.channel else "",
            target=self.target_version,
            updates_enabled=self.updates_enabled,
            needs_oem_payload=self.needs_oem_payload,
            offers_own_oem_only=self.offers_own_oem_only,
            poll_interval_seconds=self.poll_interval_seconds,
            dark_after_seconds=self.dark_after_seconds,
            max_postinst_failures=self.max_postinst_failures,
            max_download_failures=self.max_download_failures,
            max_under_way=self.max_under_way,
            payload_source=PayloadSource(self.payload_source),
            has_node_urls=self.has_node_urls,
            origins=tuple(target.origins) if target else (),
        )


class TrackAlias(models.Model):
    """Another word for a track: the UUIDs that nodes of older servers still send."""

    application = models.ForeignKey(Application, models.CASCADE, related_name="track_aliases")
    alias = models.CharField(max_length=256)
    track = models.CharField(max_length=256)

    class Meta:
        ordering = ("alias",)
        constraints = (
            models.UniqueConstraint(fields=("application", "alias"), name="track_alias_is_unique"),
        )

    def __str__(self) -> str:
        return f"{self.alias} means {self.track}"
