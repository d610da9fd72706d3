"""Asking for the password again before something dangerous, and then going on with it."""

from collections.abc import Callable
from functools import update_wrapper
from typing import Concatenate, ParamSpec

from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from oemupdates.dashboard.acting import operator
from oemupdates.services import proof

Params = ParamSpec("Params")
View = Callable[Concatenate[HttpRequest, Params], HttpResponse]
PASSWORD = "proof"  # noqa: S105 - the name of a field
_OURS = {PASSWORD, "csrfmiddlewaretoken"}


def proven(view: View[Params]) -> View[Params]:
    """Let nobody post what is dangerous who did not prove lately who they are.

    They are asked for their password, and what they posted goes on with it. Who has no password
    here logs in anew, by their identity provider. It stands below the view's permission.
    """

    def guarded(
        request: HttpRequest, /, *args: Params.args, **kwargs: Params.kwargs
    ) -> HttpResponse:
        if request.method != "POST" or proof.is_recent(request.session):
            return view(request, *args, **kwargs)
        who = operator(request)
        if not who.has_usable_password():
            logout(request)
            messages.info(
                request, "This is dangerous: log in anew, so that it is you who does it."
            )
            return redirect_to_login(request.get_full_path())
        given = request.POST.get(PASSWORD)
        if given is not None and proof.accept(who, given, request.session):
            return view(request, *args, **kwargs)
        context = {
            "fields": [
                (name, value)
                for name, values in request.POST.lists()
                for value in values
                if name not in _OURS
            ],
            "is_wrong": given is not None,
            "minutes": proof.LASTS_SECONDS // 60,
        }
        return render(request, "dashboard/prove.html", context)

    hidden = sensitive_post_parameters(PASSWORD)(guarded)
    return update_wrapper(never_cache(hidden), view)
