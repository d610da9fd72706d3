"""Releases > Mirror and disk: what is held for whom, what was taken of it, and what may go."""

from collections.abc import Iterable
from typing import NamedTuple

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.defaultfilters import filesizeformat
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from oemupdates.dashboard.frame import paging
from oemupdates.dashboard.frame.acting import act, needs, operator, where
from oemupdates.dashboard.releases.mirror_taken import lately
from oemupdates.domain.access import Permission
from oemupdates.models import Release
from oemupdates.services.hosting import bucket, payload_disk
from oemupdates.services.hosting.payload_disk import Disk, Held, HostedFolder
from oemupdates.services.upkeep import collecting

BAD_REQUEST = 400
PAGE_ROWS = 50


class Board(NamedTuple):
    """How much is held for one board."""

    name: str
    versions: int
    files: int
    size: int


class Row(NamedTuple):
    """A release that this server hosts, and what it holds of the disk."""

    release: Release
    held: Held


@require_safe
@needs(Permission.READ_FLEET)
def show(request: HttpRequest) -> HttpResponse:
    """Show what the payload disk holds, what was taken from here lately, and what may go."""
    reach = where(request, Permission.READ_FLEET)
    rows = Release.objects.filter(codebase="").prefetch_related("payloads")
    after, status = request.GET.get("after", ""), None
    try:
        page = paging.by_version(rows, after, size=PAGE_ROWS)
    except paging.BadToken as damaged:
        messages.error(request, str(damaged))
        page, status = paging.by_version(rows, "", size=PAGE_ROWS), BAD_REQUEST
    disk = payload_disk.survey()
    plan = collecting.plan(disk)
    context = {
        "disk": disk,
        "numbers": _numbers(disk, plan),
        "used": disk.total - disk.free - disk.hosted,
        "boards": _boards(disk.folders),
        "components": _boards(disk.components),
        "bucket": bucket.standing(),
        "plan": plan,
        "page": page,
        "taken": lately(timezone.now().date()) if reach.is_everywhere else None,
        "rows": [Row(one, payload_disk.held(one)) for one in page.rows],
    }
    return render(request, "dashboard/release_disk.html", context, status=status)


@require_POST
@needs(Permission.CHANGE_FLEET)
def collect(request: HttpRequest) -> HttpResponse:
    """Take away what may go."""
    act(
        request,
        lambda: collecting.collect(by=operator(request), why=request.POST.get("why", "")),
        done="What nothing names any more is gone. Activity says what it was.",
    )
    return redirect("dashboard:release_disk")


def _numbers(disk: Disk, plan: collecting.Plan) -> list[tuple[str, str, str]]:
    begun = sum(one.size for one in disk.begun)
    strange = sum(one.size for one in disk.strange)
    found = [
        ("Payload files", sum(one.size for one in disk.folders), "#h-releases"),
        ("May be collected", plan.size, "#h-collection"),
        ("On its way", begun, "#h-collection"),
        ("Still to come", disk.promised, ""),
        ("Free on the disk", disk.free, ""),
        ("Kept free by syncs", disk.reserve, ""),
    ]
    if disk.components:
        size = sum(one.size for one in disk.components)
        found.insert(1, ("Images of components", size, reverse("dashboard:components")))
    if disk.strange:
        found.append(("Files of somebody else", strange, ""))
    return [(label, filesizeformat(size), url if size else "") for label, size, url in found]


def _boards(folders: Iterable[HostedFolder]) -> list[Board]:
    found: dict[str, Board] = {}
    for one in folders:
        so_far = found.get(one.board, Board(one.board, 0, 0, 0))
        found[one.board] = Board(
            one.board,
            so_far.versions + 1,
            so_far.files + len(one.files),
            so_far.size + one.size,
        )
    return list(found.values())
