"""Names that this server answers to: its own, and those of `FLEET_ALLOWED_HOSTS`."""

import logging
from collections.abc import Callable

from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.utils.log import log_response

from oemupdates.api.frame import refusing
from oemupdates.api.frame.problems import UnknownHost

logger = logging.getLogger(__name__)
_MOST_SHOWN = 100
_WORDS = (
    "This server does not know the name that it was called by:"
    " whoever runs it adds the name to FLEET_ALLOWED_HOSTS."
)


class HostMiddleware:
    """Turn away whoever comes by another name, in words for scripts and for people.

    Django's own refusal would be a page everywhere, and a traceback in the log for each scan.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request."""
        try:
            request.get_host()
        except DisallowedHost:
            return _refuse(request)
        return self.get_response(request)


def _refuse(request: HttpRequest) -> HttpResponse:
    if request.path.startswith("/api/"):
        response = refusing.answer(UnknownHost(_WORDS), {})
    else:
        status, kind = UnknownHost.status, "text/plain; charset=utf-8"
        response = HttpResponse(f"{_WORDS}\n", status=status, content_type=kind)
    # Said this way, Django adds no line of its own about the answer.
    log_response(
        'refused a request for the unknown host "%s" (FLEET_ALLOWED_HOSTS)',
        request.META.get("HTTP_HOST", "")[:_MOST_SHOWN],
        response=response,
        request=request,
        logger=logger,
    )
    return response
