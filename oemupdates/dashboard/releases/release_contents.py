"""What is published with a release, each on a page of its own: notes, and lists of packages."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from oemupdates.dashboard.frame.acting import needs
from oemupdates.domain import release_notes
from oemupdates.domain.access import Permission
from oemupdates.models import Release


@require_safe
@needs(Permission.READ_FLEET)
def notes(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the notes of a release, folded by heading and package."""
    release = get_object_or_404(Release, pk=pk)
    context = {"release": release, "sections": release_notes.fold(release.notes)}
    return render(request, "dashboard/release_notes.html", context)


@require_safe
@needs(Permission.READ_FLEET)
def packages(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the packages of one image of a release, of the first if none is named."""
    release = get_object_or_404(Release, pk=pk)
    lists = list(release.package_lists.defer("content"))
    wanted = request.GET.get("image", "")
    shown = next((one for one in lists if wanted in {"", one.name}), None)
    if wanted and shown is None:
        raise Http404
    context = {
        "release": release,
        "lists": lists,
        "shown": shown,
        "packages": list(shown.packages.all()) if shown else [],
    }
    return render(request, "dashboard/release_packages.html", context)
