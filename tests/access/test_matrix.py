"""Every route, with every role, with a role for one group, without a role, without a log-in."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from oemupdates.domain.access import Permission, Role
from oemupdates.models import Operator
from oemupdates.services.access import tokens
from tests.access.actors import Actor, actor
from tests.access.conftest import METRICS_TOKEN
from tests.access.routes import METHODS, Line, Route, known, table
from tests.access.things import address
from tests.services.makers import make_token

# Who may what is decided here, and by no database.
pytestmark = [pytest.mark.django_db, pytest.mark.once]

LINES = table()
_API = [line for line in LINES if line.route.startswith("api:") and line.who in set(Permission)]
API_CHANGES = [line for line in _API if line.method != "GET"]
API_READS = [line for line in _API if line.method == "GET"]
# What a request must say before it is asked whose group it is about.
BODIES: dict[str, object] = {
    "api:component_image_withdraw": {"why": "Because"},
    "api:group": {"description": "Here"},
    "api:group_badge_revoke": {"why": "Because"},
    "api:group_preview": {"max_under_way": 1},
    "api:group_updates": {"on": True, "why": "Because"},
    "api:node": {"name": "here"},
    "api:node_archive": {"why": "Because"},
    "api:node_hold": {"because": "Because"},
    "api:node_label": {"key": "rack", "value": "7"},
    "api:node_move": {"group": 1, "because": "Because"},
    "api:node_move_back": {"why": "Because"},
    "api:node_release": {"why": "Because"},
    "api:node_retry": {"why": "Because"},
    "api:node_unarchive": {"why": "Because"},
    "api:node_unlabel": {"key": "rack"},
    "api:wallboard_link_revoke": {"why": "Because"},
}
# Doors in front of Django, which have names here alone; a test of their own walks them.
IN_FRONT = {"events"}
UNAUTHORIZED, FORBIDDEN, NOT_FOUND, WRONG_METHOD = 401, 403, 404, 405


each_route = pytest.mark.parametrize(
    "route",
    [pytest.param(one) for one in known()],
    ids=lambda route: route.name,
)


class TestTable:
    def test_names_every_route_and_nothing_else(self) -> None:
        routes = {line.route for line in LINES}
        assert routes == {route.name for route in known()} | IN_FRONT

    def test_says_everything_once(self) -> None:
        twice = [key for key, n in Counter((x.route, x.method) for x in LINES).items() if n > 1]
        assert not twice


def heard(client: Client, method: str, path: str, body: object = None) -> Iterator[HttpResponse]:
    """What somebody hears; whatever it did is undone."""
    with transaction.atomic():
        yield client.generic(
            method,
            path,
            json.dumps(body) if body else "",
            content_type="application/json" if body else "application/octet-stream",
            headers={"If-Match": "*"},
        )
        transaction.set_rollback(True)


def verdict(response: Any, path: str) -> str:
    """What an answer comes to: let in, or sent away and how."""
    sent_to = response.headers.get("Location", "")
    if response.status_code >= 500:
        return f"broken ({response.status_code})"
    if sent_to.startswith(reverse(settings.LOGIN_URL)) or response.status_code == UNAUTHORIZED:
        return "log in"
    if response.status_code == FORBIDDEN:
        return "no"
    return str(response.status_code)


@each_route
def test_everybody_hears_what_the_table_says(
    route: Route, actors: list[Actor], things: dict[str, Any]
) -> None:
    faults = []
    for line in LINES:
        if line.route != route.name:
            continue
        for one in actors:
            path = address(route, things, one)
            for response in heard(one.client, line.method, path, BODIES.get(line.route)):
                said = verdict(response, path)
                faults += [
                    f"{line.method} {path}: {one.name} hears {said} ({response.status_code})"
                    for fault in [is_fault(line, one, said)]
                    if fault
                ]
    assert not faults, "\n".join(faults)


def is_fault(line: Line, one: Actor, said: str) -> bool:
    """Whether an answer is not what the table promises."""
    if said.startswith("broken"):
        return True
    if line.route in {"dashboard:logout", "dashboard:login_second"}:
        return said != "log in"  # whoever asks ends up there, with no log-in under way
    if line.who == "prometheus":
        return said not in {"log in", "no"}
    if one.may(line):
        return said in {"log in", "no", str(WRONG_METHOD)} or (
            said == str(NOT_FOUND) and line.route != "api:nothing"
        )
    if not one.is_logged_in:
        return said != "log in"
    # What is out of reach may not even be said to exist.
    return said not in {"no", str(NOT_FOUND)}


@each_route
def test_has_no_other_method(route: Route, actors: list[Actor], things: dict[str, Any]) -> None:
    lines = [line for line in LINES if line.route == route.name]
    methods = {line.method for line in lines}
    one = actors[any(line.who == "strangers" for line in lines)]
    client, path = one.client, address(route, things, one)
    for method in sorted(METHODS - methods):
        for response in heard(client, method, path):
            assert response.status_code in {WRONG_METHOD, NOT_FOUND}, f"{method} {path}"


@pytest.fixture(scope="module")
def bearers(cast: list[Actor]) -> dict[Permission, Actor]:
    """An administrator's tokens, by the one scope that each has; seen as who has just that."""
    admin = actor("owner", (Role.ADMIN, "everywhere")).operator
    assert admin is not None
    return {scope: bearer(admin, scope) for scope in Permission}


class TestTokens:
    """A token may do no more than its scopes say, whoever made it."""

    @pytest.mark.parametrize("line", API_CHANGES, ids=lambda line: f"{line.route} {line.method}")
    def test_change_nothing_beyond_their_scope(
        self, line: Line, bearers: dict[Permission, Actor], things: dict[str, Any]
    ) -> None:
        (route,) = [one for one in known() if one.name == line.route]
        for scope, one in bearers.items():
            path = address(route, things, one)
            for response in heard(one.client, line.method, path, BODIES.get(line.route)):
                said = verdict(response, path)
                if scope == line.who:
                    assert said not in {"no", "log in"}, f"{scope} on {path} hears {said}"
                else:
                    assert said == "no", f"{scope} on {path} hears {said}"

    @pytest.mark.parametrize("line", API_READS, ids=lambda line: line.route)
    def test_read_nothing_beyond_their_scope(
        self, line: Line, bearers: dict[Permission, Actor], things: dict[str, Any]
    ) -> None:
        (route,) = [one for one in known() if one.name == line.route]
        for scope, one in bearers.items():
            path = address(route, things, one)
            for response in heard(one.client, line.method, path):
                said = verdict(response, path)
                if scope == line.who:
                    assert said not in {"no", "log in"}, f"{scope} on {path} hears {said}"
                else:
                    assert said in {"no", "404"}, f"{scope} on {path} hears {said}"

    def test_open_no_page(self, bearers: dict[Permission, Actor], things: dict[str, Any]) -> None:
        for route in known():
            if not route.name.startswith("dashboard:") or any(
                line.who in {"everybody", "strangers"}
                for line in LINES
                if line.route == route.name
            ):
                continue
            one = bearers[Permission.READ_FLEET]
            path = address(route, things, one)
            for response in heard(one.client, "GET", path):
                assert verdict(response, path) == "log in", path

    def test_of_others_are_for_those_who_see_security(self, actors: list[Actor]) -> None:
        token = make_token().pk
        for one in actors:
            sees = one.may(Line("", "GET", "security.read", "everywhere"))
            ends = one.may(Line("", "POST", "server.administer", "everywhere"))
            for response in heard(one.client, "GET", f"/api/v1/tokens/{token}"):
                assert response.status_code == (200 if sees else 404 if one.is_logged_in else 401)
            with transaction.atomic():
                response = one.client.post(
                    f"/api/v1/tokens/{token}/revoke", "{}", content_type="application/json"
                )
                transaction.set_rollback(True)
            expected = 200 if ends else 403 if sees else 404
            assert response.status_code == (expected if one.is_logged_in else UNAUTHORIZED)


def bearer(owner: Operator, scope: Permission) -> Actor:
    """Who comes with a token of one scope."""
    terms = tokens.Terms([scope])
    secret = tokens.create(owner=owner, by=owner, name=scope, terms=terms).secret
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {secret}"})
    return Actor(scope, client, operator=owner)


def test_metrics_are_for_who_has_their_token(actors: list[Actor]) -> None:
    answer = Client().get("/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"})
    assert answer.status_code == 200
