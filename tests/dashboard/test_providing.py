"""Logging in by an identity provider: real servers on loopback, asked by this server."""

from dataclasses import replace
from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from oemupdates.domain.access import Role
from oemupdates.domain.provider import Provider
from oemupdates.models import Operator
from oemupdates.services.access import operators
from tests.dashboard.conftest import log_in as log_in_as
from tests.dashboard.conftest import permit
from tests.dashboard.provided import come_back, leave, log_in, roles_of, who, words, written
from tests.identity_servers import GitHubServer, OpenIdServer

pytestmark = pytest.mark.django_db


class TestLogIn:
    def test_makes_somebody_new_with_the_roles_of_their_groups(self, corp: Provider) -> None:
        client = Client()
        answer = log_in(client, next="/groups/")
        assert (answer.status_code, answer["location"]) == (302, "/groups/")
        assert who(client) == "ann"
        assert client.get("/groups/").status_code == 200
        assert roles_of("ann") == {("operator", "stable", "corp")}
        ann = Operator.objects.get()
        assert not ann.has_usable_password()
        assert (ann.email, ann.is_superuser) == ("", False)
        verbs = [(verb, subject) for verb, subject, _why in written()]
        assert verbs == [
            ("operator.created", "ann"),
            ("role.given", "ann"),
            ("operator.logged_in", "ann"),
        ]

    @pytest.mark.parametrize(
        ("trusted", "claims", "why"),
        [
            (False, {}, "By corp"),
            (False, {"amr": ["pwd", "otp"]}, "By corp, with a second factor"),
            (True, {}, "By corp, with a second factor"),
        ],
    )
    def test_says_whether_it_was_with_a_second_factor(
        self,
        corp: Provider,
        server: OpenIdServer,
        settings: Any,
        claims: dict[str, Any],
        why: str,
        *,
        trusted: bool,
    ) -> None:
        settings.LOGIN_PROVIDERS = (replace(corp, has_second_factor=trusted),)
        server.claims = claims
        client = Client()
        log_in(client)
        assert written()[-1] == ("operator.logged_in", "ann", why)
        assert client.session["provider_has_second_factor"] is ("second" in why)

    def test_follows_the_groups_at_each_log_in(self, corp: Provider, server: OpenIdServer) -> None:
        log_in(Client())
        permit(Operator.objects.get(), Role.VIEWER)
        server.person["groups"] = ["all", "bosses", "unheard of"]
        log_in(Client())
        ours = ("viewer", None, "")
        assert roles_of("ann") == {ours, ("viewer", None, "corp"), ("admin", None, "corp")}
        server.person["groups"] = []
        client = Client()
        log_in(client)
        assert roles_of("ann") == {ours}
        assert client.get("/").status_code == 200
        assert Operator.objects.count() == SocialAccount.objects.count() == 1
        taken = [why for verb, _subject, why in written() if verb == "role.taken"]
        assert taken == ["The groups that corp told", "corp told of no group"]

    def test_takes_roles_from_sessions_that_are_open(
        self, corp: Provider, server: OpenIdServer
    ) -> None:
        client = Client()
        log_in(client)
        assert client.get("/").status_code == 200
        server.claims = {"groups": None}  # the provider forgot to tell of groups
        log_in(Client())
        assert client.get("/").status_code == 403
        assert "You have no role yet" in words(client.get("/"))

    def test_gives_roles_that_hold_until_the_next_one(
        self, corp: Provider, page: Client, settings: Any
    ) -> None:
        settings.PROVIDER_ROLES_DAYS = -1
        client = Client()
        log_in(client)
        assert client.get("/").status_code == 403
        ann = Operator.objects.get(username="ann")
        assert "corp, ended 1 d ago, until the next log-in" in words(
            page.get(f"/admin/users/{ann.pk}/")
        )
        settings.PROVIDER_ROLES_DAYS = 30
        log_in(Client())
        assert client.get("/").status_code == 200
        assert "corp, ends in 29 d without a log-in" in words(page.get(f"/admin/users/{ann.pk}/"))

    def test_gives_nothing_more_once_the_provider_is_gone(
        self, corp: Provider, page: Client, settings: Any
    ) -> None:
        client = Client()
        log_in(client)
        ann = Operator.objects.get(username="ann")
        assert client.get("/").status_code == 200
        settings.LOGIN_PROVIDERS = ()
        assert client.get("/").status_code == 403
        shown = words(page.get(f"/admin/users/{ann.pk}/"))
        assert "corp, which is not asked any more: it holds no longer Take" in shown

    def test_lets_nobody_new_in_without_a_role(self, corp: Provider, server: OpenIdServer) -> None:
        server.person["groups"] = ["unheard of"]
        client = Client()
        answer = log_in(client)
        assert answer.status_code == 403
        assert (
            "Corp knows you as ann, and none of the groups that it says you are in has a role"
            in words(answer)
        )
        assert who(client) is None
        assert not Operator.objects.exists()
        ((verb, subject, _why),) = written()
        assert (verb, subject) == ("operator.log_in_failed", "ann of corp")

    @pytest.mark.parametrize(
        ("groups", "said"), [([], "in no group"), (None, "says nothing of the groups")]
    )
    def test_says_what_was_told_of_groups(
        self, corp: Provider, server: OpenIdServer, groups: object, said: str
    ) -> None:
        server.claims = {"groups": groups}
        assert said in words(log_in(Client()))

    def test_finds_groups_that_only_userinfo_tells(
        self, corp: Provider, server: OpenIdServer
    ) -> None:
        server.claims, server.told = {"groups": None}, {"groups": ["all"]}
        log_in(Client())
        assert roles_of("ann") == {("viewer", None, "corp")}

    def test_takes_no_account_over_by_its_name(self, corp: Provider, server: OpenIdServer) -> None:
        first = Operator.objects.create_superuser("Ann", email="ann@example.net", password="x")
        server.person |= {"email": "ann@example.net", "email_verified": True}
        client = Client()
        log_in(client)
        assert who(client) == "ann@corp"
        server.person["sub"] = "another ann"
        other = Client()
        log_in(other)
        assert who(other) == "ann@corp-2"
        assert not SocialAccount.objects.filter(user=first).exists()

    def test_knows_somebody_by_subject_whatever_they_are_called(
        self, corp: Provider, server: OpenIdServer
    ) -> None:
        log_in(Client())
        server.person["preferred_username"] = "ann-lee"
        client = Client()
        log_in(client)
        assert who(client) == "ann"
        assert SocialAccount.objects.get().extra_data["username"] == "ann-lee"

    def test_keeps_subjects_of_providers_apart(
        self, corp: Provider, server: OpenIdServer, settings: Any
    ) -> None:
        log_in(Client())
        settings.LOGIN_PROVIDERS = (corp, replace(corp, id="lab"))
        client = Client()
        log_in(client, "lab")
        assert who(client) == "ann@lab"

    def test_lets_nobody_in_whose_account_is_off_or_of_another_issuer(
        self, corp: Provider, server: OpenIdServer
    ) -> None:
        log_in(Client())
        Operator.objects.update(is_active=False)
        answer = log_in(Client())
        assert (answer.status_code, who(Client())) == (403, None)
        assert "ann is switched off here" in words(answer)
        Operator.objects.update(is_active=True)
        account = SocialAccount.objects.get()
        account.extra_data["issuer"] = "https://former.example.net"
        account.save()
        answer = log_in(Client())
        assert "came by another issuer" in words(answer)
        assert [subject for _verb, subject, _why in written()][-2:] == ["ann", "ann"]

    def test_ends_the_session_of_somebody_else(self, corp: Provider, admin: Operator) -> None:
        client = Client()
        url = leave(client)
        client.force_login(admin)  # in another tab
        session = client.session["_auth_user_hash"]
        assert come_back(client, url).status_code == 302
        assert who(client) == "ann"
        assert client.session["_auth_user_hash"] != session
        last = [(verb, subject, why) for verb, subject, why in written()][-2:]
        assert last == [
            ("operator.logged_out", "admin", ""),
            ("operator.logged_in", "ann", "By corp"),
        ]

    def test_leads_on_whoever_is_logged_in(self, corp: Provider, page: Client) -> None:
        assert page.post("/login/with/corp/")["location"] == "/"

    def test_goes_to_no_other_server_afterwards(self, corp: Provider) -> None:
        assert log_in(Client(), next="https://elsewhere.example/")["location"] == "/"

    def test_is_offered_on_the_page(self, corp: Provider, settings: Any) -> None:
        assert "Log in by Example Corp" in words(Client().get("/login/?next=/groups/"))
        settings.LOGIN_PROVIDERS = ()
        assert "Log in by" not in words(Client().get("/login/"))
        assert Client().post("/login/with/corp/").status_code == 404
        assert Client().get("/login/with/corp/callback/").status_code == 404

    def test_has_a_limit_for_an_address(self, corp: Provider, settings: Any) -> None:
        settings.LOG_INS_A_MINUTE = 2
        assert [Client().post("/login/with/corp/").status_code for _ in range(3)][:2] == [200, 200]
        answer = Client().post("/login/with/corp/")
        assert answer.status_code == 429
        assert int(answer["retry-after"]) > 0
        assert "Too many tries" in words(answer)


class TestGitHub:
    def test_gives_the_roles_of_organisations_and_teams(self, github: GitHubServer) -> None:
        github.is_in("Example/Ops", "elsewhere/ops", "example/other")
        client = Client()
        assert log_in(client, "github").status_code == 302
        assert roles_of("ann") == {("viewer", None, "github"), ("operator", None, "github")}
        github.teams = []
        log_in(Client(), "github")
        assert roles_of("ann") == {("viewer", None, "github")}
        assert SocialAccount.objects.get().uid == "583231"

    def test_proves_nothing_to_who_does_what_is_dangerous(self, github: GitHubServer) -> None:
        client = Client()
        log_in(client, "github")
        permit(Operator.objects.get(), Role.ADMIN)
        page = client.post("/admin/users/make/", {"username": "bo"})
        assert "cannot say that it is still you" in words(page)
        assert not Operator.objects.filter(username="bo").exists()

    def test_lets_nobody_in_who_is_in_none_of_the_organisations(
        self, github: GitHubServer
    ) -> None:
        github.orgs = []
        assert "in no group" in words(log_in(Client(), "github"))

    def test_says_when_it_is_broken(self, github: GitHubServer) -> None:
        github.next_url = "https://elsewhere.example/"
        github.is_in("a/b", "a/c", "a/d")
        assert log_in(Client(), "github").status_code == 502


class TestUsers:
    def test_are_shown_with_where_they_come_from(self, corp: Provider, page: Client) -> None:
        log_in(Client())
        shown = words(page.get("/admin/users/"))
        assert "ann Operator of" in shown.replace("operator", "Operator")
        assert "corp" in shown
        ann = Operator.objects.get(username="ann")
        shown = words(page.get(f"/admin/users/{ann.pk}/"))
        assert "Comes by corp" in shown
        assert "At corp ann, 2f0c" in shown
        assert "Groups there ops" in shown

    def test_of_a_provider_have_no_password(self, corp: Provider, admin: Operator) -> None:
        log_in(Client())
        ann = Operator.objects.get(username="ann")
        with pytest.raises(operators.CannotResetPassword, match="comes by corp"):
            operators.reset_password(ann, by=admin)
        answer = log_in_as(ann).get("/password/", follow=True)
        assert "You log in by a provider, and have no password here" in words(answer)
        assert 'href="/password/"' not in answer.content.decode()
        shown = words(log_in_as(admin).get(f"/admin/users/{ann.pk}/"))
        assert "Reset password" not in shown
        assert "An identity provider gave a role to it" in shown

    def test_hear_that_the_provider_knows_them_yet(self, corp: Provider) -> None:
        client = Client()
        log_in(client)
        answer = client.post("/logout/", follow=True)
        assert "You are logged out here. At Example Corp you may not be." in words(answer)
        assert who(client) is None
