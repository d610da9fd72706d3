"""Components: which there are, their images, and which groups want them."""

from collections.abc import Iterable
from typing import NamedTuple

from django.contrib import messages
from django.db.models import Prefetch, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from oemupdates.dashboard.activity.activity import row
from oemupdates.dashboard.frame.acting import act, needs, operator, where
from oemupdates.domain.access import Permission, Reach
from oemupdates.domain.drift import count
from oemupdates.domain.sysupdate import Image, is_component, order
from oemupdates.models import (
    Activity,
    Architecture,
    Component,
    ComponentImage,
    ComponentWant,
    Group,
    NodeCount,
)
from oemupdates.services.components import component_sums, list_keys
from oemupdates.services.components import components as verbs
from oemupdates.services.components.component_sums import Sum

LATEST_ACTIVITY = 10
# So many images stand on a component's page unless all are asked for.
FEW_IMAGES = 30


class Row(NamedTuple):
    """A component in the list: `newest` is a version for each architecture, empty if none."""

    component: Component
    newest: list[tuple[str, str]]
    images: int
    size: int
    groups: list[Group]


class Wanting(NamedTuple):
    """A group that wants a component: the newest image for it, and how many nodes it has."""

    want: ComponentWant
    newest: Image | None
    nodes: int


class Signature(NamedTuple):
    """How nodes may know that a list is this server's; `fingerprint` is of the key, if any is."""

    fingerprint: str = ""
    problem: str = ""


@require_safe
@needs(Permission.READ_FLEET)
def components(request: HttpRequest) -> HttpResponse:
    """List the components."""
    reach = where(request, Permission.READ_FLEET)
    wants = _wants(reach)
    found = Component.objects.prefetch_related(Prefetch("wants", wants))
    sums = component_sums.of(found)
    context = {
        "rows": [_row(one, sums[one.pk]) for one in found],
        "architectures": Architecture.values,
        "drifts": count(NodeCount.objects.within(reach).by("drift")),
        "signature": signature(),
    }
    return render(request, "dashboard/components.html", context)


@require_safe
@needs(Permission.READ_FLEET)
def component(request: HttpRequest, component: str) -> HttpResponse:
    """Show a component: its images, the newest first, and the groups that want it."""
    found = _named(component)
    reach = where(request, Permission.READ_FLEET)
    images = _newest_first(found.images.select_related("component"))
    shown = images if "all" in request.GET else images[:FEW_IMAGES]
    summed = component_sums.of([found])[found.pk]
    about = Q(subject_kind="component", subject_id=found.pk) | Q(
        subject_kind="componentimage", subject_id__in=[image.pk for image in images]
    )
    context = {
        "component": found,
        "newest": [(arch, version) for arch, version in _newest(summed) if version],
        "images": shown,
        "number": summed.images,
        "size": summed.size,
        "wanting": _wanting(found, images, reach),
        "is_wanted": found.wants.exists(),
        "signature": signature(),
        "activities": [
            row(one)
            for one in Activity.objects.filter(about).select_related("actor")[:LATEST_ACTIVITY]
        ],
    }
    return render(request, "dashboard/component.html", context)


@require_POST
@needs(Permission.CHANGE_FLEET)
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an image off all lists."""
    image = _image(pk)
    act(
        request,
        lambda: verbs.withdraw(image, by=operator(request), why=request.POST.get("because", "")),
        done=f"{image} is on no list any more. Nodes that have it keep it.",
    )
    return redirect("dashboard:component", image.component.name)


@require_POST
@needs(Permission.CHANGE_FLEET)
def put_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Put an image back on the lists."""
    image = _image(pk)
    act(
        request,
        lambda: verbs.put_back(image, by=operator(request), why=request.POST.get("why", "")),
        done=f"{image} is on the lists again.",
    )
    return redirect("dashboard:component", image.component.name)


@require_POST
@needs(Permission.CHANGE_FLEET)
def remove(request: HttpRequest, component: str) -> HttpResponse:
    """Take a component out with its images, once its name was typed."""
    found = _named(component)
    if request.POST.get("confirmed", "") != found.name:
        messages.error(request, f"{found} stays: its name was not typed to confirm.")
        return redirect("dashboard:component", component)
    is_gone = act(
        request,
        lambda: verbs.remove(found, by=operator(request), why=request.POST.get("why", "")),
        done=f"{found} is removed. Its files stay on the disk until they are collected.",
    )
    return (
        redirect("dashboard:components") if is_gone else redirect("dashboard:component", component)
    )


def signature() -> Signature:
    """Whether lists are signed here, and by which key."""
    if not list_keys.is_made():
        return Signature()
    try:
        return Signature(list_keys.fingerprint())
    except list_keys.NoListKey as problem:
        return Signature(problem=str(problem))


def _named(name: str) -> Component:
    """The component that an address names; what cannot be a name is none."""
    if not is_component(name):
        raise Http404
    return get_object_or_404(Component, name=name)


def _image(pk: int) -> ComponentImage:
    return get_object_or_404(ComponentImage.objects.select_related("component"), pk=pk)


def _wants(reach: Reach) -> QuerySet[ComponentWant]:
    """What groups want, as far as somebody may see them."""
    wants = ComponentWant.objects.select_related("group").order_by("group__name", "group_id")
    return wants.filter(group__in=Group.objects.within(reach))


def _row(found: Component, summed: Sum) -> Row:
    groups = [want.group for want in found.wants.all()]
    return Row(found, _newest(summed), summed.images, summed.size, groups)


def _newest(summed: Sum) -> list[tuple[str, str]]:
    return [(one, summed.newest.get(one, "")) for one in Architecture.values]


def _newest_first(images: Iterable[ComponentImage]) -> list[ComponentImage]:
    """Images as systemd orders them, those of a version by architecture."""
    by_architecture = sorted(images, key=lambda image: image.architecture)
    return sorted(by_architecture, key=lambda image: order(image.version), reverse=True)


def _wanting(found: Component, images: list[ComponentImage], reach: Reach) -> list[Wanting]:
    """The groups that want a component, as far as somebody may see them."""
    nodes = dict(NodeCount.objects.within(reach).by("group"))
    listed: dict[str, list[Image]] = {one: [] for one in Architecture.values}
    for image in images:
        if image.withdrawn_at is None:
            listed[image.architecture].append(image.image)
    return [
        Wanting(
            want,
            component_sums.first(listed[want.group.architecture], want.up_to),
            nodes.get(want.group_id, 0),
        )
        for want in _wants(reach).filter(component=found)
    ]
