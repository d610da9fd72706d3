"""The components that a group's nodes should have: its page's section, and what it does."""

from typing import Any, NamedTuple

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from oemupdates.dashboard.frame.acting import act, needs, operator, require
from oemupdates.domain import sysupdate
from oemupdates.domain.access import Permission
from oemupdates.domain.drift import count
from oemupdates.domain.sysupdate import Image
from oemupdates.models import Component, ComponentWant, Group, NodeCount
from oemupdates.services.components import component_sums, component_wants

# So many versions of a component may be chosen; who wants an older one has the API.
FEW_VERSIONS = 20


class Choice(NamedTuple):
    """A component that a group may have, and its images for the group, the newest first."""

    component: Component
    images: tuple[Image, ...]

    @property
    def versions(self) -> list[str]:
        """Those that may be chosen."""
        return [image.version for image in self.images[:FEW_VERSIONS]]


class Wanted(NamedTuple):
    """A component that a group wants, and the newest image of it on the group's lists."""

    want: ComponentWant
    newest: Image | None
    choice: Choice

    @property
    def older_version(self) -> str:
        """The version up to which it is wanted, if it is none of those that may be chosen."""
        up_to = self.want.up_to
        return "" if up_to in self.choice.versions else up_to

    @property
    def has_lost_version(self) -> bool:
        """Whether the version up to which it is wanted is on no list any more."""
        up_to = self.want.up_to
        return bool(up_to) and all(image.version != up_to for image in self.choice.images)


def section(found: Group) -> dict[str, Any]:
    """What a group's page says of components."""
    wants = {want.component_id: want for want in found.component_wants.all()}
    rows = list(Component.objects.all())
    images = component_sums.listed(found.architecture) if rows else {}
    choices = [Choice(one, images.get(one.name, ())) for one in rows]
    wanted = [
        _wanted(wants[one.component.pk], one) for one in choices if one.component.pk in wants
    ]
    return {
        "components": wanted,
        "component_choices": [
            one for one in choices if one.component.pk not in wants and one.images
        ],
        "component_drifts": count(NodeCount.objects.of({"group": [found.pk]}).by("drift")),
    }


@require_POST
@needs(Permission.OPERATE_GROUPS)
def want(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a group's nodes have a component: the newest of it, or up to a version."""
    found = get_object_or_404(Group, pk=pk)
    require(request, Permission.OPERATE_GROUPS, group=pk)
    name, _, up_to = request.POST.get("want", "").partition(" ")
    why = request.POST.get("why", "")
    if component := _chosen(request, name):
        act(
            request,
            lambda: component_wants.want(
                found, component, up_to=up_to, by=operator(request), why=why
            ),
            done=f"Nodes of {found} get {component}, "
            + (f"up to {up_to}." if up_to else "the newest."),
        )
    return _back(pk)


@require_POST
@needs(Permission.OPERATE_GROUPS)
def unwant(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a group's nodes no more of a component."""
    found = get_object_or_404(Group, pk=pk)
    require(request, Permission.OPERATE_GROUPS, group=pk)
    if component := _chosen(request, request.POST.get("component", "")):
        act(
            request,
            lambda: component_wants.unwant(
                found, component, by=operator(request), why=request.POST.get("why", "")
            ),
            done=f"Nodes of {found} get no more of {component}. What they have stays.",
        )
    return _back(pk)


def _wanted(want: ComponentWant, choice: Choice) -> Wanted:
    return Wanted(want, component_sums.first(choice.images, want.up_to), choice)


def _chosen(request: HttpRequest, name: str) -> Component | None:
    """The component that a form names; it is told if there is none."""
    found = Component.objects.filter(name=name).first() if sysupdate.is_component(name) else None
    if found is None:
        messages.error(request, "Choose a component that is here.")
    return found


def _back(pk: int) -> HttpResponse:
    return redirect(f"{reverse('dashboard:group', args=[pk])}#components")
