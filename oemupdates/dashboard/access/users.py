"""Admin > Users: who may log in, the accounts of scripts, and what is done about one of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from allauth.socialaccount.models import SocialAccount
from django import forms
from django.contrib import messages
from django.db.models import Exists, Max, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from oemupdates.dashboard.access.tokens import every as every_token
from oemupdates.dashboard.activity.activity import row
from oemupdates.dashboard.frame import paging
from oemupdates.dashboard.frame.acting import act, complain, needs, operator
from oemupdates.dashboard.frame.proving import proven
from oemupdates.domain.access import Permission, Role
from oemupdates.models import Activity, ApiToken, Group, Operator, RoleGrant
from oemupdates.services.access import access, factors, identities, operators, roles

ASK_OR_DO = ("GET", "HEAD", "POST")
BAD_REQUEST = 400
LATEST_ACTIVITY = LATEST_TOKENS = 10


class NewUserForm(forms.Form):
    """Somebody to be let in, or an account for scripts."""

    username = forms.CharField(
        max_length=150, help_text="Letters, digits and . _ @ + -; for instance an e-mail address."
    )
    is_service_account = forms.BooleanField(
        required=False,
        label="It is a service account",
        help_text="For scripts: it has tokens and no password, and never logs in.",
    )


class GiveRoleForm(forms.Form):
    """A role, and where it is to hold."""

    role = forms.ChoiceField(choices=[(role.value, role.value.capitalize()) for role in Role])
    group: "forms.ModelChoiceField[Group]" = forms.ModelChoiceField(
        Group.objects.order_by("name", "architecture"), required=False, empty_label="Everywhere"
    )


class About(NamedTuple):
    """What is known of an account beside its own row."""

    seen_at: datetime | None
    comes_by: str
    identities: Sequence[SocialAccount]
    has_second_factor: bool


def _every() -> QuerySet[Operator]:
    """All accounts, with what a list says of each."""
    return Operator.objects.prefetch_related("role_grants__group")


def _about(accounts: Sequence[Operator]) -> list[tuple[Operator, About]]:
    """Accounts with what is known of them, by a query for all."""
    keys = [account.pk for account in accounts]
    tokens = ApiToken.objects.filter(operator__in=keys, last_used_at__isnull=False).order_by()
    used = dict(tokens.values_list("operator", Max("last_used_at")))
    providers, holders = identities.came_by(keys), factors.holders(keys)
    return [
        (
            account,
            About(
                max(filter(None, (account.last_login, used.get(account.pk))), default=None),
                comes_by=_comes_by(account, providers.get(account.pk, ())),
                identities=providers.get(account.pk, ()),
                has_second_factor=account.pk in holders,
            ),
        )
        for account in accounts
    ]


def _comes_by(account: Operator, providers: Sequence[SocialAccount]) -> str:
    """How somebody logs in."""
    ways = [one.provider for one in providers]
    ways += ["password"] if account.has_usable_password() else []
    return ", ".join(ways) or "nothing yet"


@require_safe
@needs(Permission.READ_SECURITY)
def users(request: HttpRequest) -> HttpResponse:
    """Show a page of the people who may log in, or of the accounts of scripts."""
    wanted = {name: request.GET.get(name, "").replace("\x00", "") for name in ("q", "role")}
    is_scripts = request.GET.get("kind") == "service"
    found = _every().filter(is_service_account=is_scripts)
    if wanted["q"]:
        found = found.filter(username__istartswith=wanted["q"])
    if wanted["role"]:
        held = RoleGrant.objects.filter(operator=OuterRef("pk"), role=wanted["role"])
        found = found.filter(Exists(held))
    page: paging.Page[Operator] = paging.Page([])
    status = None
    try:
        page = paging.by_name(found, "username", request.GET.get("after", ""))
    except paging.BadToken as damaged:
        messages.error(request, str(damaged))
        status = BAD_REQUEST
    kinds = [("People", "?", not is_scripts), ("Service accounts", "?kind=service", is_scripts)]
    context = {
        "page": page,
        "rows": _about(page.rows),
        "wanted": wanted,
        "is_scripts": is_scripts,
        "kinds": kinds,
    }
    return render(request, "dashboard/users.html", context, status=status)


@never_cache
@require_http_methods(ASK_OR_DO)
@needs(Permission.ADMINISTER)
@proven
def make(request: HttpRequest) -> HttpResponse:
    """Ask for a name, and make an account of it; a one-time password is shown once."""
    form = NewUserForm(request.POST or None, initial={"is_service_account": "kind" in request.GET})
    if request.method != "POST" or not form.is_valid():
        status = BAD_REQUEST if form.is_bound else None
        return render(request, "dashboard/user_new.html", {"form": form}, status=status)
    by, name = operator(request), form.cleaned_data["username"]
    made: list[tuple[Operator, str]] = []

    def create() -> None:
        if form.cleaned_data["is_service_account"]:
            made.append((operators.create_service_account(name, by=by), ""))
        else:
            made.append(operators.create(name, by=by))

    if not act(request, create, done=f"The account {name} is made. Give it a role."):
        return render(request, "dashboard/user_new.html", {"form": form}, status=BAD_REQUEST)
    account, password = made[0]
    return _page(request, account.pk, password=password)


@require_safe
@needs(Permission.READ_SECURITY)
def user(request: HttpRequest, pk: int) -> HttpResponse:
    """Show an account: its roles, its tokens, and what was done about it."""
    return _page(request, pk)


@require_POST
@needs(Permission.ADMINISTER)
@proven
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch an account on, or off with its sessions and tokens."""
    account, by = _one(pk), operator(request)
    on, why = request.POST.get("on") == "1", request.POST.get("why", "")
    verb = operators.switch_on if on else operators.switch_off
    done = f"{account} may use this server again." if on else f"{account} is switched off."
    act(request, lambda: verb(account, by=by, why=why), done=done)
    return redirect("dashboard:admin_user", pk)


@never_cache
@require_POST
@needs(Permission.ADMINISTER)
@proven
def reset_password(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a new one-time password to somebody who lost theirs, and show it once."""
    account, by = _one(pk), operator(request)
    made: list[str] = []
    act(
        request,
        lambda: made.append(operators.reset_password(account, by=by)),
        done=f"{account} has a new one-time password; every session of theirs is over.",
    )
    return _page(request, pk, password=made[0]) if made else redirect("dashboard:admin_user", pk)


@require_POST
@needs(Permission.ADMINISTER)
@proven
def reset_factors(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget the second factors of somebody who lost them."""
    account, by, why = _one(pk), operator(request), request.POST.get("why", "")
    done = f"{account} logs in without a second factor now; every session of theirs is over."
    act(request, lambda: factors.reset(account, by=by, why=why), done=done)
    return redirect("dashboard:admin_user", pk)


@require_POST
@needs(Permission.ADMINISTER)
@proven
def give_role(request: HttpRequest, pk: int) -> HttpResponse:
    """Make somebody something, everywhere or in one group."""
    account, by, form = _one(pk), operator(request), GiveRoleForm(request.POST)
    if form.is_valid():
        role, group = Role(form.cleaned_data["role"]), form.cleaned_data["group"]
        act(
            request,
            lambda: roles.give(account, role, group=group, by=by),
            done=f"{account} is {role} {f'of {group}' if group else 'everywhere'}.",
        )
    else:
        complain(request, form)
    return redirect("dashboard:admin_user", pk)


@require_POST
@needs(Permission.ADMINISTER)
@proven
def take_role(request: HttpRequest, pk: int, grant: int) -> HttpResponse:
    """Take a role away."""
    by, found = operator(request), get_object_or_404(RoleGrant, pk=grant, operator=pk)
    done = f"{found.operator} is no {found.role} any more."
    act(request, lambda: roles.take(found, by=by), done=done)
    return redirect("dashboard:admin_user", pk)


@require_POST
@needs(Permission.ADMINISTER)
@proven
def make_ordinary(request: HttpRequest, pk: int) -> HttpResponse:
    """Let the first account have no more than the roles that it is given."""
    account, by = _one(pk), operator(request)
    done = f"{account} may do what the roles say, and no more."
    act(request, lambda: roles.make_ordinary(account, by=by), done=done)
    return redirect("dashboard:admin_user", pk)


def _one(pk: int) -> Operator:
    return get_object_or_404(Operator, pk=pk)


def _page(request: HttpRequest, pk: int, *, password: str = "") -> HttpResponse:
    account = get_object_or_404(_every(), pk=pk)
    now = timezone.now()
    about = Activity.objects.filter(subject_kind="operator", subject_id=pk)
    context: dict[str, Any] = {
        "account": account,
        "about": _about([account])[0][1],
        "password": password,
        "believed": access.believed(),
        "is_oneself": pk == operator(request).pk,
        "form": GiveRoleForm(),
        "tokens": every_token().valid(now).filter(operator=account)[:LATEST_TOKENS],
        "now": now,
        "activities": [row(one) for one in about.select_related("actor")[:LATEST_ACTIVITY]],
    }
    return render(request, "dashboard/user.html", context)
