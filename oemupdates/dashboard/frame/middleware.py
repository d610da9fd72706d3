"""What stands between a request and every page."""

import re
import uuid
from collections.abc import Callable
from http import HTTPStatus
from ipaddress import ip_address

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from oemupdates.domain.access import Permission
from oemupdates.models import Operator
from oemupdates.services.access import access, factors, operators, sessions
from oemupdates.services.shared import activity

# What is about oneself, or about no one: it needs no role.
OWN = {
    "dashboard:badge",
    "dashboard:livez",
    "dashboard:readyz",
    "dashboard:login",
    "dashboard:factor_app",
    "dashboard:factor_codes",
    "dashboard:factor_passkey",
    "dashboard:factor_remove",
    "dashboard:factors",
    "dashboard:login_came_back",
    "dashboard:login_second",
    "dashboard:login_with",
    "dashboard:logout",
    "dashboard:password",
    "dashboard:prefer",
    "dashboard:session_end",
    "dashboard:sessions",
    "dashboard:sessions_end",
    "dashboard:style",
    "dashboard:wallboard_shared",
    "dashboard:wallboard_shared_now",
}
OWN_STEMS = ("account_", "mfa_", "usersessions_", "socialaccount_", "openid_connect_", "github_")
SAFE = {"GET", "HEAD", "OPTIONS"}
REQUEST_ID_HEADER = "X-Request-ID"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


def address(request: HttpRequest) -> str:
    """The IP address that a request came from, in its one spelling; empty if it is none."""
    try:
        found = ip_address(request.META.get("REMOTE_ADDR", "").partition("%")[0])
    except ValueError:
        return ""
    return str(getattr(found, "ipv4_mapped", None) or found)


class OriginMiddleware:
    """Let everything that a request does be written down with where it came from.

    What a token limits ends with the request, whatever thread serves the next.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request, with the id by which logs and activity call it."""
        given = request.headers.get(REQUEST_ID_HEADER, "")
        request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        origin = activity.coming_from(address=address(request), request_id=request_id)
        with origin, access.unlimited():
            response = self.get_response(request)
        response[REQUEST_ID_HEADER] = request_id
        return response


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


class RefusalMiddleware:
    """Write down what somebody asked for and may not do; reading is not worth a line."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request, and remember if the answer is that they may not."""
        response = self.get_response(request)
        is_refused = response.status_code == HTTPStatus.FORBIDDEN
        if is_refused and request.method not in SAFE and isinstance(request.user, Operator):
            operators.was_refused(request.user, f"{request.method} {request.path}")
        return response


class SessionMiddleware:
    """Note now and then that a session is in use, and let none go on without its second factor.

    The API and the streams say so in their own words; scripts with tokens have no session.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request."""
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: object) -> HttpResponse | None:
        """Lead whoever lacks a factor that their role asks for to where it is added."""
        match, user = request.resolver_match, request.user
        if match is None or not isinstance(user, Operator):
            return None
        if request.session.get(sessions.LISTED):
            sessions.seen(request.session.session_key or "")
        if match.namespace == "api" or match.view_name in OWN:
            return None
        if not factors.is_missing(user, request.session):
            return None
        if factors.has(user):
            logout(request)
            messages.info(request, "Your role asks for your second factor: log in anew.")
            return redirect("dashboard:login")
        return redirect("dashboard:factors")


class RoleMiddleware:
    """Show the fleet to nobody who has no role in it, whatever a page asks besides.

    The API and the streams say so in their own words.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer a request."""
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: object) -> HttpResponse | None:
        """Stop somebody without a role, unless it is their own account that they ask for."""
        match = request.resolver_match
        user = request.user
        if match is None or not isinstance(user, Operator) or match.namespace == "api":
            return None
        if match.view_name in OWN or match.view_name.startswith(OWN_STEMS):
            return None
        if access.where(user, Permission.READ_FLEET):
            return None
        return render(request, "dashboard/no_role.html", status=HTTPStatus.FORBIDDEN)
