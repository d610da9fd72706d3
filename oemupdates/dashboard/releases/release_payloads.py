"""What a release's page does about its payloads: files are added, or announced ones verified."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST

from oemupdates.dashboard.frame.acting import act, needs, operator
from oemupdates.dashboard.frame.uploading import ToDisk
from oemupdates.domain.access import Permission
from oemupdates.models import Release
from oemupdates.services.releases import release_additions
from oemupdates.services.shared.activity import Refused
from oemupdates.services.upkeep import verifying


# The form's token is looked for after the file has a place to go to: reading it reads the file.
@csrf_exempt
@require_POST
@needs(Permission.CHANGE_FLEET)
def add(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Take a payload of a release by a form, and add it once it was verified."""
    release = get_object_or_404(Release.objects.select_related("application"), pk=pk)
    handler = ToDisk(request, release_additions.upload, release_additions.check_name)
    request.upload_handlers = [handler]
    try:
        return _added(request, release)
    finally:
        handler.forget()


@require_POST
@needs(Permission.ADMINISTER)
def verify(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a worker fetch and judge what a script announced."""
    release = get_object_or_404(Release, pk=pk)
    act(
        request,
        lambda: verifying.ask(release, by=operator(request)),
        done=f"A worker fetches the payloads of {release} now, to judge them.",
    )
    return redirect("dashboard:release", pk)


@csrf_protect
def _added(request: HttpRequest, release: Release) -> HttpResponse:
    handler = next(one for one in request.upload_handlers if isinstance(one, ToDisk))
    len(request.POST)  # reading the form is what writes the file
    problem = handler.problem
    if not problem and handler.path is None:
        problem = "Choose a file: none came whole."
    if handler.path is not None and not problem:
        try:
            done = release_additions.add_file(
                release, handler.name, handler.path, by=operator(request)
            )
        except Refused as refusal:
            problem = str(refusal)
        else:
            messages.success(request, release_additions.told(done))
    if problem:
        messages.error(request, f"Payload file: {problem}")
    return redirect("dashboard:release", release.pk)
