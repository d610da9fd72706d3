"""Asking for the password again before something dangerous, and then going on with it."""

from collections.abc import Callable
from functools import update_wrapper
from typing import Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from oemupdates.dashboard.frame.acting import operator
from oemupdates.dashboard.frame.provider_trips import Suspended
from oemupdates.models import Operator
from oemupdates.services.access import identities, proof

Params = ParamSpec("Params")
View = Callable[Concatenate[HttpRequest, Params], HttpResponse]
PASSWORD = "proof"  # noqa: S105 - the name of a field
_OURS = {PASSWORD, "csrfmiddlewaretoken"}


def proven(view: View[Params]) -> View[Params]:
    """Let nobody post what is dangerous who did not prove lately who they are.

    They are asked for their password, and what they posted goes on with it. Who has none here logs
    in anew at their identity provider, and goes on then. It stands below the view's permission.
    """

    def guarded(
        request: HttpRequest, /, *args: Params.args, **kwargs: Params.kwargs
    ) -> HttpResponse:
        if request.method != "POST" or proof.is_recent(request.session):
            return view(request, *args, **kwargs)
        who = operator(request)
        if not who.has_usable_password():
            return _by_provider(request, who)
        given = request.POST.get(PASSWORD)
        if given is not None and proof.accept(who, given, request.session):
            return view(request, *args, **kwargs)
        context = {
            "fields": _posted(request),
            "is_wrong": given is not None,
            "minutes": proof.LASTS_SECONDS // 60,
        }
        return render(request, "dashboard/prove.html", context)

    hidden = sensitive_post_parameters(PASSWORD)(guarded)
    return update_wrapper(never_cache(hidden), view)


def _by_provider(request: HttpRequest, who: Operator) -> HttpResponse:
    """Offer to prove who it is at the provider that they come by, with what they posted."""
    keys = {account.provider for account in identities.came_by([who.pk]).get(who.pk, [])}
    form = Suspended(who.pk, request.get_full_path(), _posted(request))
    context = {
        "providers": [one for one in identities.providers() if one.id in keys and one.can_prove],
        "suspended": form.seal(),
        "minutes": proof.LASTS_SECONDS // 60,
    }
    return render(request, "dashboard/prove_by_provider.html", context)


def _posted(request: HttpRequest) -> list[tuple[str, str]]:
    return [
        (name, value)
        for name, values in request.POST.lists()
        for value in values
        if name not in _OURS
    ]
