"""Who somebody is, as an identity provider says: whether it is believed, and what it tells.

What is checked is OpenID Connect Core 1.0, 3.1.3.7; methods of authentication are RFC 8176's.
"""

import hmac
import math
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from oemupdates.domain.provider import Provider

LEEWAY_SECONDS = 60.0
MOST_SUBJECT = 191  # as many as an account keeps; OpenID Connect allows 255, and nobody uses them
MOST_NAME, MOST_GROUP, MOST_GROUPS = 150, 255, 2000
MOST_USERNAME = 90  # with a provider's name and a number it is a user name yet
_KNOWN, _HAD, _BEEN = (
    frozenset({"pwd", "pin", "kba"}),
    frozenset({"otp", "hwk", "swk", "sc", "sms", "tel", "pop"}),
    frozenset({"fpt", "face", "iris", "retina", "vbm"}),
)


class NotBelieved(Exception):
    """What a provider said is not believed; the text is a sentence that says why."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody, as a provider knows them."""

    issuer: str
    subject: str  # who it is, for good: names and addresses change hands
    username: str
    name: str = ""
    groups: frozenset[str] | None = None  # None: nothing was told of groups
    authenticated_at: float | None = None
    has_second_factor: bool = False


def judge(
    claims: Mapping[str, Any], *, issuer: str, client_id: str, nonce: str, now: float
) -> None:
    """Raise `NotBelieved` unless a token, whose signature is right, was made for this log-in."""
    if claims.get("iss") != issuer:
        raise NotBelieved("The token is another issuer's.")
    _judge_audience(claims, client_id)
    _judge_times(claims, now)
    said = claims.get("nonce")
    if not isinstance(said, str) or not hmac.compare_digest(said.encode(), nonce.encode()):
        raise NotBelieved("The token was made for another log-in.")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not subject or len(subject) > MOST_SUBJECT:
        raise NotBelieved("The token does not say of whom it is.")
    if "\x00" in subject:
        raise NotBelieved("The token's subject cannot be kept.")


def openid_identity(provider: Provider, claims: Mapping[str, Any]) -> Identity:
    """Who somebody is by the claims of a token that was judged."""
    groups = claimed(claims, provider.groups_claim)
    return Identity(
        issuer=str(claims["iss"]),
        subject=str(claims["sub"]),
        username=_line(claims.get("preferred_username")),
        name=_line(claims.get("name")),
        groups=None if groups is None else groups_told(groups),
        authenticated_at=_seconds(claims.get("auth_time")),
        has_second_factor=provider.has_second_factor
        or claims.get("acr") in provider.second_factor_acr
        or proves_two_factors(claims.get("amr")),
    )


def claimed(claims: Mapping[str, Any], path: str) -> object:
    """What is claimed at a name, or at a path with dots; None if nothing is."""
    if path in claims:
        return claims[path]
    found: Any = claims
    for name in path.split("."):
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return found


def groups_told(value: object) -> frozenset[str] | None:
    """The groups that a claim lists, or the one that it names; None if it is neither."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        return None
    told = (one for one in value[:MOST_GROUPS] if isinstance(one, str))
    return frozenset(one for one in told if len(one) <= MOST_GROUP and "\x00" not in one)


def proves_two_factors(methods: object) -> bool:
    """Whether methods of authentication are of two kinds: what one knows, has, or is."""
    if not isinstance(methods, list):
        return False
    said = {one for one in methods if isinstance(one, str)}
    return "mfa" in said or sum(bool(said & kind) for kind in (_KNOWN, _HAD, _BEEN)) > 1


def is_fresh(identity: Identity, *, since: float) -> bool:
    """Whether somebody logged in at their provider after they were asked to, at `since`."""
    at = identity.authenticated_at
    return at is not None and at >= since - LEEWAY_SECONDS


def usernames(identity: Identity, provider: Provider) -> Iterator[str]:
    """The user names that somebody new may have here, best first."""
    plain = unicodedata.normalize("NFKC", identity.username)
    kept = "".join(letter for letter in plain if letter.isalnum() or letter in "_.@+-")
    first = kept[:MOST_USERNAME] or provider.id
    yield first
    yield f"{first}@{provider.id}"
    yield from (f"{first}@{provider.id}-{number}" for number in count(2))


def _judge_audience(claims: Mapping[str, Any], client_id: str) -> None:
    audience = claims.get("aud")
    told = audience if isinstance(audience, list) else [audience]
    party = claims.get("azp")
    if client_id not in told or party not in (None, client_id):
        raise NotBelieved("The token was made for somebody else than this server.")
    if len(told) > 1 and party is None:
        raise NotBelieved("The token is for several, and does not say who asked for it.")


def _judge_times(claims: Mapping[str, Any], now: float) -> None:
    ends, made = _seconds(claims.get("exp")), _seconds(claims.get("iat"))
    begins = _seconds(claims.get("nbf", 0))
    if ends is None or made is None or begins is None:
        raise NotBelieved("The token does not say from when to when it holds.")
    if ends <= now - LEEWAY_SECONDS:
        raise NotBelieved("The token is too old.")
    if max(made, begins) > now + LEEWAY_SECONDS:
        raise NotBelieved("The token is of the future: the clocks differ.")


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def _line(value: object) -> str:
    if not isinstance(value, str):
        return ""
    return "".join(letter for letter in value if letter.isprintable()).strip()[:MOST_NAME]
