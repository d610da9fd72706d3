"""Admin > Node secrets: what lets nodes check in, how old it is, and what becomes of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

from django import forms
from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from oemupdates.dashboard.frame import paging
from oemupdates.dashboard.frame.acting import act, complain, needs, operator
from oemupdates.dashboard.frame.proving import proven
from oemupdates.domain.access import Permission
from oemupdates.models import Group, UpdateSecret
from oemupdates.services.access import update_secrets as verbs
from oemupdates.services.checkins import passes

BAD_REQUEST = 400
# A node asks every hour or so: a secret that nobody used for so long is in no node.
UNUSED = timedelta(days=2)


class NewSecretForm(forms.Form):
    """What a secret is for."""

    name = forms.CharField(max_length=100, help_text="Such as the site or the image it goes into.")
    group: "forms.ModelChoiceField[Group]" = forms.ModelChoiceField(
        Group.objects.order_by("name", "architecture"),
        required=False,
        empty_label="Nodes of every group",
        label="Lets in",
    )
    why = forms.CharField(max_length=500, required=False, label="Why")


class DaysForm(forms.Form):
    """For how long something stays valid; for good without a number, where that can be."""

    days = forms.IntegerField(min_value=0, max_value=verbs.MAX_DAYS, required=False)
    why = forms.CharField(max_length=500, required=False)


class Setting(NamedTuple):
    """One secret of the settings, and the row that remembers its use."""

    name: str
    row: UpdateSecret | None


@require_safe
@needs(Permission.READ_SECURITY)
def secrets(request: HttpRequest) -> HttpResponse:
    """Show what lets nodes in, or what no longer does."""
    return _page(request)


@never_cache
@require_POST
@needs(Permission.ADMINISTER)
@proven
def make(request: HttpRequest) -> HttpResponse:
    """Make a secret, and show the address with it."""
    by, form = operator(request), NewSecretForm(request.POST)
    if not form.is_valid():
        complain(request, form)
        return redirect("dashboard:admin_secrets")
    said = form.cleaned_data
    return _made(
        request,
        lambda: verbs.create(said["name"], by=by, group=said["group"], why=said["why"]),
        done=f"{said['name']} lets nodes in from now on.",
    )


@never_cache
@require_POST
@needs(Permission.ADMINISTER)
@proven
def rotate(request: HttpRequest, pk: int) -> HttpResponse:
    """Make the successor of a secret, and show the address with it."""
    secret, by, form = _one(pk), operator(request), DaysForm(request.POST)
    if not form.is_valid() or form.cleaned_data["days"] is None:
        messages.error(request, "Say for how many days the former secret stays valid.")
        return redirect("dashboard:admin_secrets")
    days, why = form.cleaned_data["days"], form.cleaned_data["why"]
    return _made(
        request,
        lambda: verbs.rotate(secret, by=by, days=days, why=why),
        done=f"{secret} has a successor, valid now; the former is valid for {days} days more.",
    )


@require_POST
@needs(Permission.ADMINISTER)
@proven
def set_end(request: HttpRequest, pk: int) -> HttpResponse:
    """Say for how long a secret is valid from now on."""
    secret, by, form = _one(pk), operator(request), DaysForm(request.POST)
    if form.is_valid():
        days, why = form.cleaned_data["days"], form.cleaned_data["why"]
        until = "for good" if days is None else f"for {days} days from now"
        act(
            request,
            lambda: verbs.set_end(secret, days=days, by=by, why=why),
            done=f"{secret} is valid {until}.",
        )
    else:
        complain(request, form)
    return redirect("dashboard:admin_secrets")


@require_POST
@needs(Permission.ADMINISTER)
@proven
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """End a secret at once, if its name was typed."""
    secret, by = _one(pk), operator(request)
    why = request.POST.get("why", "")
    if request.POST.get("confirmed") != secret.name:
        messages.error(request, f"Nothing was done: type {secret.name} to confirm.")
    else:
        act(
            request,
            lambda: verbs.revoke(secret, by=by, why=why),
            done=f"{secret} is revoked: nodes that come with it are refused from now on.",
        )
    return redirect("dashboard:admin_secrets")


@require_POST
@needs(Permission.ADMINISTER)
@proven
def open_plain(request: HttpRequest) -> HttpResponse:
    """Let nodes without a secret in again."""
    by, form = operator(request), DaysForm(request.POST)
    if form.is_valid():
        days, why = form.cleaned_data["days"], form.cleaned_data["why"]
        act(
            request,
            lambda: verbs.open_plain(days=days, by=by, why=why),
            done="Nodes without a secret are let in.",
        )
    else:
        complain(request, form)
    return redirect("dashboard:admin_secrets")


def _made(request: HttpRequest, verb: Callable[[], verbs.Made], *, done: str) -> HttpResponse:
    """Make a secret, and show it."""
    made: list[verbs.Made] = []
    if not act(request, lambda: made.append(verb()), done=done):
        return redirect("dashboard:admin_secrets")
    secret, value = made[0]
    context = {"secret": secret, "value": value, "track": secret.group and secret.group.track}
    return render(request, "dashboard/secret_made.html", context)


def _one(pk: int) -> UpdateSecret:
    return get_object_or_404(UpdateSecret.objects.select_related("group"), pk=pk)


def _page(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    over = Q(revoked_at__isnull=False) | Q(ends_at__lte=now)
    is_over = request.GET.get("state") == "ended"
    rows = UpdateSecret.objects.kept_here().select_related("group", "created_by")
    page: paging.Page[UpdateSecret] = paging.Page([])
    status = None
    try:
        chosen = rows.filter(over) if is_over else rows.exclude(over)
        page = paging.by_id(chosen, request.GET.get("after", ""))
    except paging.BadToken as damaged:
        messages.error(request, str(damaged))
        status = BAD_REQUEST
    valid = passes.holding(now)
    context: dict[str, Any] = {
        "page": page,
        "settings": [] if is_over else _settings(),
        "is_over": is_over,
        "states": [("Valid", "?", not is_over), ("Ended", "?state=ended", is_over)],
        "is_open": passes.PLAIN in valid,
        "needs_none": valid.keys() == {passes.PLAIN} and not rows.exists(),
        "form": NewSecretForm(),
        "overlap": verbs.OVERLAP_DAYS,
        "old_before": now - verbs.OLD,
        "unused_before": now - UNUSED,
        "sentence": _sentence(valid),
    }
    return render(request, "dashboard/secrets.html", context, status=status)


def _settings() -> list[Setting]:
    """The secrets of the settings, by number: what they are is told nowhere."""
    told = passes.of_settings()
    known = UpdateSecret.objects.filter(digest__in=[passes.digest(one) for one in told])
    rows = {row.digest: row for row in known}
    return [
        Setting(f"Setting {number}", rows.get(passes.digest(one)))
        for number, one in enumerate(told, start=1)
    ]


def _sentence(valid: dict[str, passes.Pass]) -> str:
    """Who is let in, in one sentence."""
    others = len(valid.keys() - {passes.PLAIN})
    if passes.PLAIN not in valid:
        return f"Nodes check in by one of {others} secret{'s' * (others != 1)}, and not without."
    if not others:
        return "Nodes check in without a secret: whoever reaches this server may."
    return f"Nodes check in with or without one of {others} secret{'s' * (others != 1)}."
