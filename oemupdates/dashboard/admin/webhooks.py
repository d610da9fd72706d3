"""Admin > Webhooks: who is told what happens, what became of each telling, and trying it."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from oemupdates.dashboard.frame import paging
from oemupdates.dashboard.frame.acting import act, needs, operator
from oemupdates.dashboard.frame.proving import proven
from oemupdates.domain.access import Permission
from oemupdates.domain.notice import CHOICES, Shape
from oemupdates.models import Webhook, WebhookDelivery
from oemupdates.services.news import webhooks as verbs

ASK_OR_DO = ("GET", "HEAD", "POST")
BAD_REQUEST = 400
_State = WebhookDelivery.State
STATES = {_State.WAITING: "Waiting", _State.DELIVERED: "Delivered", _State.GIVEN_UP: "Given up"}


class WebhookForm(forms.Form):
    """What a webhook is told, where, and in which shape; the service has the last word."""

    name = forms.CharField(max_length=100)
    url = forms.CharField(
        max_length=1000,
        label="Address",
        widget=forms.TextInput(attrs={"placeholder": "https://example.net/hook"}),
    )
    shape = forms.ChoiceField(
        choices=[(shape.value, shape.label) for shape in Shape], label="It understands"
    )
    kinds = forms.MultipleChoiceField(
        choices=list(CHOICES.items()), widget=forms.CheckboxSelectMultiple, label="It is told"
    )

    def terms(self) -> verbs.Terms:
        """What was asked for."""
        return verbs.Terms(**self.cleaned_data)


@require_safe
@needs(Permission.ADMINISTER)
def webhooks(request: HttpRequest) -> HttpResponse:
    """Show a page of the webhooks."""
    page: paging.Page[Webhook] = paging.Page([])
    status = None
    try:
        page = paging.by_id(Webhook.objects.all(), request.GET.get("after", ""))
    except paging.BadToken as damaged:
        messages.error(request, str(damaged))
        status = BAD_REQUEST
    return render(request, "dashboard/webhooks.html", {"page": page}, status=status)


@never_cache
@require_http_methods(ASK_OR_DO)
@needs(Permission.ADMINISTER)
@proven
def make(request: HttpRequest) -> HttpResponse:
    """Ask where something is to be told, and make a webhook of it; its secret is shown once."""
    by, form = operator(request), WebhookForm(request.POST or None)
    made: list[verbs.Made] = []
    if form.is_bound and form.is_valid():
        terms = form.terms()
        act(
            request,
            lambda: made.append(verbs.create(terms, by=by)),
            done=f"{terms.name} is told what happens from now on.",
        )
    if made:
        return _page(request, made[0].webhook, secret=made[0].secret)
    status = BAD_REQUEST if form.is_bound else None
    return render(request, "dashboard/webhook_new.html", {"form": form}, status=status)


@require_safe
@needs(Permission.ADMINISTER)
def webhook(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a webhook, and a page of what it was told."""
    return _page(request, _one(pk))


@require_POST
@needs(Permission.ADMINISTER)
@proven
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change what a webhook is told, where and in which shape."""
    found, by, form = _one(pk), operator(request), WebhookForm(request.POST)
    why = request.POST.get("why", "")
    if form.is_valid():
        terms = form.terms()
        if act(
            request,
            lambda: verbs.edit(found, terms, by=by, why=why),
            done=f"{terms.name} is changed.",
        ):
            return redirect("dashboard:admin_webhook", pk)
    return _page(request, found, form=form)


@require_POST
@needs(Permission.ADMINISTER)
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch a webhook on or off."""
    found, by, on = _one(pk), operator(request), request.POST.get("on") == "1"
    why = request.POST.get("why", "")
    return _act(
        request,
        pk,
        lambda: verbs.switch(found, on=on, by=by, why=why),
        done=f"{found} is {'on' if on else 'off'}.",
    )


@never_cache
@require_POST
@needs(Permission.ADMINISTER)
@proven
def renew(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a webhook another secret, and show it once."""
    found, by, why = _one(pk), operator(request), request.POST.get("why", "")
    made: list[verbs.Made] = []
    act(
        request,
        lambda: made.append(verbs.renew_secret(found, by=by, why=why)),
        done=f"{found} has another secret: messages are signed with it from now on.",
    )
    if made:
        return _page(request, made[0].webhook, secret=made[0].secret)
    return redirect("dashboard:admin_webhook", pk)


@require_POST
@needs(Permission.ADMINISTER)
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a webhook be told something that did not happen."""
    found, by = _one(pk), operator(request)
    return _act(
        request,
        pk,
        lambda: verbs.test(found, by=by),
        done="A test is on its way: look again in some seconds.",
    )


@require_POST
@needs(Permission.ADMINISTER)
def replay(request: HttpRequest, pk: int, delivery: int) -> HttpResponse:
    """Send something again."""
    rows = WebhookDelivery.objects.select_related("webhook")
    found, by = get_object_or_404(rows, pk=delivery, webhook=pk), operator(request)
    return _act(
        request,
        pk,
        lambda: verbs.replay(found, by=by),
        done="It is sent again, with the id that it has.",
    )


@require_POST
@needs(Permission.ADMINISTER)
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove a webhook with what it was told, if its name was typed."""
    found, by, why = _one(pk), operator(request), request.POST.get("why", "")
    if request.POST.get("confirmed") != found.name:
        messages.error(request, f"Nothing was done: type {found.name} to confirm.")
        return redirect("dashboard:admin_webhook", pk)
    act(
        request,
        lambda: verbs.remove(found, by=by, why=why),
        done=f"{found} is removed, with what it was told.",
    )
    return redirect("dashboard:admin_webhooks")


def _one(pk: int) -> Webhook:
    return get_object_or_404(Webhook, pk=pk)


def _act(request: HttpRequest, pk: int, verb: Callable[[], object], *, done: str) -> HttpResponse:
    act(request, verb, done=done)
    return redirect("dashboard:admin_webhook", pk)


def _page(
    request: HttpRequest, found: Webhook, *, secret: str = "", form: WebhookForm | None = None
) -> HttpResponse:
    rows, wanted = found.deliveries.all(), request.GET.get("state", "")
    if wanted in STATES:
        rows = rows.filter(state=wanted)
    page: paging.Page[WebhookDelivery] = paging.Page([])
    status = BAD_REQUEST if form else None
    try:
        page = paging.by_id(rows, request.GET.get("after", ""))
    except paging.BadToken as damaged:
        messages.error(request, str(damaged))
        status = BAD_REQUEST
    initial = {"name": found.name, "url": found.url, "kinds": found.kinds, "shape": found.shape}
    context: dict[str, Any] = {
        "webhook": found,
        "told": [CHOICES.get(kind, kind) for kind in found.kinds],
        "shape": next(one.label for one in Shape if one.value == found.shape),
        "secret": secret,
        "form": form or WebhookForm(initial=initial),
        "page": page,
        "states": [("All", "?", not wanted)]
        + [(label, f"?state={state}", state == wanted) for state, label in STATES.items()],
    }
    return render(request, "dashboard/webhook.html", context, status=status)
