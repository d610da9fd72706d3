"""The components that a group's nodes should have: its page's section, and what it does."""

from typing import Any, NamedTuple

from django.contrib import messages
from django.db.models import Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from oemupdates.dashboard.components import component_images
from oemupdates.dashboard.frame.acting import act, needs, operator, require
from oemupdates.domain import sysupdate
from oemupdates.domain.access import Permission
from oemupdates.domain.drift import count
from oemupdates.models import Component, ComponentImage, ComponentWant, Group, NodeCount
from oemupdates.services.components import component_wants


class Choice(NamedTuple):
    """A component that a group may have, and its images for the group, the newest first."""

    component: Component
    images: list[ComponentImage]


class Wanted(NamedTuple):
    """A component that a group wants, and the newest image of it on the group's lists."""

    want: ComponentWant
    newest: ComponentImage | None
    choice: Choice

    @property
    def has_lost_version(self) -> bool:
        """Whether the version up to which it is wanted is on no list any more."""
        up_to = self.want.up_to
        return bool(up_to) and all(image.version != up_to for image in self.choice.images)


def section(found: Group) -> dict[str, Any]:
    """What a group's page says of components."""
    wants = {want.component_id: want for want in found.component_wants.all()}
    listed = ComponentImage.objects.filter(architecture=found.architecture, withdrawn_at=None)
    choices = [
        Choice(one, component_images.newest_first(one.images.all()))
        for one in Component.objects.prefetch_related(Prefetch("images", listed))
    ]
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
    newest = component_images.newest(choice.images, want.group.architecture, want.up_to)
    return Wanted(want, newest, choice)


def _chosen(request: HttpRequest, name: str) -> Component | None:
    """The component that a form names; it is told if there is none."""
    found = Component.objects.filter(name=name).first() if sysupdate.is_component(name) else None
    if found is None:
        messages.error(request, "Choose a component that is here.")
    return found


def _back(pk: int) -> HttpResponse:
    return redirect(f"{reverse('dashboard:group', args=[pk])}#components")
