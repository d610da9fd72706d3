"""How the pages look to somebody: kept with the operator, and in a cookie for the log-in page."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

from oemupdates.dashboard.frame.acting import operator
from oemupdates.models import Operator
from oemupdates.services.access import operators

# What can be preferred, the first when nothing was.
CHOICES = {
    "theme": ("system", "light", "dark"),
    "density": ("comfortable", "compact"),
}
COOKIE = "look"
_COOKIE_SECONDS = 365 * 24 * 60 * 60


def look(request: HttpRequest | None) -> dict[str, str]:
    """The theme and the density of a page: the operator's, else the browser's last, else ours."""
    kept: object = {}
    if request is not None:
        user = getattr(request, "user", None)
        if isinstance(user, Operator):
            kept = user.preferences
        else:
            names = request.COOKIES.get(COOKIE, "").split(".")
            kept = dict(zip(CHOICES, names, strict=False))
    return {name: _chosen(name, kept) for name in CHOICES}


def _chosen(name: str, kept: object) -> str:
    value = kept.get(name) if isinstance(kept, dict) else None
    return value if value in CHOICES[name] else CHOICES[name][0]


@require_POST
def prefer(request: HttpRequest) -> HttpResponse:
    """Remember a theme or a density, and go back to the page that it was chosen on."""
    wanted = {name: request.POST[name] for name in CHOICES if name in request.POST}
    if not wanted or any(value not in CHOICES[name] for name, value in wanted.items()):
        return HttpResponseBadRequest("There is no such theme or density.")
    operators.prefer(operator(request), wanted)
    response = HttpResponse(status=204) if "quietly" in request.POST else redirect(_back(request))
    response.set_cookie(
        COOKIE,
        ".".join(look(request).values()),
        max_age=_COOKIE_SECONDS,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


def _back(request: HttpRequest) -> str:
    """The page that a form names, if it is one of ours."""
    page = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(page, {request.get_host()}):
        return page
    return reverse("dashboard:overview")
