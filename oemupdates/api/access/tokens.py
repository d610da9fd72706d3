"""API tokens over the API."""

from typing import Any

from django.db import models
from django.db.models import Prefetch
from django.shortcuts import get_object_or_404
from rest_framework import serializers

from oemupdates.api.frame.call import Call, Listed
from oemupdates.api.frame.choices import PERMISSIONS
from oemupdates.api.frame.fields import (
    Asked,
    Body,
    Plain,
    Reasoned,
    Shape,
    Text,
    Whole,
    Words,
    key,
)
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.frame.problems import Fault, Unprocessable
from oemupdates.api.frame.shapes import GroupRef, OperatorRef
from oemupdates.api.groups.groups import within as groups_within
from oemupdates.domain.access import Permission
from oemupdates.models import ApiToken, Group, Operator
from oemupdates.models.token import ApiTokenQuerySet
from oemupdates.services.access import access
from oemupdates.services.access import tokens as verbs


class TokenShape(Shape):
    """An API token: what it may do, for whom and for how long; its secret is kept nowhere."""

    operator = OperatorRef()
    scopes = serializers.ListField(child=serializers.ChoiceField(PERMISSIONS))
    groups = GroupRef(many=True, allow_null=True)
    networks = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = ApiToken
        fields = (
            "id",
            "name",
            "operator",
            "prefix",
            "scopes",
            "groups",
            "networks",
            "created_at",
            "expires_at",
            "last_used_at",
            "last_used_from",
            "revoked_at",
        )

    def to_representation(self, instance: models.Model) -> Any:
        """A token for all groups has no list of them."""
        shown = super().to_representation(instance)
        if isinstance(instance, ApiToken) and not instance.is_limited_to_groups:
            shown["groups"] = None
        return shown


class MadeTokenShape(Plain):
    """A token that was just made, with its secret: this is the only time that it is shown."""

    token = TokenShape()
    secret = serializers.CharField()


class TokensAsked(Asked):
    """Which tokens to list."""

    operator = Words(
        required=False, max_length=150, help_text="A user name; your own tokens if left out."
    )


class NewToken(Body):
    """A token to be made: what it may do is asked of its owner's roles at each use, too."""

    name = Text(max_length=100)
    scopes = serializers.ListField(
        child=serializers.ChoiceField(PERMISSIONS), min_length=1, max_length=len(PERMISSIONS)
    )
    groups = serializers.ListField(
        child=key(), required=False, allow_null=True, min_length=1, max_length=1000
    )
    networks = serializers.ListField(
        child=Text(max_length=64), required=False, max_length=50, help_text="Such as 10.0.0.0/8."
    )
    days = Whole(required=False, min_value=1, max_value=verbs.MAX_DAYS)
    operator = Text(
        required=False,
        max_length=150,
        help_text="The user name of a service account; yourself if left out.",
    )


def every() -> ApiTokenQuerySet:
    """All tokens, with what is shown of them."""
    groups = Prefetch("groups", Group.objects.order_by("name", "architecture"))
    found: ApiTokenQuerySet = ApiToken.objects.select_related("operator").prefetch_related(groups)
    return found


def _seen(call: Call) -> models.QuerySet[ApiToken]:
    """The tokens that whoever asks may see: their own, or all.

    With a token that is limited to groups, those of its owner's that reach no further.
    """
    if call.where(Permission.READ_SECURITY).is_everywhere:
        return every()
    mine: ApiTokenQuerySet = every().filter(operator=call.by)
    limit = access.token_reach()
    return mine if limit.is_everywhere else mine.reaching_no_further(limit.groups)


class Tokens(Resource):
    """API tokens."""

    tag = "tokens"

    @operation("list_tokens", needs=None, gives=TokenShape, asks=TokensAsked, lists=True)
    def get(self, call: Call) -> Listed[ApiToken]:
        """List tokens, the newest first: your own, or somebody's if you may see security."""
        whose = call.asked.get("operator", call.by.username)
        return Listed(_seen(call).filter(operator__username=whose))

    @operation(
        "create_token",
        needs=None,
        gives=MadeTokenShape,
        takes=NewToken,
        status=201,
        is_secret=True,
        is_dangerous=True,
    )
    def post(self, call: Call) -> dict[str, Any]:
        """Make a token; its secret is in the answer, and never shown again."""
        said = call.said
        terms = verbs.Terms(
            [Permission(scope) for scope in said["scopes"]],
            _groups(call),
            said.get("days", verbs.DEFAULT_DAYS),
            said.get("networks", ()),
        )
        made = verbs.create(owner=_owner(call), by=call.by, name=said["name"], terms=terms)
        return {"token": every().get(pk=made.token.pk), "secret": made.secret}


def _groups(call: Call) -> list[Group] | None:
    wanted = call.said.get("groups")
    if wanted is None:
        return None
    found = list(groups_within(call.where()).filter(pk__in=wanted))
    if len(found) != len(set(wanted)):
        faults = [Fault("/groups", "There is no group with one of these ids.")]
        raise Unprocessable("See errors for what is wrong.", faults=faults)
    return found


def _owner(call: Call) -> Operator:
    name = call.said.get("operator", call.by.username)
    if name == call.by.username:
        return call.by
    call.require(Permission.ADMINISTER)
    found = Operator.objects.filter(username=name).first()
    if found is None:
        faults = [Fault("/operator", "There is nobody of this name.")]
        raise Unprocessable("See errors for what is wrong.", faults=faults)
    return found


class OneToken(Resource):
    """One API token."""

    tag = "tokens"

    @operation("get_token", needs=None, gives=TokenShape)
    def get(self, call: Call, pk: int) -> ApiToken:
        """Show a token, without its secret."""
        return get_object_or_404(_seen(call), pk=pk)


class Revoking(Resource):
    """Ending a token."""

    tag = "tokens"

    @operation("revoke_token", needs=None, gives=TokenShape, takes=Reasoned)
    def post(self, call: Call, pk: int) -> ApiToken:
        """End a token for ever: your own, or any as an administrator."""
        token = get_object_or_404(_seen(call), pk=pk)
        if token.operator_id != call.by.pk:
            call.require(Permission.ADMINISTER)
        verbs.revoke(token, by=call.by, why=call.said.get("why", ""))
        return every().get(pk=pk)
