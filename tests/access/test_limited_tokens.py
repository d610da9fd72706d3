"""A token that is limited to groups: what it never reads, and never changes."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from django.http import HttpResponse
from django.test import Client

from oemupdates.domain.access import Permission, Role
from oemupdates.models import Activity, Node, Operator
from oemupdates.services.access import tokens
from oemupdates.services.nodes import bulk
from tests.access.actors import Actor, actor
from tests.access.routes import Line, known, table
from tests.access.test_matrix import BODIES, heard, verdict
from tests.access.things import address
from tests.services.makers import make_node, make_token, seeded_group

# Who may what is decided here, and by no database.
pytestmark = [pytest.mark.django_db, pytest.mark.once]

ROUTES = {route.name: route for route in known()}
LINES = [
    line
    for line in table()
    if line.route.startswith("api:") and line.where in {"here", "everywhere"}
]


class Given(NamedTuple):
    """A group's node and its owner's token, and what of the owner's is of another group."""

    owner: Operator
    client: Client
    unlimited: Client
    node: Node
    token: int
    change: int


@pytest.fixture(scope="module")
def given(fleet: dict[str, Any]) -> Given:
    """An administrator's token with every scope, for beta alone; stable is out of its reach."""
    owner = actor("limited", (Role.ADMIN, "everywhere")).operator
    assert owner is not None
    beta, stable = seeded_group("beta"), seeded_group()
    other = make_token(owner, name="zq-token", is_limited_to_groups=True)
    other.groups.add(stable)
    wanted = bulk.Wanted("hold", "zq-why", keys=[fleet["node"]])
    change = bulk.start(wanted, by=owner)
    return Given(
        owner,
        bearer(owner, [beta]),
        bearer(owner, None),
        make_node(group=beta, track="beta"),
        other.pk,
        change.pk,
    )


def bearer(owner: Operator, groups: Any) -> Client:
    terms = tokens.Terms([*Permission], groups)
    secret = tokens.create(owner=owner, by=owner, name="script", terms=terms).secret
    return Client(raise_request_exception=False, headers={"Authorization": f"Bearer {secret}"})


def done() -> int:
    """How much was done; what was refused is written down, too."""
    return Activity.objects.exclude(verb="operator.refused").count()


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line.route} {line.method}")
def test_has_no_part_in_what_is_another_groups_or_everybodys(
    line: Line, given: Given, things: dict[str, Any]
) -> None:
    """Each operation of the API on a thing of another group, or on one of the whole fleet."""
    one = Actor("limited", given.client, operator=given.owner)
    path = address(ROUTES[line.route], things, one)
    before = done()
    for response in heard(given.client, line.method, path, BODIES.get(line.route)):
        assert verdict(response, path) in {"no", "404"}, response.content
        assert done() == before


def sent(client: Client, method: str, path: str, body: Any) -> Iterator[HttpResponse]:
    yield from heard(client, method, f"/api/v1/{path}", body)


# What somebody may ask wherever they may, told about a thing of another group; `{here}` is a node
# and `{beta}` the group of the token, `{there}` a node and `{stable}` the group out of its reach.
ASKED: list[tuple[str, str, dict[str, Any] | None]] = [
    ("POST", "bulk-changes", {"verb": "hold", "why": "w", "nodes": ["{there}"]}),
    ("POST", "bulk-changes", {"verb": "hold", "why": "w", "nodes": ["{here}", "{there}"]}),
    ("POST", "bulk-changes", {"verb": "hold", "why": "w", "query": "is:dark"}),
    (
        "POST",
        "bulk-changes",
        {"verb": "move", "why": "w", "nodes": ["{here}"], "group": "{stable}"},
    ),
    ("POST", "bulk-changes/preview", {"verb": "hold", "why": "w", "nodes": ["{there}"]}),
    ("POST", "bulk-changes/preview", {"verb": "hold", "why": "w", "query": "is:held"}),
    ("GET", "bulk-changes/{change}", None),
    ("POST", "bulk-changes/{change}/stop", {}),
    ("POST", "nodes/{here}/move", {"group": "{stable}", "because": "w"}),
    ("POST", "wallboard-links", {"name": "wall", "group": "{stable}"}),
    ("POST", "wallboard-links", {"name": "wall"}),
    ("GET", "tokens/{token}", None),
    ("POST", "tokens/{token}/revoke", {}),
]


@pytest.mark.parametrize(("method", "path", "body"), ASKED)
def test_is_told_nothing_and_does_nothing_by_naming_it(
    method: str, path: str, body: Any, given: Given, things: dict[str, Any]
) -> None:
    known = {
        "here": given.node.pk,
        "there": things["node"],
        "beta": seeded_group("beta").pk,
        "stable": seeded_group().pk,
        "change": given.change,
        "token": given.token,
    }
    where, said = path.format(**known), filled(body, known)
    before = done()
    for response in sent(given.client, method, where, said):
        assert response.status_code in {403, 404, 422}, response.content
        assert "zq-" not in response.content.decode()
        assert done() == before
    # It is the token's limit that stood in the way.
    for response in sent(given.unlimited, method, where, said):
        assert response.status_code < 300, response.content


def filled(said: Any, known: dict[str, int]) -> Any:
    """What is said, with keys where their names in braces stand."""
    if isinstance(said, dict):
        return {name: filled(value, known) for name, value in said.items()}
    if isinstance(said, list):
        return [filled(value, known) for value in said]
    return known.get(said.strip("{}"), said) if isinstance(said, str) else said


@pytest.mark.parametrize("path", ["tokens", "bulk-changes", "wallboard-links", "holds"])
def test_lists_none_of_it(path: str, given: Given) -> None:
    (limited,) = sent(given.client, "GET", path, None)
    assert limited.status_code == 200
    assert "zq-" not in limited.content.decode()


def test_works_in_its_own_groups(given: Given) -> None:
    """What it began itself it may watch, and of tokens it sees those that reach no further."""
    wanted = {"verb": "hold", "why": "w", "nodes": [given.node.pk]}
    for response in sent(given.client, "POST", "bulk-changes", wanted):
        assert response.status_code == 202
        key = response.json()["id"]
        assert given.client.get(f"/api/v1/bulk-changes/{key}").status_code == 200
        listed = given.client.get("/api/v1/bulk-changes").json()["items"]
        assert [one["id"] for one in listed] == [key]
    mine = given.client.get("/api/v1/tokens").json()["items"]
    assert [one["groups"][0]["name"] for one in mine] == ["beta"]
    assert given.client.get(f"/api/v1/nodes/{given.node.pk}").status_code == 200
