"""Users and their roles over the API."""

from typing import Any

from django.db import models
from django.shortcuts import get_object_or_404
from rest_framework import serializers

from oemupdates.api.call import Call, Listed
from oemupdates.api.choices import ROLES
from oemupdates.api.fields import Asked, Shape, Words
from oemupdates.api.operation import Resource, operation
from oemupdates.api.paging import Order
from oemupdates.api.shapes import GroupRef
from oemupdates.domain.access import Permission
from oemupdates.models import Operator, RoleGrant

BY_NAME = Order(("username", "pk"), is_descending=False)


class RoleGrantShape(Shape):
    """A role, in one group or everywhere (null); `provider` gave it at the last log-in."""

    role = serializers.ChoiceField(ROLES)
    group = GroupRef(allow_null=True)

    class Meta:
        model = RoleGrant
        fields = ("id", "role", "group", "provider")


class OperatorShape(Shape):
    """Somebody who logs in, or the account of a script; a superuser may do everything."""

    roles = RoleGrantShape(source="role_grants", many=True)

    class Meta:
        model = Operator
        fields = (
            "id",
            "username",
            "is_active",
            "is_superuser",
            "is_service_account",
            "must_change_password",
            "last_login",
            "date_joined",
            "roles",
        )


class OperatorsAsked(Asked):
    """Which users to list."""

    username = Words(required=False, max_length=150)


def every() -> models.QuerySet[Operator]:
    """All users, with their roles."""
    return Operator.objects.prefetch_related("role_grants__group")


class Operators(Resource):
    """All users."""

    tag = "users"

    @operation(
        "list_users",
        needs=Permission.READ_SECURITY,
        gives=OperatorShape,
        asks=OperatorsAsked,
        lists=True,
    )
    def get(self, call: Call) -> Listed[Operator]:
        """List the users with their roles, by name."""
        wanted: dict[str, Any] = call.chosen("username")
        return Listed(every().filter(**wanted), BY_NAME)


class OneOperator(Resource):
    """One user."""

    tag = "users"

    @operation("get_user", needs=Permission.READ_SECURITY, gives=OperatorShape)
    def get(self, call: Call, pk: int) -> Operator:
        """Show a user with their roles."""
        return get_object_or_404(every(), pk=pk)
