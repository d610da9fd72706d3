"""Logging in by an organisation's identity provider: going there, and coming back."""

from http import HTTPStatus

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from oemupdates.dashboard.access.entering import CAME_BY
from oemupdates.dashboard.frame import provider_trips
from oemupdates.dashboard.frame.middleware import address
from oemupdates.dashboard.frame.provider_trips import Trip
from oemupdates.domain import identity
from oemupdates.domain.identity import Identity, NotBelieved
from oemupdates.domain.provider import Provider
from oemupdates.models import Operator
from oemupdates.services.access import factors, identities, knocking, operators, proof
from oemupdates.upstream.session import Unreachable

CANCELLED = "access_denied"


class Failed(Exception):
    """A log-in that comes to nothing: what is shown of it, and the status."""

    def __init__(self, text: str, status: HTTPStatus) -> None:
        super().__init__(text)
        self.status = status


@never_cache
@login_not_required
@require_POST
def go(request: HttpRequest, key: str) -> HttpResponse:
    """Send somebody to log in at their provider, or to prove there that it is still they.

    By a page rather than by a redirect: our pages' policy lets forms lead nowhere else.
    """
    found = _provider(key)
    sealed = request.POST.get("suspended", "")
    if isinstance(request.user, Operator) and not sealed:
        return redirect("dashboard:overview")
    wait = knocking.seconds_to_wait_at(address(request))
    if wait:
        text = f"Too many tries: wait {wait} s, and try again."
        answer = _failed(request, found, Failed(text, HTTPStatus.TOO_MANY_REQUESTS))
        answer["Retry-After"] = str(wait)
        return answer
    trip = provider_trips.begin(
        request,
        found.id,
        settings.FLEET_URL + reverse("dashboard:login_came_back", args=[found.id]),
        next_url=_own_address(request, request.POST.get("next", "")),
        suspended=sealed[: provider_trips.MOST_SUSPENDED],
    )
    try:
        url = identities.where_to_log_in(found, trip.asked, anew=bool(sealed))
    except Unreachable as problem:
        return _failed(request, found, _away(found, problem))
    return render(request, "dashboard/provider_going.html", {"provider": found, "url": url})


@never_cache
@login_not_required
@require_GET
def come_back(request: HttpRequest, key: str) -> HttpResponse:
    """Take the answer of a provider: let somebody in, or believe that it is still they."""
    found = _provider(key)
    try:
        trip = _trip(request, found)
        who = _identify(request, found, trip)
        if trip.suspended:
            return _prove(request, found, trip, who)
        return _let_in(request, found, trip, who)
    except identities.NoRole as refusal:
        identities.not_let_in(found, str(refusal), who=who)
        context = {"provider": found, "who": who}
        return render(request, "dashboard/no_role.html", context, status=HTTPStatus.FORBIDDEN)
    except identities.NotLetIn as refusal:
        identities.not_let_in(found, str(refusal), who=who)
        return _failed(request, found, Failed(str(refusal), HTTPStatus.FORBIDDEN))
    except Failed as failure:
        return _failed(request, found, failure)


def _provider(key: str) -> Provider:
    found = identities.provider(key)
    if found is None:
        raise Http404("There is no such identity provider.")
    return found


def _trip(request: HttpRequest, found: Provider) -> Trip:
    """The log-in that is answered, if the provider let somebody in."""
    trip = provider_trips.end(request, found.id, request.GET.get("state", ""))
    if trip is None:
        raise Failed(
            "This log-in began in another browser, or too long ago. Begin anew.",
            HTTPStatus.BAD_REQUEST,
        )
    # RFC 9207: an answer that says whose it is must be of whom was asked.
    if request.GET.get("iss", found.address) != found.address:
        raise _unbelieved(found, "The answer is another issuer's.")
    error = request.GET.get("error", "")
    if error == CANCELLED:
        raise Failed(f"{found.name} let nobody in: it was cancelled there.", HTTPStatus.FORBIDDEN)
    if error or not request.GET.get("code"):
        raise _unbelieved(found, f"It let nobody in: {error[:100] or 'it gave no code'}.")
    return trip


def _identify(request: HttpRequest, found: Provider, trip: Trip) -> Identity:
    try:
        return identities.identify(found, code=request.GET["code"], asked=trip.asked)
    except Unreachable as problem:
        raise _away(found, problem) from problem
    except NotBelieved as problem:
        raise _unbelieved(found, str(problem)) from problem


def _let_in(request: HttpRequest, found: Provider, trip: Trip, who: Identity) -> HttpResponse:
    operator = identities.arrive(found, who)
    if isinstance(request.user, Operator) and request.user != operator:
        operators.logged_out(request.user)
        get_adapter().logout(request)
    record_authentication(request, operator, "socialaccount", provider=found.id, uid=who.subject)
    answer: HttpResponse = perform_login(
        request, operator, email_verification="none", redirect_url=trip.next_url or None
    )
    if request.user == operator:  # and no second factor of this server is missing
        how = ", with a second factor" if who.has_second_factor else ""
        operators.logged_in(operator, why=f"By {found.id}{how}")
        request.session[CAME_BY] = found.name
        request.session[factors.SHOWN_TO_PROVIDER] = who.has_second_factor
        if found.log_in_proves:
            proof.prove(request.session)
        elif who.authenticated_at is not None:
            proof.prove(request.session, at=who.authenticated_at)
    return answer


def _prove(request: HttpRequest, found: Provider, trip: Trip, who: Identity) -> HttpResponse:
    """Believe that it is still the same person, and show what they were about to do."""
    operator = request.user
    form = None
    if isinstance(operator, Operator):
        form = provider_trips.suspended(operator, trip.suspended)
    if not isinstance(operator, Operator) or form is None:
        raise Failed("Nobody is logged in here whom this proves. Log in.", HTTPStatus.FORBIDDEN)
    if identities.known(found, who) != operator:
        raise identities.NotLetIn(f"It was not {operator} who logged in at {found.name}.")
    if not (found.log_in_proves or identity.is_fresh(who, since=trip.began_at)):
        raise identities.NotLetIn(f"{found.name} does not say that {operator} logged in anew.")
    identities.arrive(found, who)
    proof.prove(request.session)
    context = {"path": form.path, "fields": form.fields, "minutes": proof.LASTS_SECONDS // 60}
    return render(request, "dashboard/proven.html", context)


def _own_address(request: HttpRequest, url: str) -> str:
    is_ours = url_has_allowed_host_and_scheme(
        url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return url if is_ours else ""


def _unbelieved(found: Provider, why: str) -> Failed:
    """What was not believed is for administrators; whoever came learns that it was not."""
    identities.not_let_in(found, why)
    return Failed(
        f"What {found.name} said was not believed. Activity says why, to those who may read it.",
        HTTPStatus.FORBIDDEN,
    )


def _away(found: Provider, problem: Unreachable) -> Failed:
    identities.not_let_in(found, str(problem))
    return Failed(
        f"{found.name} does not answer as it should. Local accounts can log in all the same.",
        HTTPStatus.BAD_GATEWAY,
    )


def _failed(request: HttpRequest, found: Provider, failure: Failed) -> HttpResponse:
    context = {"provider": found, "text": str(failure)}
    return render(request, "dashboard/provider_failed.html", context, status=failure.status)
