"""What is dangerous asks for the password again, by page and over the API."""

import time
from typing import Any

import pytest
from django.test import Client

from oemupdates.domain.access import Permission
from oemupdates.domain.notice import Shape
from oemupdates.models import Operator, UpdateSecret, Upstream, Webhook
from oemupdates.services.access import proof, tokens
from oemupdates.services.news import webhooks
from oemupdates.services.shared import rates
from oemupdates.services.sync import upstreams
from tests.api.conftest import etag, problem, send
from tests.dashboard.conftest import PASSWORD
from tests.services.makers import last_activity, make_token, seeded_group

SAID = {"name": 'all "nodes"', "why": "first"}


@pytest.fixture(autouse=True)
def _fresh_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rates, "_own", rates.Own())


@pytest.fixture
def stale(admin: Operator) -> Client:
    """A browser whose log-in was a while ago."""
    client = Client()
    client.force_login(admin)
    session = client.session
    session[proof.KEY] = time.time() - proof.LASTS_SECONDS - 1
    session.save()
    return client


@pytest.fixture
def hook(admin: Operator) -> Webhook:
    terms = webhooks.Terms("hook", "https://hooks.example.net/", ["node.dark"], Shape.GENERIC)
    return webhooks.create(terms, by=admin).webhook


@pytest.fixture
def upstream(db: None) -> Upstream:
    return upstreams.add(upstreams.Terms("flatcar", "public"), by=None)


def html_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


class TestPages:
    def test_ask_and_go_on_with_what_was_posted(self, stale: Client) -> None:
        asked = html_of(stale.post("/admin/secrets/make/", SAID))
        assert "Is it you?" in asked
        assert 'name="name" value="all &quot;nodes&quot;"' in asked
        assert not UpdateSecret.objects.exists()
        done = stale.post("/admin/secrets/make/", SAID | {"proof": PASSWORD})
        assert "/v1/update/" in html_of(done)
        # And not again for a while.
        assert "Is it you?" not in html_of(stale.post("/admin/users/make/", {"username": "bo"}))
        assert Operator.objects.filter(username="bo").exists()

    def test_take_no_wrong_password(self, stale: Client) -> None:
        answer = html_of(stale.post("/admin/secrets/make/", SAID | {"proof": "guess"}))
        assert "That was not it." in answer
        assert "guess" not in answer
        assert last_activity().verb == "operator.log_in_failed"
        assert not UpdateSecret.objects.exists()

    def test_let_nobody_guess_on(self, stale: Client) -> None:
        for _ in range(proof.TRIES):
            stale.post("/admin/secrets/make/", SAID | {"proof": "guess"})
        stale.post("/admin/secrets/make/", SAID | {"proof": PASSWORD})
        assert not UpdateSecret.objects.exists()

    def test_ask_nobody_for_a_password_who_has_none(self, stale: Client, admin: Operator) -> None:
        admin.set_unusable_password()
        admin.save()
        stale.force_login(admin)
        said = html_of(stale.post("/admin/secrets/make/", SAID | {"proof": ""}))
        assert "cannot say that it is still you" in said
        assert not UpdateSecret.objects.exists()

    def test_ask_nobody_who_just_logged_in(self, admin: Operator) -> None:
        client = Client()
        client.post("/login/", {"username": "admin", "password": PASSWORD})
        assert "/v1/update/" in html_of(client.post("/admin/secrets/make/", SAID))

    @pytest.mark.parametrize(
        "path",
        [
            "/tokens/make/",
            "/admin/users/make/",
            "/admin/users/{user}/active/",
            "/admin/users/{user}/password/",
            "/admin/users/{user}/roles/",
            "/admin/users/{user}/ordinary/",
            "/admin/secrets/plain/",
            "/admin/webhooks/make/",
            "/admin/webhooks/{webhook}/edit/",
            "/admin/webhooks/{webhook}/secret/",
            "/admin/retention/history/",
            "/releases/upstreams/add/",
            "/releases/upstreams/{upstream}/edit/",
            "/releases/upstreams/{upstream}/remove/",
            "/wallboard/links/",
            "/groups/{group}/badge/",
        ],
    )
    def test_that_are_dangerous_ask(
        self, stale: Client, admin: Operator, hook: Webhook, upstream: Upstream, path: str
    ) -> None:
        made = {"user": admin, "webhook": hook, "upstream": upstream, "group": seeded_group()}
        keys = {name: row.pk for name, row in made.items()}
        answer = stale.post(path.format(**keys), {"on": "0"})
        assert "Is it you?" in html_of(answer)

    def test_that_make_things_safer_do_not(self, stale: Client) -> None:
        token = make_token()
        stale.post(f"/tokens/{token.pk}/revoke/")
        token.refresh_from_db()
        assert token.revoked_at


class TestApi:
    def test_takes_a_token_or_a_fresh_session(self, stale: Client, admin: Operator) -> None:
        answer = send(stale, "POST", "users", {"username": "bo"})
        assert problem(answer) == (403, "proof-required")
        assert not Operator.objects.filter(username="bo").exists()
        terms = tokens.Terms([Permission.ADMINISTER])
        secret = tokens.create(owner=admin, by=admin, name="ci", terms=terms).secret
        script = Client(headers={"Authorization": f"Bearer {secret}"})
        assert send(script, "POST", "users", {"username": "bo"}).status_code == 201

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            (
                "POST",
                "webhooks",
                {"name": "x", "url": "https://a.example", "kinds": ["node.dark"]},
            ),
            ("PATCH", "webhooks/{pk}", {"url": "https://elsewhere.example"}),
            ("POST", "webhooks/{pk}/secret", {}),
            ("POST", "retention", {"kind": "history", "days": 30}),
            ("POST", "upstreams", {"name": "x", "kind": "public"}),
            ("PATCH", "upstreams/{upstream}", {"name": "y"}),
            ("DELETE", "upstreams/{upstream}", None),
            ("POST", "groups/{group}/badge", {}),
            ("POST", "wallboard-links", {"name": "Kitchen"}),
        ],
    )
    def test_keeps_what_leads_out_or_lets_in(
        self,
        stale: Client,
        hook: Webhook,
        upstream: Upstream,
        method: str,
        path: str,
        body: dict[str, Any] | None,
    ) -> None:
        path = path.format(pk=hook.pk, upstream=upstream.pk, group=seeded_group().pk)
        present = etag(stale, path) if method in {"PATCH", "DELETE"} else ""
        answer = send(stale, method, path, body, If_Match=present)
        assert problem(answer) == (403, "proof-required")

    def test_reads_without(self, stale: Client) -> None:
        assert stale.get("/api/v1/users").status_code == 200
