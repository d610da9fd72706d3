"""One's own second factors: what there is, and adding and removing it."""

import json

from allauth.mfa.adapter import get_adapter
from allauth.mfa.webauthn.internal import auth as webauthn
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from oemupdates.dashboard.access.entering import NOT_BELIEVED, credential, takes_passkeys
from oemupdates.dashboard.frame.acting import act, operator
from oemupdates.dashboard.frame.proving import proven
from oemupdates.services.access import factors as verbs
from oemupdates.services.shared import sealing
from oemupdates.services.shared.activity import Refused

SECRET, PURPOSE = "new_authenticator", "new authenticator"


@never_cache
@require_safe
def factors(request: HttpRequest) -> HttpResponse:
    """Show one's factors, and what can be added."""
    who = operator(request)
    found = verbs.of(who)
    context = {
        "factors": found,
        "has_app": any(one.type == verbs.APP for one in found),
        "codes_left": verbs.codes_left(who),
        "is_missing": verbs.is_missing(who, request.session),
        "takes_passkeys": takes_passkeys(request),
    }
    return render(request, "dashboard/factors.html", context)


@sensitive_post_parameters("code")
@never_cache
@require_POST
@proven
def add_app(request: HttpRequest) -> HttpResponse:
    """Show a new secret to scan, and take the first code of the app that has it."""
    who, fault, code = operator(request), "", request.POST.get("code")
    sealed = request.session.get(SECRET, "")
    if code is None or not sealed:
        secret = verbs.new_secret()
        request.session[SECRET] = sealing.seal(secret, purpose=PURPOSE)
    else:
        secret = sealing.unseal(sealed, purpose=PURPOSE)
        try:
            codes = verbs.add_app(who, secret, code, session=request.session)
        except verbs.CannotAddFactor as refusal:
            fault = str(refusal)
        else:
            del request.session[SECRET]
            return _added(request, codes, "The authenticator app is asked for from now on.")
    adapter = get_adapter()
    drawn = adapter.build_totp_svg(adapter.build_totp_url(who, secret))
    context = {"secret": secret, "picture": drawn, "fault": fault}
    return render(request, "dashboard/factor_app.html", context)


@never_cache
@require_POST
@proven
def add_passkey(request: HttpRequest) -> HttpResponse:
    """Ask the browser for a new passkey, and take it."""
    who, fault = operator(request), ""
    if request.POST.get("credential"):
        try:
            given = credential(request)
            webauthn.parse_registration_response(given)
            webauthn.complete_registration(given)
            codes = verbs.add_passkey(
                who, request.POST.get("name", ""), given, session=request.session
            )
        except Refused as refusal:
            fault = str(refusal)
        except NOT_BELIEVED:
            fault = "What the browser said was not believed. Try again."
        else:
            return _added(request, codes, "The passkey is asked for from now on.")
    options = json.dumps(webauthn.begin_registration(who, passwordless=False))
    context = {"options": options, "fault": fault, "takes_passkeys": takes_passkeys(request)}
    return render(request, "dashboard/factor_passkey.html", context)


@require_POST
@proven
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for a factor no more."""
    who = operator(request)
    act(
        request,
        lambda: verbs.remove(who, pk, session=request.session),
        done="It is asked for no more.",
    )
    return redirect("dashboard:factors")


@never_cache
@require_POST
@proven
def make_codes(request: HttpRequest) -> HttpResponse:
    """Make new recovery codes, and show them once."""
    try:
        codes = verbs.make_codes(operator(request))
    except verbs.CannotMakeCodes as refusal:
        messages.error(request, str(refusal))
        return redirect("dashboard:factors")
    return render(request, "dashboard/factor_codes.html", {"codes": codes})


def _added(request: HttpRequest, codes: list[str], done: str) -> HttpResponse:
    messages.success(request, done)
    if codes:
        return render(request, "dashboard/factor_codes.html", {"codes": codes})
    return redirect("dashboard:factors")
