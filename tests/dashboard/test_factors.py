"""Second factors: adding them, being asked for them, and roles that want them."""

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from oemupdates.domain.access import Permission, Role
from oemupdates.models import Activity, Operator
from oemupdates.services.access import factors, proof, tokens
from oemupdates.services.news import viewers
from tests.dashboard.conftest import PASSWORD, log_in
from tests.services.makers import last_activity

SECOND = "/login/second/"


def code_of(secret: str, periods: int = 0) -> str:
    """What an app with a secret shows, some periods from now."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + periods))


@pytest.fixture(autouse=True)
def _in_the_middle_of_a_period(monkeypatch: pytest.MonkeyPatch) -> None:
    """Codes of one test are of one period, however slow the machine."""
    now = time.time() // 30 * 30 + 15
    monkeypatch.setattr(time, "time", lambda: now)


@pytest.fixture
def app(admin: Operator) -> str:
    """The secret of the app that the admin has, whose last code was taken long ago."""
    secret = factors.new_secret()
    factors.add_app(admin, secret, code_of(secret), session={})
    row = Authenticator.objects.get(type="totp")
    row.data["last_period"] = 0
    row.save()
    return secret


def knock(client: Client | None = None) -> Client:
    """Say the right password."""
    client = client or Client()
    sent = client.post("/login/", {"username": "admin", "password": PASSWORD, "next": "/groups/"})
    assert sent["location"] == SECOND
    return client


def is_in(client: Client) -> bool:
    return client.get("/nodes/").status_code == 200


class TestApp:
    def test_is_added_with_the_first_code_and_gives_recovery_codes_once(
        self, admin: Operator, page: Client
    ) -> None:
        shown = page.post("/account/factors/app/").content.decode()
        assert "<svg" in shown
        found = re.search(r"<code>([A-Z2-7]{32})</code>", shown)
        assert found
        wrong = page.post("/account/factors/app/", {"code": "000000"}).content.decode()
        assert "not the code" in wrong
        assert found[1] in wrong
        codes = page.post("/account/factors/app/", {"code": code_of(found[1])}).content.decode()
        assert len(re.findall(r"\b\d{8}\b", codes)) == 10
        assert last_activity().verb == "operator.factor_added"
        assert found[1] not in str(Authenticator.objects.values())
        own = page.get("/account/factors/").content.decode()
        assert "Authenticator app" in own
        assert not re.search(r"\b\d{8}\b", own)

    def test_whose_first_code_was_taken_opens_nothing_with_it(self, admin: Operator) -> None:
        secret = factors.new_secret()
        factors.add_app(admin, secret, code_of(secret), session={})
        client = knock()
        client.post(SECOND, {"code": code_of(secret)})
        assert not is_in(client)

    @pytest.mark.parametrize("periods", [-1, 0, 1])
    def test_lets_in_once_a_code(self, app: str, periods: int) -> None:
        code = code_of(app, periods)
        client = knock()
        assert not is_in(client)
        assert client.post(SECOND, {"code": code})["location"] == "/groups/"
        assert is_in(client)
        assert last_activity().why == "With a second factor"
        again = knock()
        assert "taken once" in again.post(SECOND, {"code": code}).content.decode()
        assert not is_in(again)
        assert last_activity().why == "The second factor was wrong"

    def test_takes_no_earlier_code_after_a_later_one(self, app: str) -> None:
        knock().post(SECOND, {"code": code_of(app, 1)})
        client = knock()
        client.post(SECOND, {"code": code_of(app)})
        assert not is_in(client)

    @pytest.mark.parametrize("periods", [-2, 2])
    def test_takes_no_code_from_farther_off(self, app: str, periods: int) -> None:
        client = knock()
        client.post(SECOND, {"code": code_of(app, periods)})
        assert not is_in(client)

    def test_is_removed_with_the_codes(self, app: str, page: Client) -> None:
        pk = Authenticator.objects.get(type="totp").pk
        page.post(f"/account/factors/{pk}/remove/")
        assert not Authenticator.objects.exists()
        assert last_activity().verb == "operator.factor_removed"

    def test_of_somebody_else_is_not_removed(self, app: str, viewer: Operator) -> None:
        pk = Authenticator.objects.get(type="totp").pk
        log_in(viewer).post(f"/account/factors/{pk}/remove/")
        assert Authenticator.objects.filter(pk=pk).exists()


class TestSecondStep:
    def test_is_nothing_without_the_first(self, app: str) -> None:
        assert Client().post(SECOND, {"code": code_of(app)})["location"] == "/login/"

    def test_limits_tries_whatever_the_address(self, app: str) -> None:
        for n in range(5):
            client = knock(Client(REMOTE_ADDR=f"192.0.2.{n}"))
            assert client.post(SECOND, {"code": "000000"}).status_code == 200
        client = knock(Client(REMOTE_ADDR="192.0.2.9"))
        answer = client.post(SECOND, {"code": code_of(app)})
        assert answer.status_code == 429
        assert not is_in(client)

    def test_waits_longer_after_each_wrong_code(self, app: str, admin: Operator) -> None:
        now = timezone.now()
        for _ in range(factors.FREE_TRIES):
            assert not factors.accept(admin, "000000", now=now)
        waits = []
        for _ in range(9):
            with pytest.raises(factors.TooManyTries) as told:
                factors.accept(admin, code_of(app), now=now)
            waits.append(told.value.seconds)
            now += timedelta(seconds=told.value.seconds)
            assert not factors.accept(admin, "000000", now=now)
        assert waits == [30, 60, 120, 240, 480, 960, 1920, 3600, 3600]
        now += timedelta(hours=1)
        assert factors.accept(admin, code_of(app), now=now)
        assert not factors.accept(admin, "000000", now=now)
        assert not factors.accept(admin, "000000", now=now)

    def test_ends_when_the_password_changed_meanwhile(self, app: str, admin: Operator) -> None:
        client = knock()
        admin.set_password("another long password")
        admin.save()
        assert client.post(SECOND, {"code": code_of(app)})["location"] == "/login/"

    def test_ends_when_the_account_is_switched_off(self, app: str) -> None:
        client = knock()
        Operator.objects.update(is_active=False)
        assert client.post(SECOND, {"code": code_of(app)})["location"] == "/login/"

    @pytest.mark.parametrize("text", ["[]", "{", '{"id": 1}', '{"rawId":"AA","response":{}}'])
    def test_believes_no_passkey_that_is_none(self, app: str, text: str) -> None:
        client = knock()
        assert client.post(SECOND, {"credential": text}).status_code == 200
        assert not is_in(client)

    def test_proves_who_it_is(self, app: str) -> None:
        client = knock()
        client.post(SECOND, {"code": code_of(app)})
        assert proof.is_recent(client.session)


class TestRecoveryCodes:
    def test_let_in_once_each(self, app: str, page: Client) -> None:
        shown = page.post("/account/factors/codes/").content.decode()
        codes = re.findall(r"\b\d{8}\b", shown)
        client = knock()
        client.post(SECOND, {"code": f"{codes[0][:4]} {codes[0][4:]}"})
        assert is_in(client)
        assert Activity.objects.get(verb="operator.recovery_code_used").after == {"codes_left": 9}
        again = knock()
        again.post(SECOND, {"code": codes[0]})
        assert not is_in(again)
        again.post(SECOND, {"code": codes[1]})
        assert is_in(again)

    def test_are_worth_nothing_after_new_ones(self, app: str, admin: Operator) -> None:
        old = factors.make_codes(admin)
        factors.make_codes(admin)
        client = knock()
        client.post(SECOND, {"code": old[0]})
        assert not is_in(client)

    def test_stand_for_a_factor(self, page: Client) -> None:
        assert page.post("/account/factors/codes/")["location"] == "/account/factors/"
        assert not Authenticator.objects.exists()


@pytest.mark.parametrize("what", ["app/", "passkey/", "codes/", "1/remove/"])
def test_every_change_asks_for_the_password(admin: Operator, what: str) -> None:
    client = Client()
    client.force_login(admin)
    answer = client.post(f"/account/factors/{what}")
    assert "Is it you?" in answer.content.decode()


class TestRolesThatWantOne:
    @pytest.fixture(autouse=True)
    def _wanted(self, settings: Any) -> None:
        settings.REQUIRE_SECOND_FACTOR = frozenset({Role.ADMIN})

    def test_show_nothing_before(self, page: Client) -> None:
        assert page.get("/nodes/")["location"] == "/account/factors/"
        assert page.post("/admin/users/make/", {"username": "bo"}).status_code == 302
        assert not Operator.objects.filter(username="bo").exists()
        assert "Your role asks" in page.get("/account/factors/").content.decode()
        assert page.get("/api/v1/nodes").status_code == 403
        key = page.session.session_key or ""
        assert not viewers.admit([viewers.Claim(session=key)])

    @pytest.mark.parametrize("header", ["Bearer x", "Basic x", "nonsense"])
    def test_are_not_fooled_by_a_header(self, page: Client, header: str) -> None:
        sent = page.get("/nodes/", headers={"Authorization": header})
        assert sent["location"] == "/account/factors/"
        assert page.get("/api/v1/nodes", headers={"Authorization": header}).status_code == 401

    def test_go_on_once_it_is_added(self, page: Client) -> None:
        page.post("/account/factors/app/")
        shown = page.post("/account/factors/app/", {"code": "0"}).content.decode()
        secret = re.findall(r"<code>([A-Z2-7]{32})</code>", shown)[0]
        page.post("/account/factors/app/", {"code": code_of(secret)})
        assert is_in(page)
        key = page.session.session_key or ""
        assert viewers.admit([viewers.Claim(session=key)])

    def test_end_a_session_that_never_showed_it(self, app: str, page: Client) -> None:
        assert page.get("/nodes/")["location"] == "/login/"

    def test_believe_a_provider_that_asked_for_one(self, page: Client) -> None:
        session = page.session
        session[factors.SHOWN_TO_PROVIDER] = True
        session.save()
        assert is_in(page)

    def test_let_others_and_tokens_be(self, viewer: Operator, admin: Operator) -> None:
        assert is_in(log_in(viewer))
        terms = tokens.Terms([Permission.READ_FLEET])
        secret = tokens.create(owner=admin, by=admin, name="ci", terms=terms).secret
        script = Client(headers={"Authorization": f"Bearer {secret}"})
        assert script.get("/api/v1/nodes").status_code == 200


class TestReset:
    def test_by_an_administrator_ends_sessions(
        self, app: str, admin: Operator, page: Client
    ) -> None:
        theirs = knock()
        theirs.post(SECOND, {"code": code_of(app)})
        assert "Reset second factors" in page.get(f"/admin/users/{admin.pk}/").content.decode()
        page.post(f"/admin/users/{admin.pk}/factors/", {"why": "Lost phone"})
        assert not Authenticator.objects.exists()
        assert not is_in(theirs)
        row = last_activity()
        assert (row.verb, row.why) == ("operator.factors_reset", "Lost phone")

    def test_from_the_shell(self, app: str) -> None:
        call_command("reset_factors", "admin")
        assert not Authenticator.objects.exists()
        with pytest.raises(CommandError, match="no second factor"):
            call_command("reset_factors", "admin")
        with pytest.raises(CommandError, match="There is no"):
            call_command("reset_factors", "nobody")

    def test_users_page_tells_who_has_one(self, app: str, page: Client) -> None:
        shown = page.get("/admin/users/").content.decode()
        assert '<td data-label="Second factor">yes</td>' in shown
