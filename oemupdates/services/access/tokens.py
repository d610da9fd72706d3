"""API tokens: made, let in, revoked."""

import hashlib
import hmac
import logging
import secrets
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import NamedTuple

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from oemupdates.domain.access import EVERYWHERE, Permission, Reach
from oemupdates.models import ApiToken, Group, Operator
from oemupdates.models.token import ApiTokenQuerySet
from oemupdates.services.access import access, strangers
from oemupdates.services.shared import activity

PREFIX = "flt_"
DEFAULT_DAYS = 90
MAX_DAYS = 366
# A token that is used, and that ends so soon, is told of: a script will be refused. Most scripts
# come once a month at the latest.
ENDS_SOON, STILL_USED = timedelta(days=14), timedelta(days=31)
_SECRET_BYTES = 32
_SHOWN = len(PREFIX) + 6
_MAX_NAME = 100
_MAX_NETWORKS = 50
# How often the same news about a token is written down at most.
_QUIET = timedelta(minutes=1)

logger = logging.getLogger(__name__)


class CannotMakeToken(activity.Refused):
    """The token would be nameless, endless, worthless, or more than its owner."""


class CannotRevokeToken(activity.Refused):
    """The token is revoked already."""


class BadToken(activity.Refused):
    """A secret that lets nobody in; its kinds say why."""


class UnknownToken(BadToken):
    """No token has this secret."""


class TooManyUnknown(BadToken):
    """Too many tokens that nobody has came from this address: it has to wait."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"Too many unknown tokens came from here: wait {seconds} s.")
        self.seconds = seconds


class RevokedToken(BadToken):
    """The token was revoked."""


class ExpiredToken(BadToken):
    """The token is past its time."""


class OwnerSwitchedOff(BadToken):
    """The token's owner was switched off."""


class WrongNetwork(BadToken):
    """The token is not for the address that it came from."""


class LetIn(NamedTuple):
    """Who came, what their token leaves of what they may do, and the token."""

    operator: Operator
    limits: access.Limits
    token: ApiToken


class Made(NamedTuple):
    """A token, and its secret, which is kept nowhere."""

    token: ApiToken
    secret: str


class Terms(NamedTuple):
    """What a token is for: in all groups if `groups` is None, from anywhere without networks."""

    scopes: Collection[Permission]
    groups: Collection[Group] | None = None
    days: int = DEFAULT_DAYS
    networks: Iterable[str] = ()


def ending(now: datetime) -> ApiTokenQuerySet:
    """The tokens whose scripts will soon be refused unless somebody makes them another."""
    return ApiToken.objects.ending(now, within=ENDS_SOON, used=STILL_USED)


def create(*, owner: Operator, by: Operator, name: str, terms: Terms) -> Made:
    """Make a token for oneself, or, as an administrator, for a service account.

    Raises `CannotMakeToken`. What it may do is asked at each use, so that a role which its owner
    loses is lost to the token too.
    """
    name = activity.wording(name, what="The name", most=_MAX_NAME)
    networks = _networks(terms.networks)
    _check(name, terms)
    _check_rights(owner, by, terms.scopes)
    secret = PREFIX + secrets.token_urlsafe(_SECRET_BYTES)
    now = timezone.now()
    with transaction.atomic():
        token = ApiToken.objects.create(
            name=name,
            operator=owner,
            secret_hash=_digest(secret),
            prefix=secret[:_SHOWN],
            scopes=sorted(terms.scopes),
            is_limited_to_groups=terms.groups is not None,
            networks=networks,
            created_at=now,
            created_by=by,
            expires_at=now + timedelta(days=terms.days),
        )
        if terms.groups is not None:
            token.groups.set(terms.groups)
        activity.record(
            verb="token.created",
            subject=token,
            by=by,
            after={
                "owner": owner.username,
                "scopes": token.scopes,
                "groups": None if terms.groups is None else sorted(map(str, terms.groups)),
                "networks": networks,
                "expires_at": token.expires_at,
            },
        )
    return Made(token, secret)


def revoke(token: ApiToken, *, by: Operator | None, why: str = "") -> None:
    """End a token for ever; raises `CannotRevokeToken`."""
    with transaction.atomic():
        seen = ApiToken.objects.filter(pk=token.pk, revoked_at=None)
        if not seen.update(revoked_at=timezone.now()):
            raise CannotRevokeToken(f"{token} is revoked already.")
        activity.record(verb="token.revoked", subject=token, by=by, why=why)
    token.refresh_from_db()


def authenticate(secret: str, address: str) -> LetIn:
    """Let in who comes with a secret from an address; raises a kind of `BadToken`.

    The secret is looked up by its hash, so that the time it takes says nothing of those there
    are; why a token is refused is told to whoever holds it, and written down.
    """
    if seconds := strangers.seconds_to_wait(address):
        raise TooManyUnknown(seconds)
    digest = _digest(secret)
    token = ApiToken.objects.select_related("operator").filter(secret_hash=digest).first()
    if token is None or not hmac.compare_digest(token.secret_hash, digest):
        strangers.came(address)
        logger.warning("An unknown API token came from %s", address or "an unknown address")
        raise UnknownToken("No API token has this secret.")
    now = timezone.now()
    refusal = _refusal(token, address, now)
    if refusal is not None:
        _write_refusal(token, refusal, address, now)
        raise refusal
    _mark_used(token, address, now)
    return LetIn(token.operator, _limits(token), token)


def _check(name: str, terms: Terms) -> None:
    if not name:
        raise CannotMakeToken("A token needs a name: say what it is for.")
    if not 1 <= terms.days <= MAX_DAYS:
        raise CannotMakeToken(f"A token is valid for 1 to {MAX_DAYS} days, not {terms.days}.")
    if not terms.scopes:
        raise CannotMakeToken("A token needs a scope: say what it may do.")
    if terms.groups is not None and not terms.groups:
        raise CannotMakeToken("A token that is limited to groups needs one.")


def _check_rights(owner: Operator, by: Operator, scopes: Iterable[Permission]) -> None:
    administers = access.can(by, Permission.ADMINISTER)
    if owner.pk != by.pk and not (owner.is_service_account and administers):
        raise CannotMakeToken(f"{by} makes no tokens for {owner}.")
    if access.limits.get() is not None and not administers:
        raise CannotMakeToken(
            "A token makes no tokens: log in, or give it the scope to administer."
        )
    for scope in scopes:
        if not access.where(owner, scope):
            raise CannotMakeToken(f"{owner} may not do this, so no token of theirs can: {scope}.")


def _networks(given: Iterable[str]) -> list[str]:
    networks = []
    for text in given:
        try:
            networks.append(str(ip_network(text.strip())))
        except ValueError as error:
            raise CannotMakeToken(
                f"A network reads as 10.0.0.0/8 or 2001:db8::/32: {error}"
            ) from None
    if len(networks) > _MAX_NETWORKS:
        raise CannotMakeToken(f"A token has at most {_MAX_NETWORKS} networks.")
    return networks


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def _refusal(token: ApiToken, address: str, now: datetime) -> BadToken | None:
    if token.revoked_at is not None:
        return RevokedToken(f"{token} was revoked.")
    if token.expires_at <= now:
        return ExpiredToken(f"{token} expired at {token.expires_at:%Y-%m-%d %H:%M} UTC.")
    if not token.operator.is_active:
        return OwnerSwitchedOff(f"{token} belongs to {token.operator}, who was switched off.")
    if token.networks and not _is_within(address, token.networks):
        return WrongNetwork(f"{token} is not for {address or 'an unknown address'}.")
    return None


def _is_within(address: str, networks: Iterable[str]) -> bool:
    try:
        where = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(where, "ipv4_mapped", None) or where
    return any(mapped in ip_network(network) for network in networks)


def _limits(token: ApiToken) -> access.Limits:
    reach = EVERYWHERE
    if token.is_limited_to_groups:
        groups = token.groups.order_by().values_list("pk", flat=True)
        reach = Reach(is_everywhere=False, groups=frozenset(groups))
    known = frozenset(scope for scope in Permission if scope in token.scopes)
    return access.Limits(known, reach)


def _mark_used(token: ApiToken, address: str, now: datetime) -> None:
    """Write when and from where a token was used, at most once a minute."""
    if token.last_used_at is not None and token.last_used_at > now - _QUIET:
        return
    ApiToken.objects.filter(pk=token.pk).filter(_quiet("last_used_at", now)).update(
        last_used_at=now, last_used_from=address
    )


def _write_refusal(token: ApiToken, refusal: BadToken, address: str, now: datetime) -> None:
    """Write down that a token was refused, at most once a minute: a script asks on and on."""
    with transaction.atomic():
        seen = ApiToken.objects.filter(pk=token.pk).filter(_quiet("last_refused_at", now))
        if seen.update(last_refused_at=now):
            with activity.coming_with(token):
                activity.record(
                    verb="token.refused",
                    subject=token,
                    by=token.operator,
                    after={"address": address},
                    why=str(refusal),
                )


def _quiet(name: str, now: datetime) -> Q:
    return Q(**{name: None}) | Q(**{f"{name}__lte": now - _QUIET})
