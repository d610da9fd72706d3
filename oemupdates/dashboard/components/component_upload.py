"""An image of a component that comes in by a form."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_POST

from oemupdates.dashboard.frame.acting import needs, operator
from oemupdates.dashboard.frame.uploading import ToDisk
from oemupdates.domain.access import Permission
from oemupdates.services.components import components
from oemupdates.services.releases import release_additions
from oemupdates.services.shared.activity import Refused


# The form's token is looked for after the file has a place to go to: reading it reads the file.
@csrf_exempt
@require_POST
@needs(Permission.CHANGE_FLEET)
def upload(request: HttpRequest) -> HttpResponseBase:
    """Take an image by a form, and host it once it was judged."""
    handler = ToDisk(request, release_additions.upload, components.check_name)
    request.upload_handlers = [handler]
    try:
        return _hosted(request)
    finally:
        handler.forget()


@csrf_protect
def _hosted(request: HttpRequest) -> HttpResponse:
    handler = next(one for one in request.upload_handlers if isinstance(one, ToDisk))
    len(request.POST)  # reading the form is what writes the file
    problem = handler.problem
    if not problem and handler.path is None:
        problem = "Choose a file: none came whole."
    if handler.path is not None and not problem:
        try:
            image, is_new = components.add_upload(handler.path, handler.name, by=operator(request))
        except Refused as refusal:
            problem = str(refusal)
        else:
            fits = f"OS {image.bound_to} alone" if image.bound_to else "every OS version"
            words = "is here, for" if is_new else "was here before, as it is, for"
            messages.success(request, f"{image} {words} {fits}.")
            return redirect("dashboard:component", image.component.name)
    messages.error(request, f"Image: {problem}")
    return redirect("dashboard:components")
