"""What every page's verbs share: who acts, and how the outcome is told."""

from collections.abc import Callable
from functools import update_wrapper
from typing import Concatenate, ParamSpec, TypeVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.forms import BaseForm
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from oemupdates.domain.access import Permission, Reach
from oemupdates.models import Operator
from oemupdates.services.access import access
from oemupdates.services.shared.activity import Refused

Params = ParamSpec("Params")
Response = TypeVar("Response", bound=HttpResponseBase)


def operator(request: HttpRequest) -> Operator:
    """Who is logged in."""
    if not isinstance(request.user, Operator):
        raise PermissionDenied
    return request.user


def where(request: HttpRequest, permission: Permission) -> Reach:
    """Where whoever is logged in has a permission."""
    return access.where(operator(request), permission)


def require(request: HttpRequest, permission: Permission, *, group: int | None = None) -> None:
    """Answer 403 unless whoever is logged in has a permission for a group.

    What belongs to no group needs it everywhere.
    """
    if not where(request, permission).covers(group):
        raise PermissionDenied


def needs(
    permission: Permission,
) -> Callable[
    [Callable[Concatenate[HttpRequest, Params], Response]],
    Callable[Concatenate[HttpRequest, Params], Response],
]:
    """Close a view to those who have a permission nowhere; what it shows is the view's work."""

    def decorate(
        view: Callable[Concatenate[HttpRequest, Params], Response],
    ) -> Callable[Concatenate[HttpRequest, Params], Response]:
        def guarded(
            request: HttpRequest, /, *args: Params.args, **kwargs: Params.kwargs
        ) -> Response:
            if not where(request, permission):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return update_wrapper(guarded, view)

    return decorate


def act(request: HttpRequest, verb: Callable[[], object], *, done: str) -> bool:
    """Do something an operator asked for, and tell how it went: done, or the refusal's words."""
    try:
        verb()
    except Refused as refusal:
        messages.error(request, str(refusal))
        return False
    messages.success(request, done)
    return True


def complain(request: HttpRequest, form: BaseForm) -> None:
    """Tell what is wrong with a form, a field a message."""
    for name, errors in form.errors.items():
        label = form.fields[name].label or name if name in form.fields else "The form"
        messages.error(request, f"{label}: {' '.join(str(error) for error in errors)}")
