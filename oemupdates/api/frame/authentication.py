"""Who asks: somebody's token, or a browser's session."""

from ipaddress import ip_address
from typing import Protocol

from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, Throttled
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from oemupdates.api.frame.problems import NotPermitted
from oemupdates.domain.access import Permission
from oemupdates.models import ApiToken, Operator
from oemupdates.services.access import access, factors, tokens
from oemupdates.services.shared import activity

CHALLENGE = 'Bearer realm="OEM Fleet"'


class Guarded(Protocol):
    """A view whose methods each need a permission."""

    def needed(self, method: str) -> Permission | None:
        """The permission that a method needs; None if it is enough to be somebody."""


class Token(BaseAuthentication):
    """A script with `Authorization: Bearer flt_...`; its token narrows what its owner may do."""

    def authenticate(self, request: Request) -> tuple[Operator, ApiToken] | None:
        """Let the token in for this request, or leave it to the session if there is none."""
        # Who shows a token is judged by it, and not by a session beside it.
        if "HTTP_AUTHORIZATION" not in request.META:
            return None
        scheme, _, secret = str(request.META["HTTP_AUTHORIZATION"]).partition(" ")
        if scheme.lower() != "bearer":
            raise AuthenticationFailed("Come with Authorization: Bearer and a token.")
        try:
            let_in = tokens.authenticate(secret.strip(), _address(request))
        except tokens.TooManyUnknown as error:
            raise Throttled(error.seconds) from error
        except tokens.BadToken as error:
            raise AuthenticationFailed(str(error)) from error
        access.limits.set(let_in.limits)
        activity.came_with(let_in.token)
        return let_in.operator, let_in.token

    def authenticate_header(self, request: Request) -> str:
        """How to come."""
        return CHALLENGE


def _address(request: Request) -> str:
    """The IP address that a request came from; empty if it is none."""
    try:
        found = ip_address(str(request.META.get("REMOTE_ADDR", "")).partition("%")[0])
    except ValueError:
        return ""
    return str(getattr(found, "ipv4_mapped", None) or found)


class Session(SessionAuthentication):
    """A browser that is logged in; it writes with its CSRF token alone."""

    def enforce_csrf(self, request: Request) -> None:
        """Ask Django, of its own request: the framework's would read the body as a form."""
        super().enforce_csrf(request._request)  # type: ignore[arg-type]  # noqa: SLF001


class Allowed(BasePermission):
    """Somebody, with the permission that the method needs somewhere at least."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """Ask the one question; where exactly it holds is asked of each row."""
        operator = request.user
        if not isinstance(operator, Operator):
            return False
        if operator.must_change_password and request.auth is None:
            raise NotPermitted("Choose a lasting password first, on the password page.")
        if request.auth is None and factors.is_missing(operator, request.session):
            raise NotPermitted("Your role asks for a second factor: log in with it, on the pages.")
        guarded: Guarded = view  # type: ignore[assignment]
        permission = guarded.needed(request.method or "")
        if permission is not None and not access.where(operator, permission):
            raise access.NotAllowed(f"{operator} may not do this: it needs {permission}.")
        return True
