"""Releases: what each is made of, who runs it, and whether it is blocked."""

from typing import NamedTuple

from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from oemupdates.dashboard.acting import act, needs, operator
from oemupdates.dashboard.activity import row
from oemupdates.domain import oem as oems
from oemupdates.domain.access import Permission
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Activity, NodeCount, Payload, Release
from oemupdates.services import releases as verbs

LATEST_ACTIVITY = 10
OEM_PREFIX = "oem-"


class Item(NamedTuple):
    """One line of a release's checklist: a payload, whether it is there, and who needs it."""

    name: str
    payload: Payload | None
    needed_by: str
    oem: str
    nodes: int

    @property
    def is_missed(self) -> bool:
        """Whether nodes would wait for this payload."""
        return self.payload is None


@require_safe
def releases(request: HttpRequest) -> HttpResponse:
    """Show every release, the newest first."""
    found = (
        Release.objects.select_related("application")
        .prefetch_related("target_of")
        .annotate(
            files=Count("payloads"),
            unverified=Count("payloads", filter=Q(payloads__is_verified=False)),
        )
        .order_by("-order", "architecture")
    )
    running = {
        (version, architecture): nodes
        for version, architecture, nodes in NodeCount.objects.by("version", "architecture")
    }
    rows = [
        (release, running.get((release.version, release.architecture), 0)) for release in found
    ]
    return render(request, "dashboard/releases.html", {"rows": rows})


@require_safe
def release(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a release."""
    found = get_object_or_404(Release.objects.select_related("application"), pk=pk)
    about = Activity.objects.filter(subject_kind="release", subject_id=pk)
    runs = {"version": [found.version], "architecture": [found.architecture]}
    context = {
        "release": found,
        "checklist": _checklist(found),
        "running": NodeCount.objects.of(runs).total(),
        "targets": list(found.target_of.all()),
        "floors": list(found.floor_of.select_related("channel")),
        "activities": [row(one) for one in about.select_related("actor")[:LATEST_ACTIVITY]],
    }
    return render(request, "dashboard/release.html", context)


@require_POST
@needs(Permission.CHANGE_FLEET)
def block(request: HttpRequest, pk: int) -> HttpResponse:
    """Offer a release to nobody from now on."""
    found = get_object_or_404(Release, pk=pk)
    because = request.POST.get("because", "")
    act(
        request,
        lambda: verbs.block(found, by=operator(request), because=because),
        done=f"{found} is blocked: nobody is offered it from now on.",
    )
    return redirect("dashboard:release", pk)


@require_POST
@needs(Permission.CHANGE_FLEET)
def unblock(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a release be offered again."""
    found = get_object_or_404(Release, pk=pk)
    act(
        request,
        lambda: verbs.unblock(found, by=operator(request), why=request.POST.get("why", "")),
        done=f"{found} may be offered again.",
    )
    return redirect("dashboard:release", pk)


def _checklist(release: Release) -> list[Item]:
    """The payloads that a release has, and those that nodes of this fleet would miss in it."""
    payloads = {payload.name: payload for payload in release.payloads.all()}
    nodes = {
        oem: number
        for oem, number in NodeCount.objects.of({"architecture": [release.architecture]}).by("oem")
        if oem not in oems.NO_OEM
    }
    found = [Item(OS_PAYLOAD, payloads.pop(OS_PAYLOAD, None), "every node", "", 0)]
    for oem, number in nodes.items():
        name = oems.payload_name(oem)
        is_shipped = oems.is_shipped(
            oem, version=release.version, architecture=release.architecture
        )
        if name in payloads or is_shipped:
            found.append(Item(name, payloads.pop(name, None), "", oem, number))
    return found + [
        Item(name, payload, _wanted(name), "", 0) for name, payload in payloads.items()
    ]


def _wanted(name: str) -> str:
    """Who wants a payload that no node's OEM names."""
    if name.startswith(OEM_PREFIX):
        return "no node of this fleet"
    return "nodes that enabled it; they do not tell"
