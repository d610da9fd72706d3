"""Coming in: what every way of logging in does, and the second step of those who have a factor."""

import json
from http import HTTPStatus
from typing import Any

from allauth.account.internal.flows.login import (
    get_authentication_records,
    record_authentication,
)
from allauth.account.stages import LoginStage, LoginStageController
from allauth.account.utils import perform_login
from allauth.mfa.webauthn.internal import auth as webauthn
from cryptography.exceptions import InvalidSignature
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from oemupdates.dashboard.frame.middleware import address
from oemupdates.models import Operator
from oemupdates.services.access import factors, identities, knocking, operators, proof

CAME_BY = "came_by"
# What is raised over an answer that no passkey gave.
NOT_BELIEVED = (
    ValidationError,
    ValueError,
    TypeError,
    KeyError,
    AttributeError,
    InvalidSignature,
)
_BIGGEST = 64 * 1024


class SecondFactorStage(LoginStage):  # type: ignore[misc] # allauth has no types
    """What stands between a password, or a provider, and a session."""

    key = "second_factor"
    urlname = "dashboard:login_second"

    def handle(self) -> tuple[HttpResponse | None, bool]:
        """Lead whoever has a second factor to be asked for it."""
        if not factors.has(self.login.user):
            return None, True
        self.state["hash"] = self.login.user.get_session_auth_hash()
        return redirect(self.urlname), True


def by_password(request: HttpRequest, who: Operator, url: str) -> HttpResponse:
    """Let somebody in whose password was right, or lead them to the second step."""
    record_authentication(request, who, "password")
    answer: HttpResponse = perform_login(request, who, email_verification="none", redirect_url=url)
    if request.user == who:
        operators.logged_in(who)
        proof.prove(request.session)
    return answer


def credential(request: HttpRequest) -> dict[str, Any]:
    """What a passkey answered, as the page's script posted it; raises a kind of NOT_BELIEVED."""
    text = request.POST.get("credential", "")
    if len(text) > _BIGGEST:
        raise ValueError("This is longer than any passkey's answer.")
    found = json.loads(text)
    if not isinstance(found, dict):
        raise TypeError("A passkey's answer is an object.")
    return found


def takes_passkeys(request: HttpRequest) -> bool:
    """Whether browsers let a page at this address ask for passkeys."""
    host = request.get_host().partition(":")[0]
    return host == "localhost" or (request.is_secure() and not host.replace(".", "").isdigit())


@never_cache
@login_not_required
@sensitive_post_parameters("code", "credential")
@require_http_methods(["GET", "HEAD", "POST"])
def second_step(request: HttpRequest) -> HttpResponse:
    """Ask for the second factor of whoever said the first, and let them in."""
    stage = LoginStageController.enter(request, SecondFactorStage.key)
    who = stage.login.user if stage is not None else None
    if not isinstance(who, Operator) or not _holds(stage, who):
        return redirect("dashboard:login")
    if request.method != "POST":
        return _ask(request, who)
    wait = knocking.seconds_to_wait_at(address(request))
    if wait:
        return _wait(request, who, wait, f"Too many tries: wait {wait} s, and try again.")
    try:
        is_shown = _is_shown(request, who)
    except factors.TooManyTries as refused:
        return _wait(request, who, refused.seconds, str(refused))
    if not is_shown:
        operators.log_in_failed(who.username, why="The second factor was wrong")
        return _ask(request, who, "That was not it. Each code is taken once.")
    entered: HttpResponse = stage.exit()
    if request.user == who:
        _came_in(request, who)
    return entered


def _holds(stage: LoginStage, who: Operator) -> bool:
    """Whether what was said in the first step is still so."""
    before = str(stage.state.get("hash", ""))
    return who.is_active and constant_time_compare(before, who.get_session_auth_hash())


def _is_shown(request: HttpRequest, who: Operator) -> bool:
    if request.POST.get("credential"):
        try:
            webauthn.parse_authentication_response(credential(request))
            webauthn.complete_authentication(who, credential(request)).record_usage()
        except NOT_BELIEVED:
            return False
        return True
    return factors.accept(who, request.POST.get("code", "")[:64], now=timezone.now())


def _wait(request: HttpRequest, who: Operator, seconds: int, fault: str) -> HttpResponse:
    answer = _ask(request, who, fault)
    answer.status_code = HTTPStatus.TOO_MANY_REQUESTS
    answer["Retry-After"] = str(seconds)
    return answer


def _came_in(request: HttpRequest, who: Operator) -> None:
    request.session[factors.SHOWN] = True
    records = get_authentication_records(request, who)
    keys = [record["provider"] for record in records if record.get("provider")]
    if not keys:
        operators.logged_in(who, why="With a second factor")
        proof.prove(request.session)
        return
    operators.logged_in(who, why=f"By {keys[-1]}, with a second factor")
    found = identities.provider(keys[-1])
    request.session[CAME_BY] = found.name if found else keys[-1]


def _ask(request: HttpRequest, who: Operator, fault: str = "") -> HttpResponse:
    kinds = {one.type for one in factors.of(who)}
    has_passkey = factors.KEY in kinds
    context = {
        "who": who,
        "fault": fault,
        "has_app": factors.APP in kinds,
        "has_passkey": has_passkey,
        "options": json.dumps(webauthn.begin_authentication(who)) if has_passkey else "",
    }
    return render(request, "dashboard/second_step.html", context)
