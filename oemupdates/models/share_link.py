"""Share links: addresses that show something to whoever has them, without a log-in."""

from typing import Self, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from oemupdates.domain.access import EVERYWHERE, Reach
from oemupdates.models.group import Group

# The model that asks; naming it here would lead in a circle.
Row = TypeVar("Row", bound=models.Model)


class ShareLinkQuerySet(models.QuerySet[Row]):
    """The pages' questions to the links."""

    def within(self, reach: Reach) -> Self:
        """The links that show nothing beyond what somebody may see."""
        return self if reach.is_everywhere else self.filter(group__in=reach.groups)

    def wallboards(self) -> Self:
        """The links for screens, by name."""
        return self.filter(kind=ShareLink.Kind.WALLBOARD).order_by("name", "id")


class ShareLink(models.Model):
    """A secret address of a group's badge, or of the wallboard of a group or the fleet.

    The secret is found by its SHA-256 and can be shown again, as it is also sealed by a key that
    is not in the database. A link that is revoked is gone; activity remembers it.
    """

    class Kind(models.TextChoices):
        """What a link shows."""

        BADGE = "badge", "Status badge"
        WALLBOARD = "wallboard", "Wallboard"

    kind = models.CharField(max_length=16, choices=Kind)
    name = models.CharField(max_length=100, blank=True, default="")
    # With its group goes what showed it: a link must never come to show more.
    group = models.ForeignKey(Group, models.CASCADE, null=True, related_name="share_links")
    secret_hash = models.CharField(max_length=64, unique=True)
    sealed_secret = models.CharField(max_length=500)
    made_at = models.DateTimeField()
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    last_used_at = models.DateTimeField(null=True)

    objects = ShareLinkQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(
                fields=("group",), condition=Q(kind="badge"), name="share_link_one_badge_a_group"
            ),
            models.CheckConstraint(
                condition=~Q(kind="badge") | Q(group__isnull=False),
                name="share_link_badge_has_a_group",
            ),
            models.CheckConstraint(
                condition=~Q(kind="wallboard") | ~Q(name=""),
                name="share_link_wallboard_has_a_name",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=["badge", "wallboard"]), name="share_link_kind_is_known"
            ),
        )

    def __str__(self) -> str:
        return self.name or f"badge of {self.group}"

    @property
    def reach(self) -> Reach:
        """What of the fleet the link shows."""
        if self.group_id is None:
            return EVERYWHERE
        return Reach(is_everywhere=False, groups=frozenset({self.group_id}))
