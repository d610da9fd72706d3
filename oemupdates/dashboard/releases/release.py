"""A release: what it is made of, who runs it and could not, and how it differs from another."""

from typing import NamedTuple

from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from oemupdates.dashboard.activity.activity import row
from oemupdates.dashboard.frame.acting import act, needs, operator, where
from oemupdates.dashboard.frame.tags import nodes_url
from oemupdates.dashboard.releases.adoption import adoption_chart
from oemupdates.dashboard.releases.payload_list import payload_list
from oemupdates.domain.access import Permission, Reach
from oemupdates.domain.oem import payload_name
from oemupdates.domain.release_notes import Section, fold
from oemupdates.models import (
    Activity,
    Channel,
    DownloadCount,
    NodeCount,
    Release,
    Verification,
)
from oemupdates.services.checkins.snapshot import codebase
from oemupdates.services.groups import channels
from oemupdates.services.oem import oem_gaps
from oemupdates.services.oem.oem_gaps import Gap
from oemupdates.services.releases import comparing, origins, release_removal
from oemupdates.services.releases import releases as verbs
from oemupdates.services.releases.comparing import Change, Difference

LATEST_ACTIVITY = 10
MOST_NAMES = 12
# In this order differences stand, what is the same last.
_ORDER = (Change.CHANGED, Change.ADDED, Change.REMOVED, Change.SAME)


class Lack(NamedTuple):
    """An OEM of nodes that a release has no payload for, and where those nodes are listed."""

    gap: Gap
    url: str


class Told(NamedTuple):
    """What a section of the notes is about: packages by name, and how many notes besides."""

    title: str
    names: list[str]
    more: int


class Place(NamedTuple):
    """A channel that a release is for: it offers it, or could."""

    channel: Channel
    is_target: bool


class Compared(NamedTuple):
    """A payload in two releases, and the nodes that carry its OEM."""

    difference: Difference
    nodes: int
    oem: str


@require_safe
@needs(Permission.READ_FLEET)
def release(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a release."""
    found = _get(pk)
    reach = where(request, Permission.READ_FLEET)
    running, whole = _running(found, reach)
    carriers = oem_gaps.read(reach)
    payloads = list(found.payloads.all())
    gaps = carriers.gaps(found, {payload.name for payload in payloads})
    checklist = payload_list(found, payloads, carriers, gaps)
    about = Activity.objects.filter(subject_kind="release", subject_id=pk)
    context = {
        "release": found,
        "running": running,
        "whole": whole,
        "is_limited": not reach.is_everywhere,
        "chart": adoption_chart(reach, timezone.now(), found.version, _on(found.version, reach)),
        "lacks": [Lack(gap, _gap_url(found, gap)) for gap in gaps],
        "checklist": checklist,
        "present": len(payloads),
        "missing": len(checklist) - len(payloads),
        "size": sum(payload.size for payload in payloads),
        "unverified": sum(1 for payload in payloads if not payload.is_verified),
        "codebase": codebase(found),
        "verification": Verification.objects.filter(release=found).first(),
        "taken": DownloadCount.objects.of(found).taken() if reach.is_everywhere else [],
        "places": _places(found),
        "floors": list(found.floor_of.select_related("channel")),
        "others": _others(found),
        "lists": found.package_lists.defer("content").annotate(number=Count("packages")),
        "notes": [_told(section) for section in fold(found.notes)],
        "activities": [row(one) for one in about.select_related("actor")[:LATEST_ACTIVITY]],
    }
    return render(request, "dashboard/release.html", context)


@require_safe
@needs(Permission.READ_FLEET)
def compare(request: HttpRequest, pk: int) -> HttpResponse:
    """Show which payloads of a release are not those of another."""
    found = _get(pk)
    others = _others(found)
    wanted = request.GET.get("with", "")
    other = next((one for one in others if str(one.pk) == wanted), None)
    if wanted and other is None:
        raise Http404
    context: dict[str, object] = {"release": found, "others": others, "other": other}
    if other is not None:
        nodes = oem_gaps.read(where(request, Permission.READ_FLEET)).nodes(found.architecture)
        differences = sorted(
            comparing.compare(other, found), key=lambda one: (_ORDER.index(one.change), one.name)
        )
        compared = [_compared(one, nodes) for one in differences]
        context |= {
            "changed": [one for one in compared if one.difference.change is not Change.SAME],
            "same": [one for one in compared if one.difference.change is Change.SAME],
            "tools": comparing.compare_tools(other, found),
            "packages": comparing.compare_packages(other, found),
        }
    return render(request, "dashboard/release_compare.html", context)


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


@require_POST
@needs(Permission.CHANGE_FLEET)
def forget_origin(request: HttpRequest, pk: int) -> HttpResponse:
    """Send nodes to one of a release's origins no more."""
    found = get_object_or_404(Release, pk=pk)
    url, why = request.POST.get("url", ""), request.POST.get("why", "")
    act(
        request,
        lambda: origins.forget(found, url, by=operator(request), why=why),
        done=f"{url} is no origin of {found} any more.",
    )
    return redirect("dashboard:release", pk)


@require_POST
@needs(Permission.CHANGE_FLEET)
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a release that no node has any use for."""
    found = get_object_or_404(Release, pk=pk)
    is_gone = act(
        request,
        lambda: release_removal.remove(
            found, by=operator(request), why=request.POST.get("why", "")
        ),
        done=f"{found} is removed. Its files, if they are here, stay until they are collected.",
    )
    return redirect("dashboard:releases") if is_gone else redirect("dashboard:release", pk)


def _told(section: Section) -> Told:
    """Of what a section of the notes tells, by the names of packages."""
    names = [one.name for one in section.packages if one.name]
    others = sum(len(one.notes) for one in section.packages if not one.name)
    shown = names[:MOST_NAMES]
    return Told(section.title, shown, len(names) - len(shown) + others)


def _get(pk: int) -> Release:
    return get_object_or_404(Release.objects.select_related("application"), pk=pk)


def _running(release: Release, reach: Reach) -> tuple[int, int]:
    """How many nodes run a release, and how many there are of its architecture."""
    cells = NodeCount.objects.within(reach).of({"architecture": [release.architecture]})
    return cells.filter(version=release.version).total(), cells.total()


def _on(version: str, reach: Reach) -> int:
    """How many nodes run a version, whatever their architecture: samples know no other number."""
    return NodeCount.objects.within(reach).filter(version=version).total()


def _gap_url(release: Release, gap: Gap) -> str:
    if gap.versions:
        return nodes_url(oem=gap.oem, architecture=release.architecture, version=gap.versions)
    behind = f"os:<{release.version}"
    return nodes_url(oem=gap.oem, architecture=release.architecture, q=behind)


def _places(release: Release) -> list[Place]:
    """The channels of a release's architecture; those that offer it come first."""
    some = Channel.objects.filter(
        application=release.application_id, architecture=release.architecture
    )
    places = [Place(one, one.target_id == release.pk) for one in some]
    return sorted(places, key=lambda place: not place.is_target)


def _others(release: Release) -> list[Release]:
    """The releases to compare one with; the one before it comes first."""
    some = list(channels.releases_for(release).exclude(pk=release.pk))
    older = next((one for one in some if one.order < release.order), None)
    return [older, *(one for one in some if one != older)] if older else some


def _compared(difference: Difference, nodes: dict[str, int]) -> Compared:
    oem = next((oem for oem in nodes if payload_name(oem) == difference.name), "")
    return Compared(difference, nodes.get(oem, 0), oem)
