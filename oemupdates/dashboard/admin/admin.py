"""Admin: how what is administered stands, with the way to each page of it."""

from collections.abc import Iterator
from typing import NamedTuple

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from oemupdates.dashboard.frame.acting import needs, where
from oemupdates.domain.access import Permission
from oemupdates.models import ApiToken, Operator, UpdateSecret, Webhook
from oemupdates.services.access import tokens
from oemupdates.services.access.roles import administrators
from oemupdates.services.access.update_secrets import OLD
from oemupdates.services.checkins import passes
from oemupdates.services.checkins.passes import PLAIN
from oemupdates.services.server import retention


class Stand(NamedTuple):
    """One thing that is administered: how it stands, and whether it needs somebody."""

    label: str
    icon: str
    tone: str
    words: str
    url: str


@require_safe
@needs(Permission.READ_SECURITY)
def admin(request: HttpRequest) -> HttpResponse:
    """Show how everything stands that has a page in Admin."""
    stands = [*_people(), *_tokens(), *_secrets(), *_rest(request)]
    return render(request, "dashboard/admin.html", {"stands": stands})


def _people() -> Iterator[Stand]:
    active = Operator.objects.filter(is_active=True)
    people, scripts = (active.filter(is_service_account=flag).count() for flag in (False, True))
    admins = administrators().count()
    words = f"{_many(people, 'person', 'people')} may log in, {admins} of them may administer"
    words += f"; {_many(scripts, 'service account')}."
    yield Stand("Users", "user", "calm", words, reverse("dashboard:admin_users"))
    waiting = active.filter(
        Q(role_grants=None), is_superuser=False, is_service_account=False
    ).count()
    if waiting:
        words = f"{_many(waiting, 'person', 'people')} without a role, who see nothing."
        yield Stand("No role", "help-circle", "wait", words, reverse("dashboard:admin_users"))


def _tokens() -> Iterator[Stand]:
    now = timezone.now()
    valid = ApiToken.objects.valid(now)
    words = f"{_many(valid.count(), 'valid API token')}."
    url = reverse("dashboard:admin_tokens")
    yield Stand("Tokens", "key", "calm", words, url)
    if ending := tokens.ending(now).count():
        words = f"{_many(ending, 'token')} in use, ending within {tokens.ENDS_SOON.days} days."
        yield Stand("Tokens that end", "clock", "wait", words, f"{url}?state=ending")


def _secrets() -> Iterator[Stand]:
    now = timezone.now()
    valid = UpdateSecret.objects.valid(now)
    rows = valid.exclude(kind=UpdateSecret.Kind.PLAIN).count() + len(passes.of_settings())
    old = valid.filter(ends_at=None, created_at__lt=now - OLD).count()
    words = f"{_many(rows, 'secret')} that nodes check in with"
    is_open = PLAIN in passes.holding(now)
    if is_open:
        words += ", or without any" if rows else ": whoever reaches this server may"
    words += f"; {old} older than a year." if old else "."
    tone = "wait" if old or is_open else "calm"
    yield Stand("Node secrets", "lock", tone, words, reverse("dashboard:admin_secrets"))


def _rest(request: HttpRequest) -> Iterator[Stand]:
    if where(request, Permission.ADMINISTER):
        hooks = Webhook.objects.filter(is_active=True).count()
        failing = Webhook.objects.filter(is_active=True, failures__gt=0).count()
        words = f"{_many(hooks, 'webhook')} told what happens"
        words += f"; {failing} of them fail{'s' * (failing == 1)}." if failing else "."
        url = reverse("dashboard:admin_webhooks")
        yield Stand("Webhooks", "send", "bad" if failing else "calm", words, url)
    days = retention.days()[retention.Kind.HISTORY]
    words = f"The history of nodes is kept for {days:,} days."
    yield Stand("Retention", "archive", "calm", words, reverse("dashboard:admin_retention"))


def _many(number: int, one: str, more: str = "") -> str:
    return f"{number:,} {one if number == 1 else more or f'{one}s'}"
