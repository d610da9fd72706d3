"""What identity providers may say in vain: nobody comes in by it, and it is written down."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from django.test import Client

from oemupdates.domain.provider import Provider
from oemupdates.models import Operator
from tests.dashboard.provided import come_back, leave, log_in, who, words, written
from tests.identity_servers import OpenIdServer, as_json, rsa_key

pytestmark = pytest.mark.django_db


class TestIsRefused:
    @pytest.mark.parametrize(
        "claims",
        [
            {"aud": "another"},
            {"iss": "https://evil.example"},
            {"nonce": "another"},
            {"exp": 1},
            {"sub": None},
        ],
    )
    def test_with_a_token_for_something_else(
        self, corp: Provider, server: OpenIdServer, claims: dict[str, Any]
    ) -> None:
        server.claims = claims
        self.refused()

    def test_with_a_token_of_another_key(self, corp: Provider, server: OpenIdServer) -> None:
        server.key = rsa_key(name="another's")
        self.refused()

    def test_with_a_token_that_nobody_signed(self, corp: Provider, server: OpenIdServer) -> None:
        server.algorithm = "none"
        self.refused()

    def test_without_a_token(self, corp: Provider, server: OpenIdServer) -> None:
        server.answers["/token"] = as_json({"access_token": "at"})
        self.refused()

    def refused(self) -> None:
        client = Client()
        answer = log_in(client)
        assert answer.status_code == 403
        assert "was not believed" in words(answer)
        assert who(client) is None
        assert not Operator.objects.exists()
        ((verb, subject, why),) = written()
        assert (verb, subject) == ("operator.log_in_failed", "somebody of corp")
        assert why.startswith(("The token", "The identity token", "No key", "The provider"))

    @pytest.mark.parametrize("path", ["/token", "/keys"])
    def test_when_the_provider_is_broken(
        self, corp: Provider, server: OpenIdServer, path: str
    ) -> None:
        client = Client()
        url = leave(client)
        server.answers[path] = as_json({}, 500)
        answer = come_back(client, url)
        assert answer.status_code == 502
        assert "does not answer as it should" in words(answer)
        assert f"{server.url}" not in words(answer)
        assert "answers 500" in written()[0][2]

    def test_when_the_provider_is_away(
        self, corp: Provider, settings: Any, server: OpenIdServer
    ) -> None:
        settings.LOGIN_PROVIDERS = (replace(corp, address="http://127.0.0.1:1"),)
        answer = Client().post("/login/with/corp/")
        assert answer.status_code == 502
        assert "Local accounts can log in all the same" in words(answer)

    def test_in_another_browser(self, corp: Provider) -> None:
        answer = come_back(Client(), leave(Client()))
        assert answer.status_code == 400
        assert "began in another browser" in words(answer)
        assert written() == []  # anybody can ask so, as often as they like

    def test_twice_with_one_answer(self, corp: Provider) -> None:
        client = Client()
        back = urlsplit(httpx.get(leave(client)).headers["location"])
        assert client.get(f"{back.path}?{back.query}").status_code == 302
        client.post("/logout/")
        assert client.get(f"{back.path}?{back.query}").status_code == 400

    def test_by_the_answer_of_another_provider(
        self, corp: Provider, server: OpenIdServer, settings: Any
    ) -> None:
        settings.LOGIN_PROVIDERS = (corp, replace(corp, id="lab"))
        client = Client()
        back = urlsplit(httpx.get(leave(client)).headers["location"])
        assert client.get(f"/login/with/lab/callback/?{back.query}").status_code == 400
        back = urlsplit(httpx.get(leave(client)).headers["location"])
        answer = client.get(f"{back.path}?{back.query}&iss=https://lab.example.net")
        assert (answer.status_code, who(client)) == (403, None)

    def test_after_too_long(self, corp: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
        client = Client()
        url = leave(client)
        session = client.session
        for trip in session["provider_trips"].values():
            trip["began_at"] -= 601
        session.save()
        assert come_back(client, url).status_code == 400

    @pytest.mark.parametrize(
        ("query", "said"),
        [("error=access_denied", "it was cancelled there"), ("error=x", "was not believed")],
    )
    def test_when_the_provider_says_no(self, corp: Provider, query: str, said: str) -> None:
        client = Client()
        leave(client)
        state = next(iter(client.session["provider_trips"]))
        answer = client.get(f"/login/with/corp/callback/?state={state}&{query}")
        assert (answer.status_code, who(client)) == (403, None)
        assert said in words(answer)

    def test_by_get(self, corp: Provider) -> None:
        assert Client().get("/login/with/corp/").status_code == 405
        assert Client().post("/login/with/corp/callback/").status_code == 405
        assert Client(enforce_csrf_checks=True).post("/login/with/corp/").status_code == 403

    def test_to_keep_more_log_ins_than_a_few(self, corp: Provider) -> None:
        client = Client()
        urls = [leave(client) for _ in range(7)]
        assert len(client.session["provider_trips"]) == 5
        assert come_back(client, urls[0]).status_code == 400
        assert come_back(client, urls[-1]).status_code == 302
