"""OpenID Connect, the code flow: what a provider publishes, and what it gives for a code.

Facts are of OpenID Connect Discovery 1.0 (4.3: the issuer is compared), Core 1.0 (3.1.3), RFC
6749 (2.3.1: names and passwords are form-encoded in Basic), RFC 7636 (PKCE) and RFC 7515.
"""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus, urlencode

import jwt

from oemupdates.domain.identity import NotBelieved
from oemupdates.domain.provider import Provider, leads_safely
from oemupdates.upstream.providers import Conversation, table
from oemupdates.upstream.session import Unreachable

WELL_KNOWN = "/.well-known/openid-configuration"
# Public keys alone: with `none` or a shared secret anybody, or any client, could sign.
FAMILIES = {
    **{f"{kind}{bits}": "RSA" for kind in ("RS", "PS") for bits in (256, 384, 512)},
    **{f"ES{bits}": "EC" for bits in (256, 384, 512)},
    "EdDSA": "OKP",
}
RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a provider is asked for what."""

    authorization: str
    token: str
    keys: str
    userinfo: str
    wants_basic: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """What makes one log-in this one: it is kept in the session until the answer comes."""

    state: str
    nonce: str
    verifier: str
    redirect_to: str

    @property
    def challenge(self) -> str:
        """What the provider is shown of the verifier."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


# For how long it is remembered what a provider publishes; and that it is away, so that those who
# press the button again and again do not keep every thread waiting.
KEPT_SECONDS, AWAY_SECONDS = 300.0, 10.0
_remembered: dict[str, tuple[float, Endpoints | str]] = {}


def endpoints(talk: Conversation, provider: Provider) -> Endpoints:
    """Where a provider is asked for what, as it said a while ago; raises `Unreachable`."""
    until, kept = _remembered.get(provider.address, (0.0, ""))
    if time.monotonic() >= until:
        try:
            until, kept = time.monotonic() + KEPT_SECONDS, discover(talk, provider)
        except Unreachable as problem:
            until, kept = time.monotonic() + AWAY_SECONDS, str(problem)
        _remembered[provider.address] = (until, kept)
    if isinstance(kept, str):
        raise Unreachable(kept)
    return kept


def discover(talk: Conversation, provider: Provider) -> Endpoints:
    """What a provider publishes of itself; raises `Unreachable`."""
    url = provider.address.rstrip("/") + WELL_KNOWN
    said = table(talk.get(url).document, url)
    if said.get("issuer") != provider.address:
        raise Unreachable(f"{url} is of the issuer {str(said.get('issuer'))[:200]!r}.")
    methods = said.get("token_endpoint_auth_methods_supported")
    return Endpoints(
        authorization=_endpoint(provider, said, "authorization_endpoint"),
        token=_endpoint(provider, said, "token_endpoint"),
        keys=_endpoint(provider, said, "jwks_uri"),
        userinfo=_endpoint(provider, said, "userinfo_endpoint")
        if "userinfo_endpoint" in said
        else "",
        # Without a word it is Basic; where both are taken, a form needs no encoding of its own.
        wants_basic=not isinstance(methods, list) or "client_secret_post" not in methods,
    )


def authorization_url(at: Endpoints, provider: Provider, asked: Asked, *, anew: bool) -> str:
    """Where somebody's browser goes to log in; `anew` asks them even if they are logged in."""
    wanted = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": asked.redirect_to,
        "scope": " ".join(provider.scopes),
        "state": asked.state,
        "nonce": asked.nonce,
        "code_challenge": asked.challenge,
        "code_challenge_method": "S256",
    }
    if anew:
        wanted |= {"prompt": "login", "max_age": "0"}
    joint = "&" if "?" in at.authorization else "?"
    return f"{at.authorization}{joint}{urlencode(wanted)}"


def exchange(
    talk: Conversation, at: Endpoints, provider: Provider, *, code: str, asked: Asked
) -> tuple[str, str]:
    """The identity token and the access token for a code."""
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": asked.redirect_to,
        "code_verifier": asked.verifier,
    }
    basic = None
    if at.wants_basic:
        basic = (quote_plus(provider.client_id), quote_plus(provider.secret))
    else:
        form |= {"client_id": provider.client_id, "client_secret": provider.secret}
    said = table(talk.post(at.token, form, basic=basic), at.token)
    token, access = said.get("id_token"), said.get("access_token")
    if not isinstance(token, str) or not token:
        raise NotBelieved("The provider sent no identity token.")
    return token, access if isinstance(access, str) else ""


def signed_claims(talk: Conversation, at: Endpoints, token: str) -> Mapping[str, Any]:
    """What an identity token says, if one of the provider's keys signed it."""
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError as error:
        raise NotBelieved("The identity token is none.") from error
    algorithm = str(header.get("alg"))
    if algorithm not in FAMILIES:
        raise NotBelieved(f"The identity token is signed by {algorithm[:20]!r}, if at all.")
    said = table(talk.get(at.keys).document, at.keys)
    for key in _keys(said.get("keys"), algorithm, header.get("kid")):
        try:
            payload = jwt.PyJWS().decode(token, key, algorithms=[algorithm])
            claims = json.loads(payload)
        except jwt.InvalidTokenError:
            continue
        except (ValueError, RecursionError) as error:
            raise NotBelieved("The identity token holds no JSON.") from error
        if not isinstance(claims, dict):
            raise NotBelieved("The identity token holds no claims.")
        return claims
    raise NotBelieved("No key of the provider signed the identity token.")


def with_userinfo(
    talk: Conversation, at: Endpoints, claims: Mapping[str, Any], access: str
) -> Mapping[str, Any]:
    """The claims of a token, and what the provider tells of the same person besides."""
    if not at.userinfo or not access:
        return claims
    said = table(talk.get(at.userinfo, bearer=access).document, at.userinfo)
    if said.get("sub") != claims["sub"]:
        raise NotBelieved("The provider told of somebody else than its token.")
    return {**said, **claims}


def ask(state: str, redirect_to: str) -> Asked:
    """What makes a log-in this one, which nobody can guess."""
    return Asked(state, secrets.token_urlsafe(32), secrets.token_urlsafe(48), redirect_to)


def _endpoint(provider: Provider, said: Mapping[str, Any], name: str) -> str:
    url = said.get(name)
    if not isinstance(url, str) or not leads_safely(provider.address, to=url):
        raise Unreachable(f"{provider.address} publishes no {name} that is safe to use.")
    return url


def _keys(told: object, algorithm: str, key_id: object) -> Iterator[Any]:
    """The keys that may have signed a token: of its algorithm's family, and of its id."""
    for data in told if isinstance(told, list) else []:
        if not isinstance(data, dict) or data.get("kty") != FAMILIES[algorithm]:
            continue
        if key_id is not None and data.get("kid") != key_id:
            continue
        if data.get("use", "sig") != "sig" or data.get("alg", algorithm) != algorithm:
            continue
        try:
            key = jwt.PyJWK(data, algorithm=algorithm).key
        except (jwt.PyJWTError, ValueError, TypeError):
            continue
        if getattr(key, "key_size", RSA_BITS) >= RSA_BITS or FAMILIES[algorithm] != "RSA":
            yield key
