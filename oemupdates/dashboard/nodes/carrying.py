"""Carrying an update to a node by hand: the line for `flatcar-update`, and the files for it."""

import re
from collections.abc import Iterable, Sequence

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from oemupdates.dashboard.frame.acting import needs, where
from oemupdates.domain.access import Permission
from oemupdates.domain.oem import payload_name
from oemupdates.models import Node, Release
from oemupdates.services.carrying import carrying
from oemupdates.services.carrying.carrying import Carried
from oemupdates.services.oem import oem_gaps

BAD_REQUEST = 400
# What an OEM, an extension or a version may be called.
_WORD = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}", re.ASCII)
_MAX_EXTENSIONS = 32


@require_safe
@needs(Permission.READ_FLEET)
def of_release(request: HttpRequest, pk: int) -> HttpResponse:
    """Show how a node of an OEM, which whoever asks names, gets to a release."""
    release = get_object_or_404(Release.objects.select_related("application"), pk=pk)
    problems: list[str] = []
    oem = _word(request.GET.get("oem", ""), problems)
    running = _word(request.GET.get("running", ""), problems)
    extensions = _words(request, problems)
    carried = carrying.carry(release, oem=oem, running=running, extensions=extensions)
    context = {
        "release": release,
        "oem": oem,
        "running": running,
        "oems": _oems(request, carried, oem),
    }
    return _page(request, carried, extensions, problems, context)


@require_safe
@needs(Permission.READ_FLEET)
def to_node(request: HttpRequest, pk: int) -> HttpResponse:
    """Show how a node gets to a release: by default to the one that its channel leads to."""
    node = get_object_or_404(Node.objects.select_related("group__channel"), pk=pk)
    if not where(request, Permission.READ_FLEET).covers(node.group_id):
        raise Http404
    wanted = request.GET.get("release", "")
    releases = list(carrying.choices(node))
    release = next((one for one in releases if str(one.pk) == wanted), None)
    if wanted and release is None:
        raise Http404
    release = release or carrying.proposed(node)
    if release is None:
        return render(request, "dashboard/carry.html", {"node": node})
    problems: list[str] = []
    extensions = _words(request, problems)
    carried = carrying.carry_to(node, release, extensions=extensions)
    context = {"node": node, "release": release, "releases": releases, "oem": node.oem}
    return _page(request, carried, extensions, problems, context)


def _page(
    request: HttpRequest,
    carried: Carried,
    extensions: Iterable[str],
    problems: Sequence[str],
    context: dict[str, object],
) -> HttpResponse:
    for problem in problems:
        messages.error(request, problem)
    chosen = set(extensions)
    context |= {
        "carried": carried,
        "extensions": [(name, name in chosen) for name in sorted({*carried.extensions, *chosen})],
        "size": sum(payload.size for payload in carried.payloads),
    }
    return render(
        request, "dashboard/carry.html", context, status=BAD_REQUEST if problems else None
    )


def _oems(request: HttpRequest, carried: Carried, chosen: str) -> list[str]:
    """The OEMs that somebody may mean: those of nodes that they see, and of the release."""
    release = carried.release
    carriers = oem_gaps.read(where(request, Permission.READ_FLEET))
    found = carriers.nodes(release.architecture)
    offered = {payload.name for payload in release.payloads.all()}
    named = {
        name.removeprefix("oem-").removesuffix(".gz")
        for name in offered
        if name.startswith("oem-")
    }
    shipped = {
        oem for oem in found if payload_name(oem) in offered or carriers.ships(oem, release)
    }
    return sorted({*named, *shipped, *([chosen] if chosen else [])})


def _word(text: str, problems: list[str]) -> str:
    text = text.strip()
    if text and not _WORD.fullmatch(text):
        problems.append(f"{text[:64]!r} is no name of an OEM, an extension or a version.")
        return ""
    return text


def _words(request: HttpRequest, problems: list[str]) -> list[str]:
    found = [_word(text, problems) for text in request.GET.getlist("extension")[:_MAX_EXTENSIONS]]
    return sorted({word for word in found if word})
