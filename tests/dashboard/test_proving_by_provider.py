"""What is dangerous asks those without a password for a fresh log-in at their provider."""

import re
import time
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from oemupdates.domain.provider import Provider
from oemupdates.models import Operator
from oemupdates.services.access import proof
from tests.dashboard.provided import come_back, leave, log_in, who, words
from tests.identity_servers import OpenIdServer

pytestmark = pytest.mark.django_db


class TestProof:
    @pytest.fixture
    def client(self, corp: Provider, server: OpenIdServer) -> Client:
        """Somebody who administers this server, and logged in a while ago."""
        server.person["groups"] = ["bosses"]
        client = Client()
        log_in(client)
        return client

    def ask(self, client: Client) -> str:
        """Do something dangerous; gives what the page that asks for proof sends along."""
        page = client.post("/admin/users/make/", {"username": 'b"o'})
        assert "Log in anew, ann" in words(page)
        found = re.search(r'name="suspended" value="([^"]+)"', page.content.decode())
        assert found
        assert "b&quot;o" not in page.content.decode()
        return found[1]

    def test_is_a_fresh_log_in_there(self, client: Client, server: OpenIdServer) -> None:
        url = leave(client, suspended=self.ask(client))
        assert "prompt=login&max_age=0" in url
        page = come_back(client, url)
        assert "It is you" in words(page)
        assert 'action="/admin/users/make/"' in page.content.decode()
        assert 'name="username" value="b&quot;o"' in page.content.decode()
        assert not Operator.objects.filter(username='b"o').exists()  # nothing is done by coming
        made = client.post("/admin/users/make/", {"username": "bo"})
        assert "One-time password of bo" in words(made)

    @pytest.mark.parametrize("at", [None, 7, "now"])
    def test_is_no_log_in_of_before(
        self, client: Client, server: OpenIdServer, at: object
    ) -> None:
        server.claims = {"auth_time": at}
        answer = log_in(client, suspended=self.ask(client))
        assert answer.status_code == 403
        assert "does not say that ann logged in anew" in words(answer)
        assert who(client) == "ann"
        self.ask(client)

    def test_is_no_log_in_of_somebody_else(self, client: Client, server: OpenIdServer) -> None:
        server.person["sub"] = "another"
        answer = log_in(client, suspended=self.ask(client))
        assert answer.status_code == 403
        assert "It was not ann who logged in" in words(answer)
        assert Operator.objects.count() == 1
        self.ask(client)

    def test_is_no_form_of_somebody_else(self, client: Client, admin: Operator) -> None:
        sealed = self.ask(client)
        for form in (sealed[:-3], "x", "x" * 300_000):
            assert log_in(client, suspended=form).status_code == 403
        other = Client()
        other.force_login(admin)
        assert log_in(other, suspended=sealed).status_code == 403
        assert not proof.is_recent(other.session)

    def test_came_with_the_log_in_if_that_was_just_now(
        self, corp: Provider, server: OpenIdServer
    ) -> None:
        server.person["groups"] = ["bosses"]
        server.claims = {"auth_time": int(time.time()) - 60}
        client = Client()
        log_in(client)
        assert proof.is_recent(client.session)
        server.claims = {"auth_time": int(time.time()) - proof.LASTS_SECONDS - 1}
        client = Client()
        log_in(client)
        assert not proof.is_recent(client.session)

    def test_may_be_any_log_in_if_the_provider_is_trusted_so(
        self, corp: Provider, settings: Any, server: OpenIdServer
    ) -> None:
        settings.LOGIN_PROVIDERS = (replace(corp, log_in_proves=True),)
        client = Client()
        log_in(client)
        assert proof.is_recent(client.session)
