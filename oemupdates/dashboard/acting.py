"""What every page's verbs share: who acts, and how the outcome is told."""

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.forms import BaseForm
from django.http import HttpRequest

from oemupdates.models import Operator
from oemupdates.services.activity import Refused


def operator(request: HttpRequest) -> Operator:
    """Who is logged in."""
    if not isinstance(request.user, Operator):
        raise PermissionDenied
    return request.user


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
