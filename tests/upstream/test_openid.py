"""An OpenID Connect provider, asked for real; and each way in which it may do wrong."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest

from oemupdates.domain import identity
from oemupdates.domain.identity import NotBelieved
from oemupdates.domain.provider import Kind, Provider
from oemupdates.upstream import openid, providers
from oemupdates.upstream.openid import Asked
from oemupdates.upstream.providers import Conversation
from oemupdates.upstream.session import Route, Unreachable
from tests.identity_servers import (
    CLIENT,
    KEY_ID,
    SECRET,
    OpenIdServer,
    as_json,
    ec_key,
    rsa_key,
)

BACK = "http://testserver/login/with/corp/callback/"


@pytest.fixture
def server() -> Iterator[OpenIdServer]:
    server = OpenIdServer()
    yield server
    server.close()


@pytest.fixture
def corp(server: OpenIdServer) -> Provider:
    return Provider(
        id="corp",
        name="Example Corp",
        kind=Kind.OPENID,
        address=server.url,
        client_id=CLIENT,
        secret=SECRET,
        roles={},
        scopes=("openid", "profile"),
    )


@pytest.fixture
def talk() -> Iterator[Conversation]:
    with Conversation(Route()) as talk:
        yield talk


LogIn = Callable[..., dict[str, object]]


@pytest.fixture
def log_in(corp: Provider, talk: Conversation) -> LogIn:
    """Go there as a browser would, come back, and ask who it was."""

    def log_in(*, anew: bool = False, asked: Asked | None = None) -> dict[str, object]:
        begun = openid.ask("a state", BACK)
        endpoints = openid.discover(talk, corp)
        url = openid.authorization_url(endpoints, corp, begun, anew=anew)
        back = urlsplit(httpx.get(url).headers["location"])
        code = parse_qs(back.query)["code"][0]
        token, access = openid.exchange(talk, endpoints, corp, code=code, asked=asked or begun)
        claims = openid.signed_claims(talk, endpoints, token)
        issuer, client_id = corp.address, corp.client_id
        now = float(str(claims["iat"]))
        identity.judge(claims, issuer=issuer, client_id=client_id, nonce=begun.nonce, now=now)
        return dict(openid.with_userinfo(talk, endpoints, claims, access))

    return log_in


def test_somebody_is_who_the_token_says(server: OpenIdServer, log_in: LogIn) -> None:
    server.told = {"email": "ann@example.net", "groups": ["told besides"]}
    claims = log_in()
    assert (claims["sub"], claims["groups"]) == ("2f0c", ["ops"])
    assert claims["email"] == "ann@example.net"
    assert "auth_time" not in claims
    assert "prompt" not in server.asked[1].query


def test_somebody_can_be_asked_to_log_in_anew(server: OpenIdServer, log_in: LogIn) -> None:
    assert "auth_time" in log_in(anew=True)
    assert (server.asked[1].query["prompt"], server.asked[1].query["max_age"]) == ("login", "0")


@pytest.mark.parametrize("methods", [["client_secret_post"], ["client_secret_basic"], None])
def test_the_secret_is_shown_as_the_provider_likes(
    server: OpenIdServer, log_in: LogIn, methods: list[str] | None
) -> None:
    server.published = {"token_endpoint_auth_methods_supported": methods}
    log_in()
    asked = next(one for one in server.asked if one.path == "/token")
    assert ("authorization" in asked.headers) is (methods != ["client_secret_post"])
    assert ("client_secret" in asked.form) is (methods == ["client_secret_post"])


def test_a_code_is_worth_nothing_without_its_verifier(log_in: LogIn) -> None:
    with pytest.raises(Unreachable, match="/token answers 400"):
        log_in(asked=openid.ask("a state", BACK))


@pytest.mark.parametrize("algorithm", ["RS256", "RS512", "PS256"])
def test_a_key_without_an_algorithm_takes_those_of_its_family(
    server: OpenIdServer, log_in: LogIn, algorithm: str
) -> None:
    data = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key().public_key()))
    server.keys = [{"kty": "oct", "k": "AAAA"}, {"kty": "RSA"}, data]
    server.algorithm, server.header = algorithm, {}
    assert log_in()["sub"] == "2f0c"


def test_elliptic_curves_are_known(server: OpenIdServer, log_in: LogIn) -> None:
    data = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(ec_key().public_key()))
    server.keys, server.key, server.algorithm = [data | {"kid": KEY_ID}], ec_key(), "ES256"
    assert log_in()["sub"] == "2f0c"


class TestEndpoints:
    @pytest.fixture(autouse=True)
    def _nothing_remembered(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(openid, "_remembered", {})

    def test_are_remembered(
        self,
        server: OpenIdServer,
        corp: Provider,
        talk: Conversation,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        found = openid.endpoints(talk, corp)
        assert openid.endpoints(talk, corp) == found
        assert len(server.asked) == 1
        monkeypatch.setattr(openid, "KEPT_SECONDS", 0.0)
        openid._remembered.clear()
        openid.endpoints(talk, corp)
        openid.endpoints(talk, corp)
        assert len(server.asked) == 3

    def test_are_not_asked_for_at_once_again_when_it_is_away(
        self, server: OpenIdServer, corp: Provider, talk: Conversation
    ) -> None:
        server.answers["/discovery"] = as_json({}, 500)
        for _ in range(3):
            with pytest.raises(Unreachable, match="answers 500"):
                openid.endpoints(talk, corp)
        assert len(server.asked) == 1


class TestIsNotBelieved:
    def test_without_an_identity_token(self, server: OpenIdServer, log_in: LogIn) -> None:
        server.answers["/token"] = as_json({"access_token": "at", "token_type": "Bearer"})
        with pytest.raises(NotBelieved, match="sent no identity token"):
            log_in()

    @pytest.mark.parametrize("token", ["x", "a.b.c", "..", "é.é.é"])
    def test_with_something_else_than_a_token(
        self, server: OpenIdServer, log_in: LogIn, token: str
    ) -> None:
        server.answers["/token"] = as_json({"access_token": "at", "id_token": token})
        with pytest.raises(NotBelieved, match="is none"):
            log_in()

    def test_with_a_token_that_nobody_signed(self, server: OpenIdServer, log_in: LogIn) -> None:
        server.algorithm = "none"
        with pytest.raises(NotBelieved, match="signed by 'none'"):
            log_in()

    def test_with_a_token_signed_by_a_shared_secret(
        self, server: OpenIdServer, log_in: LogIn
    ) -> None:
        server.algorithm, server.key = "HS256", SECRET * 5
        with pytest.raises(NotBelieved, match="signed by 'HS256'"):
            log_in()

    def test_with_a_key_that_is_not_published(self, server: OpenIdServer, log_in: LogIn) -> None:
        server.key = rsa_key(name="another's")
        with pytest.raises(NotBelieved, match="No key"):
            log_in()

    def test_with_a_key_of_another_id(self, server: OpenIdServer, log_in: LogIn) -> None:
        server.header = {"kid": "2025"}
        with pytest.raises(NotBelieved, match="No key"):
            log_in()

    @pytest.mark.parametrize("change", [{"use": "enc"}, {"alg": "RS512"}, {"n": "AQAB"}])
    def test_with_a_key_for_something_else(
        self, server: OpenIdServer, log_in: LogIn, change: dict[str, str]
    ) -> None:
        data = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key().public_key()))
        server.keys = [data | {"kid": KEY_ID} | change]
        with pytest.raises(NotBelieved, match="No key"):
            log_in()

    def test_with_a_key_that_is_too_short(self, server: OpenIdServer, log_in: LogIn) -> None:
        short = rsa_key(1024)
        data = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(short.public_key()))
        server.keys, server.key = [data | {"kid": KEY_ID}], short
        with pytest.raises(NotBelieved, match="No key"):
            log_in()

    def test_when_userinfo_is_of_somebody_else(self, server: OpenIdServer, log_in: LogIn) -> None:
        server.told = {"sub": "other"}
        with pytest.raises(NotBelieved, match="somebody else"):
            log_in()

    @pytest.mark.parametrize(
        "claims",
        [{"aud": "other"}, {"iss": "http://127.0.0.1:1"}, {"nonce": "other"}, {"exp": 7}],
    )
    def test_when_the_token_is_for_something_else(
        self, server: OpenIdServer, log_in: LogIn, claims: dict[str, object]
    ) -> None:
        server.claims = claims
        with pytest.raises(NotBelieved):
            log_in()


class TestIsUnreachable:
    @pytest.mark.parametrize(
        ("published", "why"),
        [
            ({"issuer": "http://127.0.0.1:1"}, "is of the issuer"),
            ({"issuer": None}, "is of the issuer"),
            ({"jwks_uri": None}, "no jwks_uri that is safe"),
            ({"token_endpoint": "http://192.0.2.1/"}, "no token_endpoint that is safe"),
            ({"authorization_endpoint": "javascript:x"}, "no authorization_endpoint"),
            ({"userinfo_endpoint": 7}, "no userinfo_endpoint"),
        ],
    )
    def test_when_it_publishes_what_cannot_be(
        self, server: OpenIdServer, log_in: LogIn, published: dict[str, object], why: str
    ) -> None:
        server.published = published
        with pytest.raises(Unreachable, match=why):
            log_in()

    @pytest.mark.parametrize("path", ["/discovery", "/token", "/keys", "/userinfo"])
    @pytest.mark.parametrize(
        "answer",
        [
            as_json({}, 500),
            (302, {"location": "http://127.0.0.1:1/"}, b""),
            (200, {}, b"<html>"),
            (200, {}, b"[]"),
            (200, {}, b" " * (providers.MOST_BYTES + 1)),
            (200, {"content-length": "100"}, b"{"),
            (200, {}, b"[" * 100_000),
        ],
        ids=["500", "redirect", "html", "list", "long", "cut off", "deep"],
    )
    def test_when_it_answers_something_else(
        self,
        server: OpenIdServer,
        log_in: LogIn,
        path: str,
        answer: tuple[int, dict[str, str], bytes],
    ) -> None:
        server.answers[path] = answer
        with pytest.raises(Unreachable):
            log_in()

    def test_when_it_is_slow(
        self, server: OpenIdServer, log_in: LogIn, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(providers, "READ_SECONDS", 0.05)
        server.answers["/token"], server.delay_seconds = as_json({}), 0.3
        with pytest.raises(Unreachable, match="did not answer in time"):
            log_in()

    def test_when_it_takes_too_long_in_all(
        self, corp: Provider, talk: Conversation, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(providers, "WHOLE_SECONDS", 0.0)
        with Conversation(Route()) as late, pytest.raises(Unreachable, match="too long"):
            openid.discover(late, corp)

    def test_when_nothing_listens(self, corp: Provider, talk: Conversation) -> None:
        with pytest.raises(Unreachable, match="nothing listens there"):
            openid.discover(talk, replace(corp, address="http://127.0.0.1:1"))
