"""API tokens: what scripts come with instead of a password."""

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models

from oemupdates.models.group import Group


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    """What the pages ask of tokens."""

    def valid(self, now: datetime) -> "ApiTokenQuerySet":
        """Those that would be let in now."""
        return self.filter(revoked_at=None, expires_at__gt=now, operator__is_active=True)

    def reaching_no_further(self, groups: Collection[int]) -> "ApiTokenQuerySet":
        """Those that are limited to some of these groups, by their keys."""
        beyond = ApiToken.groups.through.objects.exclude(group__in=groups)
        return self.filter(is_limited_to_groups=True).exclude(pk__in=beyond.values("apitoken"))

    def ending(self, now: datetime, *, within: timedelta, used: timedelta) -> "ApiTokenQuerySet":
        """Those that end soon and that a script came with lately, the soonest first."""
        lately = self.valid(now).filter(last_used_at__gt=now - used)
        return lately.filter(expires_at__lte=now + within).order_by("expires_at", "id")


class ApiToken(models.Model):
    """A named secret of one operator, kept as its SHA-256 alone; never deleted, only revoked.

    `scopes` are permissions by their values and can only narrow what its owner may do. It is
    limited to `groups` if `is_limited_to_groups`, so that a group's end widens nothing.
    """

    name = models.CharField(max_length=100)
    operator = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="api_tokens"
    )
    secret_hash = models.CharField(max_length=64, unique=True)
    prefix = models.CharField(max_length=16)
    scopes = models.JSONField(default=list)
    is_limited_to_groups = models.BooleanField(default=False)
    groups = models.ManyToManyField(Group, related_name="+")
    networks = models.JSONField(default=list)
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    last_used_from = models.CharField(max_length=39, blank=True, default="")
    last_refused_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(condition=~models.Q(name=""), name="api_token_has_a_name"),
            models.CheckConstraint(
                condition=models.Q(expires_at__gt=models.F("created_at")),
                name="api_token_expires_after_it_was_made",
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
