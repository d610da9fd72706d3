"""People who come by an identity provider: who they are here, and what they are to the fleet.

An account belongs to one subject of one issuer, and to nobody else: no equal e-mail address or
user name joins an account to another.
"""

import time
from collections.abc import Mapping
from typing import Any

from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from oemupdates.domain import identity as claims
from oemupdates.domain.identity import Identity
from oemupdates.domain.provider import Kind, Provider
from oemupdates.models import Operator
from oemupdates.services.access import roles
from oemupdates.services.shared import activity
from oemupdates.upstream import github, openid
from oemupdates.upstream.openid import Asked
from oemupdates.upstream.providers import Conversation
from oemupdates.upstream.session import Route

# Of somebody's groups, how many are kept to be looked at; roles come of all of them.
MOST_KEPT = 100


class NotLetIn(activity.Refused):
    """A provider said who it is, and that is not enough to come in."""


class NoRole(NotLetIn):
    """Somebody new, in no group that has a role here."""


def providers() -> tuple[Provider, ...]:
    """The providers that whoever runs this server named, in their order."""
    named: tuple[Provider, ...] = settings.LOGIN_PROVIDERS
    return named


def provider(key: str) -> Provider | None:
    """A provider by its id."""
    return next((one for one in providers() if one.id == key), None)


def where_to_log_in(found: Provider, asked: Asked, *, anew: bool) -> str:
    """The address of a provider's log-in; raises `Unreachable`."""
    if found.kind is Kind.GITHUB:
        return github.authorization_url(found, asked)
    with _talk(found) as talk:
        return openid.authorization_url(openid.endpoints(talk, found), found, asked, anew=anew)


def identify(found: Provider, *, code: str, asked: Asked) -> Identity:
    """Who came back with a code; raises `NotBelieved` and `Unreachable`."""
    with _talk(found) as talk:
        if found.kind is Kind.GITHUB:
            return github.identify(talk, found, code=code, asked=asked)
        endpoints = openid.endpoints(talk, found)
        token, access = openid.exchange(talk, endpoints, found, code=code, asked=asked)
        said = openid.signed_claims(talk, endpoints, token)
        claims.judge(
            said,
            issuer=found.address,
            client_id=found.client_id,
            nonce=asked.nonce,
            now=time.time(),
        )
        if claims.claimed(said, found.groups_claim) is None or "preferred_username" not in said:
            said = openid.with_userinfo(talk, endpoints, said, access)
        return claims.openid_identity(found, said)


def arrive(found: Provider, who: Identity) -> Operator:
    """Give somebody the roles of their groups, and an account if they are new.

    Raises `NotLetIn`. What it does is one transaction; who comes twice at once is one person.
    """
    try:
        return _arrive(found, who)
    except IntegrityError:  # the same person, or the same name, was made just now
        return _arrive(found, who)


def known(found: Provider, who: Identity) -> Operator | None:
    """Whose account it is; raises `NotLetIn` if it came of another issuer, or is switched off."""
    account = SocialAccount.objects.filter(provider=found.id, uid=who.subject)
    one = account.select_related("user").first()
    if one is None:
        return None
    operator: Operator = one.user
    if one.extra_data.get("issuer") != who.issuer:
        raise NotLetIn(f"{operator} came by another issuer until now: {found.id} has changed.")
    if not operator.is_active:
        raise NotLetIn(f"{operator} is switched off here.")
    return operator


def kept(who: Identity) -> dict[str, Any]:
    """What is remembered of what a provider told: for administrators to look at."""
    return {
        "issuer": who.issuer,
        "username": who.username,
        "name": who.name,
        "groups": sorted(who.groups or ())[:MOST_KEPT],
        "groups_told": who.groups is not None,
    }


def came_by(operators: list[int]) -> Mapping[int, list[SocialAccount]]:
    """The providers that people come by, of the accounts with these keys."""
    found: dict[int, list[SocialAccount]] = {}
    for account in SocialAccount.objects.filter(user__in=operators).order_by("provider", "pk"):
        found.setdefault(account.user_id, []).append(account)
    return found


def not_let_in(found: Provider, why: str, *, who: Identity | None = None) -> None:
    """Write down that somebody came by a provider, and was not let in."""
    account = SocialAccount.objects.filter(provider=found.id, uid=who.subject) if who else None
    one = account.select_related("user").first() if account else None
    name = f"{who.username or who.subject} of {found.id}" if who else f"somebody of {found.id}"
    plain = "".join(letter if letter.isprintable() else " " for letter in why)
    activity.record(
        verb="operator.log_in_failed",
        subject=one.user if one else activity.Named("operator", name),
        by=None,
        why=plain[: activity.MAX_REASON],
    )


def _arrive(found: Provider, who: Identity) -> Operator:
    wanted = found.entries(who.groups or frozenset())
    told = f"The groups that {found.id} told" if who.groups else f"{found.id} told of no group"
    with transaction.atomic():
        operator, entries = known(found, who), []
        if operator is None:
            if not roles.meant(wanted):
                name = who.username or "you"
                raise NoRole(f"{found.name} knows {name}, in no group that has a role here.")
            operator = _made(found, who)
            entries.append(
                activity.Entry("operator.created", operator, None, why=f"Came by {found.id}")
            )
        else:
            SocialAccount.objects.filter(provider=found.id, uid=who.subject).update(
                extra_data=kept(who), last_login=timezone.now()
            )
        entries += roles.follow_provider(operator, found.id, wanted, why=told)
        if entries:
            activity.record_all(entries)
    return operator


def _made(found: Provider, who: Identity) -> Operator:
    names = claims.usernames(who, found)
    name = next(one for one in names if not Operator.objects.filter(username__iexact=one).exists())
    operator = Operator(username=name)
    operator.set_unusable_password()
    operator.save(force_insert=True)
    SocialAccount.objects.create(
        user=operator, provider=found.id, uid=who.subject, extra_data=kept(who)
    )
    return operator


def _talk(found: Provider) -> Conversation:
    return Conversation(Route(ca_file=found.ca_file, proxy=found.proxy))
