"""Secrets of the update endpoint over the API."""

from typing import Any

from django.conf import settings
from django.db import models
from django.shortcuts import get_object_or_404
from django.utils import timezone
from rest_framework import serializers

from oemupdates.api.frame.call import Call, Listed
from oemupdates.api.frame.choices import UPDATE_SECRET_KINDS
from oemupdates.api.frame.fields import Asked, Plain, Reasoned, Shape, Text, Whole, key
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.frame.problems import Fault, Unprocessable
from oemupdates.api.frame.shapes import GroupRef, OperatorRef
from oemupdates.domain import snippet
from oemupdates.domain.access import Permission
from oemupdates.models import Group, UpdateSecret
from oemupdates.services.access import update_secrets as verbs
from oemupdates.services.shared.configuration import changing


class UpdateSecretShape(Shape):
    """What lets nodes check in: a secret, the address without one, or a setting that was used.

    It is for any group unless `is_limited_to_group`; then a `group` that is null is gone.
    """

    kind = serializers.ChoiceField(UPDATE_SECRET_KINDS)
    group = GroupRef(allow_null=True)
    created_by = OperatorRef(allow_null=True)

    class Meta:
        model = UpdateSecret
        fields = (
            "id",
            "name",
            "kind",
            "is_limited_to_group",
            "group",
            "created_at",
            "created_by",
            "ends_at",
            "revoked_at",
            "last_used_at",
            "last_used_from",
        )


class MadeUpdateSecretShape(Plain):
    """A new secret, and the address that nodes are told: groups' snippets have it from now on."""

    secret = UpdateSecretShape()
    server = serializers.CharField()


class UpdateSecretsAsked(Asked):
    """Which secrets to list."""

    valid = serializers.ChoiceField(
        ["true", "false"], required=False, help_text="Whether it lets nodes in now."
    )


class NewUpdateSecret(Reasoned):
    """A secret to be made: for one group, or for all if that is left out."""

    name = Text(max_length=100)
    group = key(required=False, allow_null=True)


class Overlap(Reasoned):
    """For how many days the former secret stays valid."""

    days = Whole(required=False, min_value=0, max_value=verbs.MAX_DAYS)


class End(Reasoned):
    """For how many days from now something is valid; for good if that is null."""

    days = Whole(allow_null=True, min_value=0, max_value=verbs.MAX_DAYS)


def every() -> models.QuerySet[UpdateSecret]:
    """All secrets, with what is shown of them."""
    return UpdateSecret.objects.select_related("group", "created_by")


def _one(pk: int) -> UpdateSecret:
    return get_object_or_404(every(), pk=pk)


def _told(made: verbs.Made) -> dict[str, Any]:
    return {
        "secret": _one(made.secret.pk),
        "server": snippet.server(settings.FLEET_URL, made.value),
    }


class UpdateSecrets(Resource):
    """All secrets of the update endpoint."""

    tag = "update-secrets"

    @operation(
        "list_update_secrets",
        needs=Permission.READ_SECURITY,
        gives=UpdateSecretShape,
        asks=UpdateSecretsAsked,
        lists=True,
    )
    def get(self, call: Call) -> Listed[UpdateSecret]:
        """List the secrets, the newest first; what they are is in the snippets of groups."""
        found = every()
        if wanted := call.asked.get("valid"):
            valid = UpdateSecret.objects.valid(timezone.now()).values("pk")
            is_in = models.Q(pk__in=valid)
            found = found.filter(is_in if wanted == "true" else ~is_in)
        return Listed(found)

    @operation(
        "create_update_secret",
        needs=Permission.ADMINISTER,
        gives=MadeUpdateSecretShape,
        takes=NewUpdateSecret,
        status=201,
        is_secret=True,
        within=changing,
        is_dangerous=True,
    )
    def post(self, call: Call) -> dict[str, Any]:
        """Make a secret, valid at once; the first one cuts nobody off."""
        group, wanted = None, call.said.get("group")
        if wanted is not None:
            group = Group.objects.filter(pk=wanted).first()
            if group is None:
                faults = [Fault("/group", "There is no group with this id.")]
                raise Unprocessable("See errors for what is wrong.", faults=faults)
        why = call.said.get("why", "")
        return _told(verbs.create(call.said["name"], by=call.by, group=group, why=why))


class OneUpdateSecret(Resource):
    """One secret of the update endpoint."""

    tag = "update-secrets"

    @operation("get_update_secret", needs=Permission.READ_SECURITY, gives=UpdateSecretShape)
    def get(self, call: Call, pk: int) -> UpdateSecret:
        """Show a secret: its age, its end, and when it was used last and from where."""
        return _one(pk)


class Rotating(Resource):
    """The successor of a secret."""

    tag = "update-secrets"

    @operation(
        "rotate_update_secret",
        needs=Permission.ADMINISTER,
        gives=MadeUpdateSecretShape,
        takes=Overlap,
        status=201,
        is_secret=True,
        within=changing,
        is_dangerous=True,
    )
    def post(self, call: Call, pk: int) -> dict[str, Any]:
        """Make the successor of a secret, valid at once; the former is valid for a while."""
        return _told(verbs.rotate(_one(pk), by=call.by, **call.said))


class Ending(Resource):
    """The end of a secret."""

    tag = "update-secrets"

    @operation(
        "set_update_secret_end",
        needs=Permission.ADMINISTER,
        gives=UpdateSecretShape,
        takes=End,
        within=changing,
        is_dangerous=True,
    )
    def post(self, call: Call, pk: int) -> UpdateSecret:
        """Say for how long a secret is valid from now on: not so for the last one."""
        verbs.set_end(_one(pk), by=call.by, **call.said)
        return _one(pk)


class RevokingSecret(Resource):
    """Ending a secret at once."""

    tag = "update-secrets"

    @operation(
        "revoke_update_secret",
        needs=Permission.ADMINISTER,
        gives=UpdateSecretShape,
        takes=Reasoned,
        within=changing,
        is_dangerous=True,
    )
    def post(self, call: Call, pk: int) -> UpdateSecret:
        """End a secret at once and for ever: not so the last one."""
        verbs.revoke(_one(pk), by=call.by, why=call.said.get("why", ""))
        return _one(pk)


class OpeningPlain(Resource):
    """Whether nodes without a secret are let in."""

    tag = "update-secrets"

    @operation(
        "open_plain_address",
        needs=Permission.ADMINISTER,
        gives=UpdateSecretShape,
        takes=End,
        within=changing,
        is_dangerous=True,
    )
    def post(self, call: Call) -> UpdateSecret:
        """Let nodes without a secret in, for a while or for good."""
        return _one(verbs.open_plain(by=call.by, **call.said).pk)
