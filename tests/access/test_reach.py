"""Nothing of a group is seen by those whose roles, or tokens, are for other groups."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone

from oemupdates.domain.access import Permission, Role
from oemupdates.domain.event import Meaning
from oemupdates.domain.node import State
from oemupdates.models import Answer, Component, Event, VersionInterval
from oemupdates.services.access import share_links, tokens
from oemupdates.services.components import component_wants
from oemupdates.services.counters import samples
from oemupdates.services.groups import groups
from oemupdates.services.nodes import bulk, labels, nodes
from tests.access.actors import Actor, actor, first
from tests.access.routes import Line, known, table
from tests.access.things import address
from tests.services.makers import flatcar, make_node, seeded_channel, seeded_group

# Who may what is decided here, and by no database.
pytestmark = [pytest.mark.django_db, pytest.mark.once]

# Every word of what is out of reach, and of nothing else.
OUT_OF_REACH = re.compile(r"zq-[-\w]*|9999\.9\.9|203\.0\.113\.77")
# Streams are in front of Django; the style guide is for those who build pages, on their own fleet.
ELSEWHERE = {"events", "dashboard:style"}
READS = [line for line in table() if line.method == "GET" and line.route not in ELSEWHERE]
# What is asked of a page or a list besides its address; `{at}` is the day before.
QUESTIONS = {
    "dashboard:overview": ["?at={at}"],
    "dashboard:nodes": ["?at={at}", "?q=seen:>1m", "?columns=labels&columns=hold", "?held=1"],
    "dashboard:bulk_plan": ["?verb=label", "?verb=move", "?verb=hold"],
    "dashboard:palette": ["?q=z", "?q=9999", "?q=203.0"],
    "dashboard:activity": ["?kind=group", "?kind=node"],
    "api:nodes": ["?at={at}", "?format=csv"],
    "api:overview": ["?at={at}"],
    "api:samples": ["?dimension=version", "?dimension=oem"],
}


@pytest.fixture(scope="module")
def hidden(fleet: dict[str, Any]) -> dict[str, int]:
    """A group with a node, and whatever somebody could come across of them."""
    now = timezone.now()
    group = groups.create(
        flatcar(),
        architecture="amd64",
        by=first(),
        name="zq-group",
        description="zq-description",
        channel=seeded_channel(),
    )
    node = make_node(
        group=group,
        alias="zq-node",
        machine_id="ab" * 16,
        track="zq-group",
        version="9999.9.9",
        oem="zq-oem",
        state=State.FAILED,
        address="203.0.113.77",
        last_seen_at=now,
        first_seen_at=now - timedelta(days=3),
    )
    nodes.hold(node, by=first(), because="zq-hold")
    component_wants.want(group, Component.objects.get(), by=first(), why="zq-want")
    labels.label(node, "zq-key=zq-value", by=first(), why="zq-why")
    VersionInterval.objects.create(
        node=node, version="9999.9.9", started_at=now - timedelta(days=3), ended_at=None
    )
    Event.objects.create(
        node=node, at=now, meaning=Meaning.FAILED, type=3, result=0, code=5, flags="zq-flags"
    )
    Answer.objects.create(node=node, at=now, answer="noupdate", reasons="[]")
    samples.take(now)
    share_links.make_badge(group, by=first(), now=now)
    link = share_links.make_wallboard("zq-wall", group=group, by=first(), now=now)
    change = bulk.start(bulk.Wanted("hold", "zq-bulk", keys=[node.pk]), by=first())
    return {"node": node.pk, "group": group.pk, "bulk": change.pk, "wallboard": link.pk}


def said(one: Actor, path: str) -> tuple[HttpResponse, set[str]]:
    """What somebody hears, and the words in it that are out of reach."""
    answer = one.client.get(path)
    head = " ".join(map(str, answer.headers.items()))
    return answer, set(OUT_OF_REACH.findall(answer.getvalue().decode() + head))


def addresses(
    one: Actor, things: dict[str, Any], hidden: dict[str, int]
) -> Iterator[tuple[Line, str]]:
    """Where everything may be read: of the fleet's things, and of those out of reach."""
    routes = {route.name: route for route in known()}
    at = (timezone.now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%MZ")
    for line in READS:
        route = routes[line.route]
        path = address(route, things, one)
        yield line, path
        for question in QUESTIONS.get(line.route, []):
            yield line, path + question.format(at=at)
        other = address(route, things | hidden, one)
        if other != path and line.who != "everybody":
            yield line, other


def leaks(one: Actor, things: dict[str, Any], hidden: dict[str, int]) -> Iterator[str]:
    for line, path in addresses(one, things, hidden):
        answer, words = said(one, path)
        assert answer.status_code < 500, path
        if words:
            yield f"{one.name} reads {', '.join(sorted(words))} at {path} ({line.route})"


def test_the_walk_would_see_it(
    actors: list[Actor], things: dict[str, Any], hidden: dict[str, int]
) -> None:
    """Somebody with the whole fleet in reach reads of it in all the places that show nodes."""
    seen = {
        line.route: words
        for line, path in addresses(actors[0], things, hidden)
        if (words := said(actors[0], path)[1])
    }
    pages = {"overview", "nodes", "node", "groups", "group", "activity", "paths", "bulk"}
    lists = {"nodes", "node", "groups", "group", "activities", "labels", "holds", "samples"}
    lists |= {"components", "component"}
    assert {f"dashboard:{name}" for name in pages} <= set(seen)
    assert {f"api:{name}" for name in lists} <= set(seen)
    everything = set().union(*seen.values())
    assert {"zq-node", "zq-value", "zq-hold", "zq-wall", "9999.9.9"} <= everything


@pytest.mark.parametrize("role", Role)
def test_a_role_for_another_group_sees_nothing_of_it(
    role: Role, actors: list[Actor], things: dict[str, Any], hidden: dict[str, int]
) -> None:
    (one,) = [one for one in actors if one.name == f"{role}-elsewhere"]
    found = list(leaks(one, things, hidden))
    assert not found, "\n".join(found)


def test_a_token_for_another_group_sees_nothing_of_it(
    actors: list[Actor], things: dict[str, Any], hidden: dict[str, int]
) -> None:
    owner = actor("scripts", (Role.ADMIN, "everywhere")).operator
    assert owner is not None
    terms = tokens.Terms([*Permission], [seeded_group("beta")])
    secret = tokens.create(owner=owner, by=owner, name="script", terms=terms).secret
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {secret}"})
    one = Actor("token", client, ((Role.ADMIN, "elsewhere"),), operator=owner)
    found = list(leaks(one, things, hidden))
    assert not found, "\n".join(found)
