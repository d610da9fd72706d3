"""How long pages and operations take."""

import time
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from oemupdates.telemetry import PAGE_SECONDS


class PageTimeMiddleware:
    """Counts how long each view took; what no view answered is counted together."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request, and count it."""
        began = time.perf_counter()
        response = self.get_response(request)
        match = request.resolver_match
        view = (match.view_name or "unnamed") if match else "none"
        PAGE_SECONDS.labels(view).observe(time.perf_counter() - began)
        return response
