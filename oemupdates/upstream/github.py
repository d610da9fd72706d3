"""GitHub, or an Enterprise Server: who somebody is there, and which teams they are in.

It speaks OAuth 2.0 and no OpenID Connect: who somebody is, is asked with the token that the code
was exchanged for, and nothing says when they logged in.
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from oemupdates.domain.identity import MOST_NAME, Identity, NotBelieved
from oemupdates.domain.provider import Provider
from oemupdates.upstream.openid import Asked
from oemupdates.upstream.providers import Conversation, table
from oemupdates.upstream.session import Unreachable

MOST_PAGES, PAGE = 10, 100


def authorization_url(provider: Provider, asked: Asked) -> str:
    """Where somebody's browser goes to log in."""
    wanted = {
        "client_id": provider.client_id,
        "redirect_uri": asked.redirect_to,
        "scope": " ".join(provider.scopes),
        "state": asked.state,
        "code_challenge": asked.challenge,
        "code_challenge_method": "S256",
        "allow_signup": "false",
    }
    return f"{provider.address}/login/oauth/authorize?{urlencode(wanted)}"


def identify(talk: Conversation, provider: Provider, *, code: str, asked: Asked) -> Identity:
    """Who came with a code."""
    token = _exchange(talk, provider, code, asked)
    url = f"{provider.api}/user"
    user = table(talk.get(url, bearer=token).document, url)
    number, login, name = user.get("id"), user.get("login"), user.get("name")
    if not isinstance(number, int) or isinstance(number, bool) or not isinstance(login, str):
        raise NotBelieved("GitHub does not say of whom the token is.")
    return Identity(
        issuer=provider.address,
        subject=str(number),
        username=login[:MOST_NAME],
        name=name[:MOST_NAME] if isinstance(name, str) else "",
        groups=frozenset(_groups(talk, provider, token)),
        has_second_factor=provider.has_second_factor,
    )


def _exchange(talk: Conversation, provider: Provider, code: str, asked: Asked) -> str:
    url = f"{provider.address}/login/oauth/access_token"
    form = {
        "client_id": provider.client_id,
        "client_secret": provider.secret,
        "code": code,
        "redirect_uri": asked.redirect_to,
        "code_verifier": asked.verifier,
    }
    # It answers 200 to a bad code, too, with an error in the place of the token.
    said = table(talk.post(url, form), url)
    token = said.get("access_token")
    if not isinstance(token, str) or not token:
        raise NotBelieved(f"GitHub gave no token: {str(said.get('error'))[:100]}.")
    return token


def _groups(talk: Conversation, provider: Provider, token: str) -> Iterator[str]:
    """Organisations by their names, and teams as `organisation/team`."""
    for one in _all(talk, provider, token, "/user/memberships/orgs?state=active&"):
        yield _name(one.get("organization"), "login")
    for one in _all(talk, provider, token, "/user/teams?"):
        yield f"{_name(one.get('organization'), 'login')}/{_name(one, 'slug')}"


def _all(
    talk: Conversation, provider: Provider, token: str, path: str
) -> Iterator[Mapping[str, Any]]:
    url = f"{provider.api}{path}per_page={PAGE}"
    for _ in range(MOST_PAGES):
        found = talk.get(url, bearer=token)
        if not isinstance(found.document, list):
            raise Unreachable(f"{url} holds something else than it should.")
        yield from (table(one, url) for one in found.document)
        if not found.next_url:
            return
        url = found.next_url
        # The token goes nowhere but where it came from.
        if urlsplit(url)[:2] != urlsplit(provider.api)[:2]:
            raise Unreachable(f"{provider.api} leads to {url[:200]}.")


def _name(said: object, word: str) -> str:
    if isinstance(said, dict) and isinstance(said.get(word), str):
        return str(said[word]).lower()
    raise NotBelieved("GitHub tells of a team that has no name.")
