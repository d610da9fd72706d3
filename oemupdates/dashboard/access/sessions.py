"""One's own sessions: where one is logged in, and ending that."""

from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from oemupdates.dashboard.frame.acting import act, operator
from oemupdates.services.access import sessions as verbs


@never_cache
@require_safe
def sessions(request: HttpRequest) -> HttpResponse:
    """Show where one is logged in; this session first."""
    key = request.session.session_key
    found = verbs.of(operator(request))
    rows = sorted(((one, one.session_key == key) for one in found), key=lambda pair: not pair[1])
    return render(request, "dashboard/sessions.html", {"rows": rows})


@require_POST
def end(request: HttpRequest, pk: int) -> HttpResponse:
    """End one session; this one, too."""
    who = operator(request)
    act(request, lambda: verbs.end(who, pk), done="The session is over.")
    if not request.session.exists(request.session.session_key or ""):
        logout(request)
        return redirect("dashboard:login")
    return redirect("dashboard:sessions")


@require_POST
def end_others(request: HttpRequest) -> HttpResponse:
    """End every session but this."""
    ended = verbs.end_others(operator(request), request.session.session_key or "")
    messages.success(request, f"Sessions that are over now: {ended}.")
    return redirect("dashboard:sessions")
