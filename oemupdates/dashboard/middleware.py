"""What stands between a request and every page."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse


class OneTimePasswordMiddleware:
    """Send an operator who came in with a one-time password to choose a lasting one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request, or redirect it to the page that changes the password."""
        if request.user.is_authenticated and request.user.must_change_password:
            allowed = {reverse("dashboard:password"), reverse("dashboard:logout")}
            # Scripts are told so in words of their own.
            if request.path not in allowed and not request.path.startswith("/api/"):
                return redirect("dashboard:password")
        return self.get_response(request)
