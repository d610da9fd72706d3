"""Components over the API: extensions that nodes keep up to date by systemd-sysupdate."""

from collections import defaultdict
from collections.abc import Iterator
from functools import partial

from django.db import models
from django.http import Http404
from rest_framework import serializers

from oemupdates.api.frame.call import Call, Listed
from oemupdates.api.frame.choices import ARCHITECTURES
from oemupdates.api.frame.fields import Plain, Reasoned, Shape
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.frame.paging import Order
from oemupdates.api.frame.shapes import GroupRef
from oemupdates.api.groups.groups import within
from oemupdates.domain import sysupdate
from oemupdates.domain.access import Permission, Reach
from oemupdates.models import Component, ComponentWant, Group
from oemupdates.services.components import component_sums
from oemupdates.services.components import components as verbs
from oemupdates.services.components.component_sums import Sum
from oemupdates.services.shared.configuration import changing

BY_NAME = Order(("name", "pk"), is_descending=False)


class NewestShape(Plain):
    """The newest version of a component for an architecture, of those that are not withdrawn."""

    architecture = serializers.ChoiceField(ARCHITECTURES)
    version = serializers.CharField()


class ComponentShape(Shape):
    """An extension with versions of its own, which nodes keep up to date by systemd-sysupdate.

    `images` counts those that are hosted here, and `groups` are those that want it, as far as
    whoever asks may see them.
    """

    newest = NewestShape(many=True)
    images = serializers.IntegerField(source="image_count", min_value=0)
    groups = GroupRef(many=True)

    class Meta:
        model = Component
        fields = ("id", "name", "added_at", "newest", "images", "groups")


def named(name: str) -> Component:
    """The component that an address names."""
    # A name that none can have may be one that the database cannot take.
    found = Component.objects.filter(name=name).first() if sysupdate.is_component(name) else None
    if found is None:
        raise Http404
    return found


class Components(Resource):
    """All components."""

    tag = "components"

    @operation("list_components", needs=Permission.READ_FLEET, gives=ComponentShape, lists=True)
    def get(self, call: Call) -> Listed[Component]:
        """List the components, by name."""
        return Listed(Component.objects.all(), BY_NAME, partial(_complete, call.where()))


class OneComponent(Resource):
    """One component."""

    tag = "components"

    @operation("get_component", needs=Permission.READ_FLEET, gives=ComponentShape)
    def get(self, call: Call, component: str) -> Component:
        """Show a component."""
        return _shown(call, component)

    @operation(
        "remove_component",
        needs=Permission.CHANGE_FLEET,
        takes=Reasoned,
        is_conditional=True,
        within=changing,
    )
    def delete(self, call: Call, component: str) -> None:
        """Remove a component that no group wants, with its images; nodes keep what they have."""
        found = _shown(call, component)
        call.check_version(found, ComponentShape)
        verbs.remove(found, by=call.by, why=call.said.get("why", ""))


def _shown(call: Call, name: str) -> Component:
    component = named(name)
    _complete(call.where(), [component])
    return component


def _complete(reach: Reach, rows: list[Component]) -> None:
    """Add to components what is shown of their images, and the groups that want them."""
    sums = component_sums.of(rows)
    groups: dict[int, list[Group]] = defaultdict(list)
    for want in _wants(reach).filter(component__in=rows):
        groups[want.component_id].append(want.group)
    for row in rows:
        row.image_count = sums[row.pk].images  # type: ignore[attr-defined]
        row.newest = list(_newest_of_each(sums[row.pk]))  # type: ignore[attr-defined]
        row.groups = groups[row.pk]  # type: ignore[attr-defined]


def _wants(reach: Reach) -> models.QuerySet[ComponentWant]:
    wants = ComponentWant.objects.filter(group__in=within(reach)).select_related("group")
    return wants.order_by("group__name", "group__architecture")


def _newest_of_each(summed: Sum) -> Iterator[dict[str, str]]:
    for architecture in ARCHITECTURES:
        if version := summed.newest.get(architecture):
            yield {"architecture": architecture, "version": version}
