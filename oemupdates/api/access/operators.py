"""Users and their roles over the API."""

from typing import Any

from django.db import models
from django.shortcuts import get_object_or_404
from rest_framework import serializers

from oemupdates.api.frame.call import Call, Listed
from oemupdates.api.frame.choices import PERMISSIONS, ROLES
from oemupdates.api.frame.fields import (
    Asked,
    Body,
    Flag,
    Plain,
    Reasoned,
    Shape,
    Text,
    Words,
    key,
)
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.frame.paging import Order
from oemupdates.api.frame.problems import Fault, Unprocessable
from oemupdates.api.frame.shapes import GroupRef
from oemupdates.api.groups.groups import Switch
from oemupdates.domain.access import EVERYWHERE_ONLY, Permission, Role
from oemupdates.domain.access import ROLES as HELD
from oemupdates.models import Group, Operator, RoleGrant
from oemupdates.services.access import factors, roles
from oemupdates.services.access import operators as verbs

BY_NAME = Order(("username", "pk"), is_descending=False)


class RoleGrantShape(Shape):
    """A role, in one group or everywhere (null).

    `provider` gave it at the last log-in, and it ends at `holds_until` unless there is another.
    """

    role = serializers.ChoiceField(ROLES)
    group = GroupRef(allow_null=True)

    class Meta:
        model = RoleGrant
        fields = ("id", "role", "group", "provider", "holds_until")


class OperatorShape(Shape):
    """Somebody who logs in, or the account of a script; a superuser may do everything."""

    roles = RoleGrantShape(source="role_grants", many=True)
    providers = serializers.SerializerMethodField()

    @staticmethod
    def get_providers(operator: Any) -> list[str]:
        """The identity providers that they come by."""
        return [account.provider for account in operator.socialaccount_set.all()]

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
            "providers",
        )


class MadeOperatorShape(Plain):
    """A user with a one-time password, which is shown only now; null for a service account."""

    user = OperatorShape()
    password = serializers.CharField(allow_null=True)


class RolePermissionsShape(Plain):
    """What a role may do; in a group that it is limited to, no more than `in_a_group`."""

    role = serializers.ChoiceField(ROLES)
    permissions = serializers.ListField(child=serializers.ChoiceField(PERMISSIONS))
    in_a_group = serializers.ListField(child=serializers.ChoiceField(PERMISSIONS))


class RolesShape(Plain):
    """Every role."""

    roles = RolePermissionsShape(many=True)


class OperatorsAsked(Asked):
    """Which users to list."""

    username = Words(required=False, max_length=150)


class NewOperator(Body):
    """Somebody to be let in, or an account for scripts."""

    username = Text(max_length=150)
    is_service_account = Flag(required=False)


class NewGrant(Body):
    """A role, and the group that it is for; everywhere if that is left out."""

    role = serializers.ChoiceField(ROLES)
    group = key(required=False, allow_null=True)


def every() -> models.QuerySet[Operator]:
    """All users, with their roles."""
    return Operator.objects.prefetch_related("role_grants__group", "socialaccount_set")


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

    @operation(
        "create_user",
        needs=Permission.ADMINISTER,
        gives=MadeOperatorShape,
        takes=NewOperator,
        status=201,
        is_secret=True,
        is_dangerous=True,
    )
    def post(self, call: Call) -> dict[str, Any]:
        """Make an account; somebody's one-time password is in the answer, and only there."""
        name, password = call.said["username"], None
        if call.said.get("is_service_account"):
            made = verbs.create_service_account(name, by=call.by)
        else:
            made, password = verbs.create(name, by=call.by)
        return {"user": _one(made.pk), "password": password}


class OneOperator(Resource):
    """One user."""

    tag = "users"

    @operation("get_user", needs=Permission.READ_SECURITY, gives=OperatorShape)
    def get(self, call: Call, pk: int) -> Operator:
        """Show a user with their roles."""
        return _one(pk)


class Switching(Resource):
    """Whether an account may be used."""

    tag = "users"

    @operation(
        "switch_user",
        needs=Permission.ADMINISTER,
        gives=OperatorShape,
        takes=Switch,
        is_dangerous=True,
    )
    def post(self, call: Call, pk: int) -> Operator:
        """Switch an account on, or off: its sessions end, and its tokens are revoked for good."""
        verb = verbs.switch_on if call.said["on"] else verbs.switch_off
        verb(_one(pk), by=call.by, why=call.said.get("why", ""))
        return _one(pk)


class Resetting(Resource):
    """The password of somebody who lost it."""

    tag = "users"

    @operation(
        "reset_password",
        needs=Permission.ADMINISTER,
        gives=MadeOperatorShape,
        is_secret=True,
        is_dangerous=True,
    )
    def post(self, call: Call, pk: int) -> dict[str, Any]:
        """Give somebody a one-time password, which is in the answer; their sessions end."""
        password = verbs.reset_password(_one(pk), by=call.by)
        return {"user": _one(pk), "password": password}


class ResettingFactors(Resource):
    """The second factors of somebody who lost them."""

    tag = "users"

    @operation(
        "reset_factors",
        needs=Permission.ADMINISTER,
        gives=OperatorShape,
        takes=Reasoned,
        is_dangerous=True,
    )
    def post(self, call: Call, pk: int) -> Operator:
        """Forget the second factors of somebody who lost them; their sessions end."""
        factors.reset(_one(pk), by=call.by, why=call.said.get("why", ""))
        return _one(pk)


class MakingOrdinary(Resource):
    """The first account's power over everything."""

    tag = "users"

    @operation(
        "make_user_ordinary",
        needs=Permission.ADMINISTER,
        gives=OperatorShape,
        takes=Reasoned,
        is_dangerous=True,
    )
    def post(self, call: Call, pk: int) -> Operator:
        """Let the first account have no more than the roles that it is given."""
        roles.make_ordinary(_one(pk), by=call.by, why=call.said.get("why", ""))
        return _one(pk)


class Giving(Resource):
    """Roles that are given."""

    tag = "users"

    @operation(
        "give_role",
        needs=Permission.ADMINISTER,
        gives=OperatorShape,
        takes=NewGrant,
        status=201,
        is_dangerous=True,
    )
    def post(self, call: Call, pk: int) -> Operator:
        """Make somebody something, everywhere or in one group."""
        operator = _one(pk)
        group, wanted = None, call.said.get("group")
        if wanted is not None:
            group = Group.objects.filter(pk=wanted).first()
            if group is None:
                faults = [Fault("/group", "There is no group with this id.")]
                raise Unprocessable("See errors for what is wrong.", faults=faults)
        roles.give(operator, Role(call.said["role"]), group=group, by=call.by)
        return _one(pk)


class OneGrant(Resource):
    """One role of somebody."""

    tag = "users"

    @operation("take_role", needs=Permission.ADMINISTER, is_dangerous=True)
    def delete(self, call: Call, pk: int, grant: int) -> None:
        """Take a role away: not the last administrator's, nor what a provider gives."""
        found = RoleGrant.objects.select_related("operator")
        roles.take(get_object_or_404(found, pk=grant, operator=pk), by=call.by)


class Roles(Resource):
    """What roles are."""

    tag = "users"

    @operation("get_roles", needs=Permission.READ_SECURITY, gives=RolesShape)
    def get(self, call: Call) -> dict[str, Any]:
        """Say what each role may do."""
        shown = [
            {
                "role": role,
                "permissions": sorted(held),
                "in_a_group": sorted(held - EVERYWHERE_ONLY),
            }
            for role, held in HELD.items()
        ]
        return {"roles": shown}


def _one(pk: int) -> Operator:
    return get_object_or_404(every(), pk=pk)
