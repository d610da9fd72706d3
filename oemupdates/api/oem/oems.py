"""The OEM catalogue over the API."""

from dataclasses import replace
from typing import Any

from django.db import models
from django.shortcuts import get_object_or_404
from rest_framework import serializers

from oemupdates.api.frame.call import Call, Listed
from oemupdates.api.frame.choices import (
    ARCHITECTURES,
    BEFORE_SYSEXT,
    OEM_KINDS,
    OEM_PROPOSAL_STATES,
)
from oemupdates.api.frame.fields import Asked, Body, Flag, Reasoned, Shape, Text
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.domain.access import Permission
from oemupdates.models import Oem, OemProposal
from oemupdates.services.oem import catalogue as verbs
from oemupdates.services.oem import oem_proposals


class ListOf(serializers.ListField):
    """Words of one column, as a list."""

    child = serializers.CharField()

    def __init__(self, between: str, **given: Any) -> None:
        self.between = between
        super().__init__(**given)

    def to_representation(self, data: Any) -> list[str]:
        """Take the column apart."""
        return [word for word in str(data).split(self.between) if word]


class OemShape(Shape):
    """One OEM id or extension: what it brings, and since when as a sysext.

    Without `tools` it is configuration only; without `alpha_since` it never came as a sysext.
    `build_tool` is the tool whose version its builds have, empty where they have one of their own.
    """

    kind = serializers.ChoiceField(OEM_KINDS)
    architectures = ListOf(" ")
    tools = ListOf(", ")
    before = serializers.ChoiceField(BEFORE_SYSEXT)

    changeable = (
        "name",
        "architectures",
        "alpha_since",
        "stable_since",
        "dropped_in",
        "migrates",
        "tools",
        "build_tool",
        "before",
        "source",
    )

    class Meta:
        model = Oem
        fields = (
            "id",
            "kind",
            "oem_id",
            "name",
            "architectures",
            "alpha_since",
            "stable_since",
            "dropped_in",
            "migrates",
            "tools",
            "build_tool",
            "before",
            "source",
            "is_custom",
            "is_corrected",
        )


class OemChange(Body):
    """What is to be corrected; what is left out stays as it is."""

    name = Text(required=False, allow_blank=True, max_length=64)
    architectures = serializers.ListField(
        child=serializers.ChoiceField(ARCHITECTURES), required=False, max_length=2
    )
    alpha_since = Text(required=False, allow_blank=True, max_length=64)
    stable_since = Text(required=False, allow_blank=True, max_length=64)
    dropped_in = Text(required=False, allow_blank=True, max_length=64)
    migrates = Flag(required=False)
    tools = serializers.ListField(child=Text(max_length=64), required=False, max_length=20)
    build_tool = Text(required=False, allow_blank=True, max_length=64)
    before = serializers.ChoiceField(BEFORE_SYSEXT, required=False)
    source = Text(required=False, allow_blank=True, max_length=200)  # type: ignore[assignment] # a field, which the metaclass takes away
    why = Text(required=False, allow_blank=True, max_length=500)


class NewOem(OemChange):
    """An OEM of the operators' own."""

    oem_id = Text(max_length=64)


def _terms(said: dict[str, Any], now: verbs.Terms) -> verbs.Terms:
    values = {name: value for name, value in said.items() if name not in {"why", "oem_id"}}
    for name in ("architectures", "tools"):
        if name in values:
            values[name] = tuple(values[name])
    return replace(now, **values)


def _one(pk: int, *, lock: bool = False) -> Oem:
    rows: models.QuerySet[Oem] = Oem.objects.all()
    return get_object_or_404(rows.select_for_update(no_key=True) if lock else rows, pk=pk)


class Oems(Resource):
    """The whole catalogue."""

    tag = "oem"

    @operation("list_oems", needs=Permission.READ_FLEET, gives=OemShape, lists=True)
    def get(self, call: Call) -> Listed[Oem]:
        """List the OEMs and extensions that are known, the newest first."""
        return Listed(Oem.objects.all())

    @operation("add_oem", needs=Permission.CHANGE_FLEET, gives=OemShape, takes=NewOem, status=201)
    def post(self, call: Call) -> Oem:
        """Add an OEM of the operators' own; decisions follow it from then on."""
        terms = _terms(call.said, verbs.Terms())
        return verbs.add(call.said["oem_id"], terms, by=call.by, why=call.said.get("why", ""))


class OneOem(Resource):
    """One OEM or extension."""

    tag = "oem"

    @operation("get_oem", needs=Permission.READ_FLEET, gives=OemShape)
    def get(self, call: Call, pk: int) -> Oem:
        """Show what the catalogue says of an OEM or extension."""
        return _one(pk)

    @operation(
        "change_oem",
        needs=Permission.CHANGE_FLEET,
        gives=OemShape,
        takes=OemChange,
        is_conditional=True,
    )
    def patch(self, call: Call, pk: int) -> Oem:
        """Correct what the catalogue says; decisions follow it from then on."""
        row = _one(pk, lock=True)
        call.check_version(row)
        terms = _terms(call.said, verbs.terms_of(row))
        return verbs.change(row, terms, by=call.by, why=call.said.get("why", ""))

    @operation("remove_oem", needs=Permission.CHANGE_FLEET, is_conditional=True)
    def delete(self, call: Call, pk: int) -> None:
        """Take an OEM of the operators' own out of the catalogue."""
        row = _one(pk, lock=True)
        call.check_version(row, OemShape)
        verbs.remove(row, by=call.by)


class OemProposalShape(Shape):
    """What releases that are here show of an OEM, and the catalogue does not say.

    `changes` are what the catalogue would say, by field; `is_new` if it does not know the OEM.
    Its payload was seen in releases from `first_version` to `last_version`.
    """

    state = serializers.ChoiceField(OEM_PROPOSAL_STATES)
    architectures = ListOf(" ")
    changes = serializers.DictField(child=serializers.CharField(allow_blank=True))

    class Meta:
        model = OemProposal
        fields = (
            "id",
            "oem_id",
            "is_new",
            "changes",
            "architectures",
            "first_version",
            "last_version",
            "made_at",
            "state",
        )


class OemProposalsAsked(Asked):
    """Which proposals to list."""

    state = serializers.ChoiceField(OEM_PROPOSAL_STATES, required=False)


class OemProposals(Resource):
    """All proposals for the catalogue."""

    tag = "oem"

    @operation(
        "list_oem_proposals",
        needs=Permission.READ_FLEET,
        gives=OemProposalShape,
        asks=OemProposalsAsked,
        lists=True,
    )
    def get(self, call: Call) -> Listed[OemProposal]:
        """List what releases show of OEMs that the catalogue does not say, the newest first."""
        return Listed(OemProposal.objects.filter(**call.chosen("state")))


class Accepting(Resource):
    """Accepting a proposal."""

    tag = "oem"

    @operation(
        "accept_oem_proposal", needs=Permission.CHANGE_FLEET, gives=OemShape, takes=Reasoned
    )
    def post(self, call: Call, pk: int) -> Oem:
        """Let the catalogue say so; decisions follow it from then on."""
        row = get_object_or_404(OemProposal, pk=pk)
        return oem_proposals.accept(row, by=call.by, **call.said)


class Dismissing(Resource):
    """Dismissing a proposal."""

    tag = "oem"

    @operation(
        "dismiss_oem_proposal",
        needs=Permission.CHANGE_FLEET,
        gives=OemProposalShape,
        takes=Reasoned,
    )
    def post(self, call: Call, pk: int) -> OemProposal:
        """Leave the catalogue as it is; the same is not proposed again."""
        oem_proposals.dismiss(get_object_or_404(OemProposal, pk=pk), by=call.by, **call.said)
        return get_object_or_404(OemProposal, pk=pk)
