"""Identity providers on this machine, as real servers that can be told to do wrong.

They hold those who ask to the rules: a code is good once, for the address it was given for, with
the verifier of its challenge and the client's secret.
"""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

CLIENT, SECRET = "oem-fleet", "s:e cret"
KEY_ID = "2026"
Answer = tuple[int, Mapping[str, str], bytes]


@cache
def rsa_key(bits: int = 2048, *, name: str = "ours") -> rsa.RSAPrivateKey:
    """A key, made once for a run."""
    del name
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


@cache
def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


class Server:
    """A server on loopback; each path has a function that answers."""

    def __init__(self, paths: Mapping[str, Callable[["Request"], Answer]]) -> None:
        self.asked: list[Request] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                size = int(self.headers.get("content-length") or 0)
                parts = urlsplit(self.path)
                request = Request(
                    parts.path,
                    {key: values[0] for key, values in parse_qs(parts.query).items()},
                    dict(self.headers.items()),
                    {k: v[0] for k, v in parse_qs(self.rfile.read(size).decode()).items()},
                )
                outer.asked.append(request)
                answer = paths.get(parts.path, lambda _asked: (404, {}, b""))
                status, headers, body = answer(request)
                self.send_response(status)
                for name, value in {"content-length": str(len(body)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self) -> None:
                self.do_GET()

            def log_message(self, *_args: object) -> None:
                """Say nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, args=[0.01], daemon=True).start()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


class Request:
    """What was asked."""

    def __init__(
        self, path: str, query: dict[str, str], headers: dict[str, str], form: dict[str, str]
    ) -> None:
        self.path, self.query, self.form = path, query, form
        self.headers = {name.lower(): value for name, value in headers.items()}


def as_json(document: object, status: int = 200, **headers: str) -> Answer:
    return status, {"content-type": "application/json", **headers}, json.dumps(document).encode()


class Codes:
    """The codes that were given out, for one use each."""

    def __init__(self) -> None:
        self._given: dict[str, dict[str, str]] = {}

    def give(self, asked: dict[str, str]) -> Answer:
        code = f"code-{len(self._given)}-{time.monotonic_ns()}"
        self._given[code] = asked
        back = urlencode({"code": code, "state": asked["state"]})
        return 302, {"location": f"{asked['redirect_uri']}?{back}"}, b""

    def redeem(self, form: dict[str, str]) -> dict[str, str] | None:
        """What was asked for with a code, if whoever redeems it is who asked."""
        asked = self._given.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            asked is None
            or asked.get("code_challenge_method") != "S256"
            or asked["code_challenge"] != challenge
            or asked["redirect_uri"] != form.get("redirect_uri")
        ):
            return None
        return asked


class OpenIdServer(Server):
    """An OpenID Connect provider in which somebody is logged in already."""

    def __init__(self) -> None:
        super().__init__(
            {
                "/.well-known/openid-configuration": self._discovery,
                "/authorize": lambda request: self.codes.give(request.query),
                "/token": self._token,
                "/keys": self._keys,
                "/userinfo": self._userinfo,
            }
        )
        self.codes = Codes()
        self.person: dict[str, Any] = {
            "sub": "2f0c",
            "preferred_username": "ann",
            "groups": ["ops"],
        }
        self.told: dict[str, Any] = {}  # by /userinfo, besides the subject
        self.published: dict[str, Any] = {}  # instead of what is right
        self.claims: dict[str, Any] = {}  # the same, of the token; None takes one away
        self.header: dict[str, Any] = {"kid": KEY_ID}
        self.algorithm = "RS256"
        self.key: Any = rsa_key()
        self.keys: list[dict[str, Any]] | None = None
        self.answers: dict[str, Answer] = {}  # instead of the right ones, by path
        self.delay_seconds = 0.0

    def sign(self, claims: Mapping[str, Any]) -> str:
        key = None if self.algorithm == "none" else self.key
        return jwt.encode(dict(claims), key, algorithm=self.algorithm, headers=self.header)

    def _discovery(self, _request: Request) -> Answer:
        right = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
            "userinfo_endpoint": f"{self.url}/userinfo",
        }
        said = {k: v for k, v in (right | self.published).items() if v is not None}
        return self._answer("/discovery", as_json(said))

    def _token(self, request: Request) -> Answer:
        asked = self.codes.redeem(request.form)
        given = request.form.get("client_id"), request.form.get("client_secret")
        if "authorization" in request.headers:
            encoded = request.headers["authorization"].removeprefix("Basic ")
            name, _, secret = base64.b64decode(encoded).decode().partition(":")
            given = unquote_plus(name), unquote_plus(secret)
        if asked is None or given != (CLIENT, SECRET):
            return as_json({"error": "invalid_grant"}, 400)
        now = int(time.time())
        right = {
            "iss": self.url,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
            **({"auth_time": now} if "max_age" in asked else {}),
            **self.person,
        }
        claims = {k: v for k, v in (right | self.claims).items() if v is not None}
        found = as_json(
            {"id_token": self.sign(claims), "access_token": "at", "token_type": "Bearer"}
        )
        return self._answer("/token", found)

    def _keys(self, _request: Request) -> Answer:
        keys = self.keys
        if keys is None:
            data = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(rsa_key().public_key()))
            keys = [data | {"kid": KEY_ID, "use": "sig", "alg": "RS256"}]
        return self._answer("/keys", as_json({"keys": keys}))

    def _userinfo(self, request: Request) -> Answer:
        if request.headers.get("authorization") != "Bearer at":
            return as_json({}, 401)
        return self._answer("/userinfo", as_json({"sub": self.person["sub"], **self.told}))

    def _answer(self, path: str, right: Answer) -> Answer:
        if path in self.answers:
            time.sleep(self.delay_seconds)
        return self.answers.get(path, right)


class GitHubServer(Server):
    """GitHub Enterprise's API, as far as a log-in asks; a page of a list has two entries."""

    def __init__(self) -> None:
        super().__init__(
            {
                "/login/oauth/authorize": lambda request: self.codes.give(request.query),
                "/login/oauth/access_token": self._token,
                "/api/v3/user": lambda request: self._api(request, self.user),
                "/api/v3/user/memberships/orgs": lambda request: self._list(request, self.orgs),
                "/api/v3/user/teams": lambda request: self._list(request, self.teams),
            }
        )
        self.codes = Codes()
        self.user: dict[str, Any] = {"id": 583231, "login": "ann", "name": "Ann Lee"}
        self.orgs = [{"state": "active", "organization": {"login": "Example"}}]
        self.teams: list[dict[str, Any]] = []
        self.next_url = ""

    def is_in(self, *teams: str) -> None:
        self.teams = [
            {"slug": slug, "name": slug.title(), "organization": {"login": organisation}}
            for organisation, slug in (team.split("/") for team in teams)
        ]

    def _token(self, request: Request) -> Answer:
        form = request.form
        if self.codes.redeem(form) is None or form.get("client_secret") != SECRET:
            return as_json({"error": "bad_verification_code"})
        if request.headers.get("accept") != "application/json":
            return 200, {"content-type": "application/x-www-form-urlencoded"}, b"access_token=at"
        return as_json({"access_token": "gho_x", "scope": "read:org", "token_type": "bearer"})

    def _api(self, request: Request, document: object, **headers: str) -> Answer:
        if request.headers.get("authorization") != "Bearer gho_x":
            return as_json({"message": "Bad credentials"}, 401)
        return as_json(document, **headers)

    def _list(self, request: Request, all_of_them: list[dict[str, Any]]) -> Answer:
        page = int(request.query.get("page", "1"))
        found = all_of_them[(page - 1) * 2 : page * 2]
        if page * 2 >= len(all_of_them):
            return self._api(request, found)
        url = self.next_url or f"{self.url}{request.path}?page={page + 1}"
        return self._api(request, found, link=f'<{url}>; rel="next"')
