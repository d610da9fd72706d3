"""Who asks: somebody's token, or a browser's session."""

from typing import Protocol

from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from oemupdates.api.problems import NotPermitted
from oemupdates.domain.access import Permission
from oemupdates.models import Operator
from oemupdates.services import access


class Guarded(Protocol):
    """A view whose methods each need a permission."""

    def needed(self, method: str) -> Permission | None:
        """The permission that a method needs; None if it is enough to be somebody."""


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
        guarded: Guarded = view  # type: ignore[assignment]
        permission = guarded.needed(request.method or "")
        if permission is not None and not access.where(operator, permission):
            raise access.NotAllowed(f"{operator} may not do this: it needs {permission}.")
        return True
