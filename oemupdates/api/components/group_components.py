"""Which components a group's nodes should have, over the API, and what they are given for that."""

from functools import partial
from typing import Any

from django.db import models
from django.shortcuts import get_object_or_404
from rest_framework import serializers

from oemupdates.api.components.components import named
from oemupdates.api.frame.call import Call, Listed
from oemupdates.api.frame.fields import Plain, Reasoned, Shape, Text
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.frame.paging import Order
from oemupdates.api.frame.problems import StaleVersion
from oemupdates.api.groups.groups import seen
from oemupdates.domain import sysupdate, transfer
from oemupdates.domain.access import Permission
from oemupdates.models import ComponentWant, Group
from oemupdates.services.components import component_sums
from oemupdates.services.components import component_wants as verbs
from oemupdates.services.shared.configuration import changing

BY_NAME = Order(("component__name", "pk"), is_descending=False)


class WantShape(Shape):
    """That a group's nodes should have a component: up to a version, or the newest if null."""

    component = serializers.CharField(source="component.name")
    up_to = serializers.SerializerMethodField()
    newest = serializers.CharField(
        allow_null=True,
        help_text="The newest version that is listed for its nodes, if it fits their OS version;"
        " null if there is none.",
    )

    changeable = ("component", "up_to")

    class Meta:
        model = ComponentWant
        fields = ("id", "component", "up_to", "newest")

    def get_up_to(self, want: ComponentWant) -> str | None:
        """The version that its nodes get no newer one than."""
        return want.up_to or None


class WantBody(Reasoned):
    """Up to which version a group's nodes should have a component."""

    up_to = Text(
        required=False,
        allow_null=True,
        max_length=sysupdate.MAX_VERSION,
        help_text="null, or left out: the newest.",
    )


class TransferUnitShape(Plain):
    """A systemd unit that a node is given; one that is enabled starts by itself."""

    name = serializers.CharField()
    text = serializers.CharField()
    is_enabled = serializers.BooleanField()


class TransferShape(Plain):
    """What a node is given for one component."""

    component = serializers.CharField()
    path = serializers.CharField(help_text="Where the transfer file is put.")
    transfer = serializers.CharField(help_text="As sysupdate.d(5) has it.")
    units = TransferUnitShape(many=True)


class TransfersShape(Plain):
    """What a node is given so that it keeps the components of its group up to date."""

    is_signed = serializers.BooleanField(
        help_text="Whether lists are signed here, and nodes believe no others."
    )
    components = TransferShape(many=True)
    butane = serializers.CharField(help_text="For new nodes; empty if the group wants nothing.")


class Wants(Resource):
    """The components that a group wants."""

    tag = "components"

    @operation("list_group_components", needs=Permission.READ_FLEET, gives=WantShape, lists=True)
    def get(self, call: Call, pk: int) -> Listed[ComponentWant]:
        """List the components that a group's nodes should have, by name."""
        group = seen(call, pk)
        return Listed(_wants(group), BY_NAME, partial(_complete, group))


class OneWant(Resource):
    """One component that a group wants."""

    tag = "components"

    @operation("get_group_component", needs=Permission.READ_FLEET, gives=WantShape)
    def get(self, call: Call, pk: int, component: str) -> ComponentWant:
        """Show up to which version a group's nodes should have a component."""
        return _one(seen(call, pk), component)

    @operation(
        "want_component",
        needs=Permission.OPERATE_GROUPS,
        gives=WantShape,
        takes=WantBody,
        within=changing,
    )
    def put(self, call: Call, pk: int, component: str) -> ComponentWant:
        """Let a group's nodes have a component: up to a version, or the newest.

        Nodes that have a newer version keep it.
        """
        group = seen(call, pk)
        call.require(Permission.OPERATE_GROUPS, group=pk)
        found = named(component)
        _check_version(call, _wants(group).filter(component=found).first())
        verbs.want(
            group,
            found,
            up_to=call.said.get("up_to") or "",
            by=call.by,
            why=call.said.get("why", ""),
        )
        return _one(group, component)

    @operation(
        "unwant_component",
        needs=Permission.OPERATE_GROUPS,
        takes=Reasoned,
        is_conditional=True,
        within=changing,
    )
    def delete(self, call: Call, pk: int, component: str) -> None:
        """Show a group's nodes no more of a component; what they have stays."""
        group = seen(call, pk)
        call.require(Permission.OPERATE_GROUPS, group=pk)
        want = _one(group, component)
        call.check_version(want, WantShape)
        verbs.unwant(group, want.component, by=call.by, why=call.said.get("why", ""))


class Transfers(Resource):
    """What a node is given so that it keeps the components of its group up to date."""

    tag = "components"

    @operation("get_group_component_snippet", needs=Permission.READ_FLEET, gives=TransfersShape)
    def get(self, call: Call, pk: int) -> dict[str, Any]:
        """Write what a node needs for a group's components: transfer files, units, and Butane."""
        group = seen(call, pk)
        names = [want.component.name for want in _wants(group)]
        source = verbs.source(group)
        return {
            "is_signed": bool(source.key),
            "components": [
                {
                    "component": name,
                    "path": transfer.transfer_path(name),
                    "transfer": transfer.transfer(name, source),
                    "units": transfer.units(name),
                }
                for name in names
            ],
            "butane": transfer.butane(names, source) if names else "",
        }


def _check_version(call: Call, want: ComponentWant | None) -> None:
    """Refuse a change of what is not any more what was read; of nothing, nothing was."""
    if want is not None:
        call.check_version(want)
    elif call.request.headers.get("If-Match", "").strip():
        raise StaleVersion("The group does not want it: without If-Match it will.")


def _wants(group: Group) -> models.QuerySet[ComponentWant]:
    return ComponentWant.objects.filter(group=group).select_related("component")


def _one(group: Group, component: str) -> ComponentWant:
    want = get_object_or_404(_wants(group), component=named(component))
    _complete(group, [want])
    return want


def _complete(group: Group, rows: list[ComponentWant]) -> None:
    """Add to what a group wants the newest version that there is of it."""
    images = component_sums.listed(group.architecture)
    for row in rows:
        found = component_sums.first(images.get(row.component.name, ()), row.up_to)
        row.newest = found.version if found else None  # type: ignore[attr-defined]
