"""Logging in by an identity provider: real servers on loopback, asked by this server."""

import html
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from oemupdates.domain.access import Role
from oemupdates.domain.provider import Kind, Provider
from oemupdates.models import Activity, ApiToken, Operator, RoleGrant
from oemupdates.services import operators, proof
from tests.dashboard.conftest import permit
from tests.identity_servers import CLIENT, SECRET, GitHubServer, OpenIdServer, as_json, rsa_key

pytestmark = pytest.mark.django_db

ROLES = {"ops": ("operator@stable",), "all": ("viewer",), "bosses": ("admin",)}


@pytest.fixture
def server() -> Iterator[OpenIdServer]:
    server = OpenIdServer()
    yield server
    server.close()


@pytest.fixture
def corp(server: OpenIdServer, settings: Any, heard: None) -> Provider:
    found = Provider(
        id="corp",
        name="Example Corp",
        kind=Kind.OPENID,
        address=server.url,
        client_id=CLIENT,
        secret=SECRET,
        roles=ROLES,
        scopes=("openid", "profile"),
    )
    settings.LOGIN_PROVIDERS = (found,)
    return found


@pytest.fixture
def github(settings: Any, heard: None) -> Iterator[GitHubServer]:
    server = GitHubServer()
    found = Provider(
        id="github",
        name="GitHub",
        kind=Kind.GITHUB,
        address=server.url,
        api=f"{server.url}/api/v3",
        client_id=CLIENT,
        secret=SECRET,
        roles={"example/ops": ("operator",), "example": ("viewer",)},
        scopes=("read:user", "read:org"),
    )
    settings.LOGIN_PROVIDERS = (found,)
    yield server
    server.close()


def leave(client: Client, key: str = "corp", **form: str) -> str:
    """Press the button; gives the address that the browser is sent to."""
    page = client.post(f"/login/with/{key}/", form)
    assert page.status_code == 200, page.content.decode()
    found = re.search(r'content="0; url=([^"]+)"', page.content.decode())
    assert found
    return html.unescape(found[1])


def come_back(client: Client, url: str) -> Any:
    """Log in there, where somebody is known already, and follow the way back."""
    back = urlsplit(httpx.get(url).headers["location"])
    return client.get(f"{back.path}?{back.query}")


def log_in(client: Client, key: str = "corp", **form: str) -> Any:
    return come_back(client, leave(client, key, **form))


def words(answer: Any) -> str:
    text = re.sub(r"</?(b|span)\b[^>]*>", "", answer.content.decode())
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def who(client: Client) -> str | None:
    key = client.session.get("_auth_user_id")
    return Operator.objects.get(pk=key).username if key else None


def roles_of(name: str) -> set[tuple[str, str | None, str]]:
    found = RoleGrant.objects.filter(operator__username=name)
    return set(found.values_list("role", "group__track", "provider"))


def written() -> list[tuple[str, str, str]]:
    return [(one.verb, one.subject, one.why) for one in Activity.objects.order_by("pk")]


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

    def test_ends_the_session_of_somebody_else(
        self, corp: Provider, page: Client, admin: Operator
    ) -> None:
        client = Client()
        url = leave(client)
        client.force_login(admin)
        session = client.session  # another tab was faster
        session["provider_trips"] = {}
        session.save()
        assert come_back(client, url).status_code == 400
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

    @pytest.mark.parametrize("path", ["/discovery", "/token", "/keys"])
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
        assert not ApiToken.objects.exists()
