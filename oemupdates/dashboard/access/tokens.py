"""API tokens: one's own, a service account's, and all of them for those who administer."""

from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from oemupdates.dashboard.frame import paging
from oemupdates.dashboard.frame.acting import act, needs, operator, require
from oemupdates.dashboard.frame.proving import proven
from oemupdates.domain.access import PERMISSIONS, Permission
from oemupdates.models import ApiToken, Group, Operator
from oemupdates.models.token import ApiTokenQuerySet
from oemupdates.services.access import access
from oemupdates.services.access import tokens as verbs

ASK_OR_DO = ("GET", "HEAD", "POST")
BAD_REQUEST = 400


class TokenForm(forms.Form):
    """What a token is for: no more is offered than its owner may do."""

    name = forms.CharField(max_length=100, help_text="What it is for: colleagues will read this.")
    scopes = forms.MultipleChoiceField(widget=forms.CheckboxSelectMultiple, label="What it may do")
    groups: "forms.ModelMultipleChoiceField[Group]" = forms.ModelMultipleChoiceField(
        Group.objects.none(),
        required=False,
        help_text="None chosen: wherever its owner may. With some, it has no part in what is of no"
        " single group: channels, releases, users and this server.",
    )
    networks = forms.CharField(
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "10.0.0.0/8"}),
        label="From these networks only",
        help_text="One a line. Empty: from anywhere.",
    )
    days = forms.IntegerField(
        min_value=1, max_value=verbs.MAX_DAYS, initial=verbs.DEFAULT_DAYS, label="Valid for days"
    )

    def __init__(self, owner: Operator, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        scopes: Any = self.fields["scopes"]
        scopes.choices = [
            (permission.value, words)
            for permission, words in PERMISSIONS.items()
            if access.where(owner, permission)
        ]
        groups: Any = self.fields["groups"]
        reach = access.where(owner, Permission.READ_FLEET)
        groups.queryset = Group.objects.within(reach).order_by("name", "architecture")

    def terms(self) -> verbs.Terms:
        """What was asked for."""
        said = self.cleaned_data
        return verbs.Terms(
            [Permission(scope) for scope in said["scopes"]],
            list(said["groups"]) or None,
            said["days"],
            said["networks"].split(),
        )


def every() -> ApiTokenQuerySet:
    """All tokens, with what a list says of each."""
    groups = Prefetch("groups", Group.objects.order_by("name", "architecture"))
    found: ApiTokenQuerySet = ApiToken.objects.select_related("operator").prefetch_related(groups)
    return found


@require_safe
@needs(Permission.READ_SECURITY)
def tokens(request: HttpRequest) -> HttpResponse:
    """Show a page of all tokens, or of somebody's."""
    owner = request.GET.get("owner", "").replace("\x00", "")
    found = every().filter(operator__username=owner) if owner else every()
    return _list(request, found, owner=owner)


@require_safe
def own(request: HttpRequest) -> HttpResponse:
    """Show a page of the tokens of whoever is logged in."""
    return _list(request, every().filter(operator=operator(request)), is_own=True)


@never_cache
@require_http_methods(ASK_OR_DO)
@proven
def make(request: HttpRequest) -> HttpResponse:
    """Ask what a token is for, and make one of one's own."""
    return _make(request, operator(request))


@never_cache
@require_http_methods(ASK_OR_DO)
@needs(Permission.ADMINISTER)
@proven
def make_for(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask what a token is for, and make one for a service account."""
    return _make(request, get_object_or_404(Operator, pk=pk, is_service_account=True))


@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """End a token for ever: one's own, or anybody's as an administrator."""
    by = operator(request)
    mine = ApiToken.objects.select_related("operator")
    if not access.where(by, Permission.READ_SECURITY):
        mine = mine.filter(operator=by)
    token = get_object_or_404(mine, pk=pk)
    if token.operator_id != by.pk:
        require(request, Permission.ADMINISTER)
    why = request.POST.get("why", "")
    act(
        request,
        lambda: verbs.revoke(token, by=by, why=why),
        done=f"{token} is revoked: whoever comes with it is refused from now on.",
    )
    if token.operator_id == by.pk:
        return redirect("dashboard:tokens")
    return redirect("dashboard:admin_user", token.operator_id)


def _list(
    request: HttpRequest, found: QuerySet[ApiToken], *, owner: str = "", is_own: bool = False
) -> HttpResponse:
    now = timezone.now()
    ended = Q(revoked_at__isnull=False) | Q(expires_at__lte=now) | Q(operator__is_active=False)
    state = request.GET.get("state", "")
    is_ended, is_ending = state == "ended", state == "ending"
    page: paging.Page[ApiToken] = paging.Page([])
    status = None
    try:
        chosen = found.filter(ended) if is_ended else found.exclude(ended)
        if is_ending:
            chosen = found.filter(pk__in=verbs.ending(now).order_by().values("pk"))
        page = paging.by_id(chosen, request.GET.get("after", ""))
    except paging.BadToken as damaged:
        messages.error(request, str(damaged))
        status = BAD_REQUEST
    context = {
        "page": page,
        "owner": owner,
        "is_own": is_own,
        "shows_owner": not is_own and not owner,
        "is_ended": is_ended,
        "is_ending": is_ending,
        "states": [
            ("Valid", "?", not is_ended and not is_ending),
            ("In use, ending soon", "?state=ending", is_ending),
            ("Ended", "?state=ended", is_ended),
        ],
        "now": now,
    }
    return render(request, "dashboard/tokens.html", context, status=status)


def _make(request: HttpRequest, owner: Operator) -> HttpResponse:
    by = operator(request)
    form = TokenForm(owner, request.POST if request.method == "POST" else None)
    context: dict[str, Any] = {"form": form, "owner": owner, "is_own": owner.pk == by.pk}
    made: list[verbs.Made] = []
    if form.is_bound and form.is_valid():
        name, terms = form.cleaned_data["name"], form.terms()
        act(
            request,
            lambda: made.append(verbs.create(owner=owner, by=by, name=name, terms=terms)),
            done="The token is made.",
        )
    if made:
        context |= {"token": every().get(pk=made[0].token.pk), "secret": made[0].secret}
        return render(request, "dashboard/token_made.html", context)
    status = BAD_REQUEST if form.is_bound else None
    return render(request, "dashboard/token_new.html", context, status=status)
