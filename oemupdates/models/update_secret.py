"""Secrets of the update endpoint: what stands at the end of the address that nodes ask."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q

from oemupdates.models.group import Group


class UpdateSecretQuerySet(models.QuerySet["UpdateSecret"]):
    """What the door and the pages ask of secrets."""

    def kept_here(self) -> "UpdateSecretQuerySet":
        """Those that are rows; a setting's row only remembers its use."""
        return self.exclude(kind=UpdateSecret.Kind.SETTING)

    def valid(self, now: datetime) -> "UpdateSecretQuerySet":
        """Those that let nodes in now."""
        lasting = Q(ends_at=None) | Q(ends_at__gt=now)
        return self.kept_here().filter(lasting, revoked_at=None)

    def lasting(self) -> "UpdateSecretQuerySet":
        """Those that let any node in, without an end."""
        return self.kept_here().filter(revoked_at=None, ends_at=None, is_limited_to_group=False)


class UpdateSecret(models.Model):
    """One secret that lets nodes check in; never deleted, only ended or revoked.

    `digest` is the SHA-256 of what follows the endpoint's path, by which the door knows it;
    `sealed` is the secret itself, which new nodes are told. The plain address, without a secret,
    is a row too. It is for one group if `is_limited_to_group`, so that a group's end widens
    nothing.
    """

    class Kind(models.TextChoices):
        """Where a secret comes from."""

        SECRET = "secret"  # noqa: S105 - its kind, not one
        PLAIN = "plain", "the address without a secret"
        SETTING = "setting", "from FLEET_UPDATE_SECRETS"

    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.SECRET)
    digest = models.CharField(max_length=64, unique=True)
    sealed = models.TextField(blank=True, default="")
    is_limited_to_group = models.BooleanField(default=False)
    group = models.ForeignKey(Group, models.SET_NULL, null=True, related_name="update_secrets")
    created_at = models.DateTimeField()
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    ends_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)
    last_used_at = models.DateTimeField(null=True)
    last_used_from = models.CharField(max_length=39, blank=True, default="")

    objects = UpdateSecretQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        constraints = (
            models.CheckConstraint(condition=~Q(name=""), name="update_secret_has_a_name"),
            models.CheckConstraint(
                condition=Q(kind__in=["secret", "plain", "setting"]),
                name="update_secret_kind_is_known",
            ),
            models.CheckConstraint(
                condition=Q(group=None) | Q(is_limited_to_group=True),
                name="update_secret_of_a_group_is_limited_to_it",
            ),
        )

    def __str__(self) -> str:
        return self.name
