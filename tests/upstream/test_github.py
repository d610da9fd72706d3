"""GitHub, or an Enterprise Server: who comes, and which teams they are in."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from oemupdates.domain.identity import Identity, NotBelieved
from oemupdates.domain.provider import Kind, Provider
from oemupdates.upstream import github, openid
from oemupdates.upstream.openid import Asked
from oemupdates.upstream.providers import Conversation
from oemupdates.upstream.session import Route, Unreachable
from tests.identity_servers import CLIENT, SECRET, GitHubServer

BACK = "http://testserver/login/with/github/callback/"
LogIn = Callable[..., Identity]


@pytest.fixture
def server() -> Iterator[GitHubServer]:
    server = GitHubServer()
    yield server
    server.close()


@pytest.fixture
def log_in(server: GitHubServer) -> LogIn:
    provider = Provider(
        id="github",
        name="GitHub",
        kind=Kind.GITHUB,
        address=server.url,
        api=f"{server.url}/api/v3",
        client_id=CLIENT,
        secret=SECRET,
        roles={},
        scopes=("read:user", "read:org"),
    )

    def log_in(asked: Asked | None = None) -> Identity:
        begun = openid.ask("a state", BACK)
        back = httpx.get(github.authorization_url(provider, begun)).headers["location"]
        code = parse_qs(urlsplit(back).query)["code"][0]
        with Conversation(Route()) as talk:
            return github.identify(talk, provider, code=code, asked=asked or begun)

    return log_in


def test_organisations_and_teams_are_groups(server: GitHubServer, log_in: LogIn) -> None:
    server.is_in(*[f"Example/team-{number}" for number in range(5)])  # three pages
    found = log_in()
    assert (found.subject, found.username, found.name) == ("583231", "ann", "Ann Lee")
    assert found.groups == {"example", *(f"example/team-{number}" for number in range(5))}
    assert found.authenticated_at is None
    asked = next(one.query for one in server.asked if one.path.endswith("/orgs"))
    assert asked["state"] == "active"  # an invitation is no membership


def test_a_code_is_worth_nothing_without_its_verifier(log_in: LogIn) -> None:
    with pytest.raises(NotBelieved, match="no token: bad_verification_code"):
        log_in(openid.ask("a state", BACK))


@pytest.mark.parametrize("user", [{}, {"id": "1", "login": "ann"}, {"id": 1}, {"id": True}])
def test_somebody_without_a_number_is_nobody(
    server: GitHubServer, log_in: LogIn, user: dict[str, Any]
) -> None:
    server.user = user
    with pytest.raises(NotBelieved, match="of whom"):
        log_in()


def test_the_token_is_shown_to_no_other_server(server: GitHubServer, log_in: LogIn) -> None:
    server.is_in("a/b", "a/c", "a/d")
    server.next_url = "http://127.0.0.1:1/user/teams"
    with pytest.raises(Unreachable, match="leads to"):
        log_in()


def test_a_team_without_a_name_is_not_guessed(server: GitHubServer, log_in: LogIn) -> None:
    server.teams = [{"slug": "ops"}]
    with pytest.raises(NotBelieved, match="no name"):
        log_in()
