"""Roles: who is what to the fleet, or to a part of it."""

from django.conf import settings
from django.db import models

from oemupdates.domain.access import Role
from oemupdates.models.group import Group


class RoleGrant(models.Model):
    """One role of one operator: everywhere, or in one group; several rows add up.

    `provider` names the identity provider that gave it at the last log-in, and will take it away
    again; it is empty for what an admin gave. Whoever does not log in by it any more has the role
    until `holds_until`.
    """

    operator = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="role_grants"
    )
    role = models.CharField(max_length=16, choices=[(role.value, role.value) for role in Role])
    group = models.ForeignKey(Group, models.CASCADE, null=True, related_name="role_grants")
    provider = models.CharField(max_length=64, blank=True, default="")
    holds_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ("operator", "role", "id")
        constraints = (
            models.UniqueConstraint(
                fields=("operator", "role", "group", "provider"), name="role_grant_is_unique"
            ),
            models.UniqueConstraint(
                fields=("operator", "role", "provider"),
                condition=models.Q(group=None),
                name="role_grant_everywhere_is_unique",
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=[role.value for role in Role]),
                name="role_grant_role_is_known",
            ),
        )

    def __str__(self) -> str:
        return f"{self.operator} is {self.role}{f' of {self.group}' if self.group else ''}"
