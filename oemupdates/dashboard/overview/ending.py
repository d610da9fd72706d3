"""Secrets and tokens that need somebody: they are old, or end while they are still used."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from oemupdates.dashboard.frame.matter import Matter
from oemupdates.models import ApiToken, Operator, UpdateSecret
from oemupdates.services.access import tokens as api_tokens
from oemupdates.services.access.update_secrets import ENDS_SOON, OLD

# Of what there are more than these, the first are looked at.
MOST = 1000
# A node asks every few hours at the latest.
STILL_USED = timedelta(days=1)
# For how long somebody's number of tokens that end is remembered: every page asks for it.
KEPT_SECONDS = 30
_NAMED = 3


def own_tokens(owner: Operator) -> int:
    """How many of somebody's own tokens are used, and end soon."""
    number: int | None = cache.get(key := f"tokens-ending:{owner.pk}")
    if number is None:
        number = api_tokens.ending(timezone.now()).filter(operator=owner).count()
        cache.set(key, number, KEPT_SECONDS)
    return number


def of_own(number: int) -> Iterator[Matter]:
    """So many tokens of whoever looks."""
    if number:
        words = f"of your API tokens in use, and ending within {_tokens_days()} days"
        url = f"{reverse('dashboard:tokens')}?state=ending"
        yield Matter("key", "wait", f"{number:,}", words, url)


def of_all(now: datetime) -> Iterator[Matter]:
    """The secrets and tokens of everybody, for who may see them."""
    yield from _secrets(now)
    ending = list(api_tokens.ending(now).select_related("operator")[: MOST + 1])
    if ending:
        words = f"API token{'s' * (len(ending) != 1)} in use, and ending within"
        words += f" {_tokens_days()} days: {_named([_whose(one) for one in ending])}"
        url = f"{reverse('dashboard:admin_tokens')}?state=ending"
        yield Matter("key", "wait", _number(ending), words, url)


def _secrets(now: datetime) -> Iterator[Matter]:
    """Secrets of the update endpoint that are old, or that end while nodes still use them."""
    lasting = Q(ends_at=None, created_at__lt=now - OLD)
    in_use = Q(ends_at__lte=now + ENDS_SOON, last_used_at__gt=now - STILL_USED)
    valid = UpdateSecret.objects.valid(now).exclude(kind=UpdateSecret.Kind.PLAIN)
    found = list(valid.filter(lasting | in_use)[: MOST + 1])
    url = reverse("dashboard:admin_secrets")
    if ending := [one for one in found if one.ends_at is not None]:
        words = f"node secret{'s' * (len(ending) != 1)} in use, and ending within a week"
        yield Matter("lock", "bad", _number(ending), f"{words}: {_named(ending)}", url)
    if old := [one for one in found if one.ends_at is None]:
        words = f"node secret{'s' * (len(old) != 1)} older than a year: {_named(old)}"
        yield Matter("lock", "wait", _number(old), words, url)


def _tokens_days() -> int:
    return api_tokens.ENDS_SOON.days


def _whose(token: ApiToken) -> str:
    return f"{token.name} of {token.operator}"


def _number(found: Sequence[object]) -> str:
    return f"{MOST:,}+" if len(found) > MOST else str(len(found))


def _named(found: Sequence[object]) -> str:
    """Some of several by name."""
    names = ", ".join(str(one) for one in found[:_NAMED])
    more = len(found) - _NAMED
    return f"{names} and {more} more" if more > 0 else names
