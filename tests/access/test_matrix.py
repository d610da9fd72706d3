"""Every route, with every role, with a role for one group, without a role, without a log-in."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from oemupdates.domain.access import ROLES, Permission, Role
from oemupdates.models import (
    BulkChange,
    DeadEnd,
    Floor,
    Group,
    Operator,
    RoleGrant,
    SavedView,
    Webhook,
    WebhookDelivery,
)
from oemupdates.services import channels, share_links, update_secrets
from tests.access.routes import METHODS, Line, Route, known, table
from tests.services.makers import (
    last_activity,
    make_node,
    make_release,
    make_token,
    seeded_channel,
    seeded_group,
)

pytestmark = pytest.mark.django_db

LINES = table()
# What a request must say before it is asked whose group it is about.
BODIES: dict[str, object] = {
    "api:group": {"description": "Here"},
    "api:group_updates": {"on": True, "why": "Because"},
    "api:node": {"name": "here"},
    "api:node_archive": {"why": "Because"},
    "api:node_move_back": {"why": "Because"},
    "api:node_release": {"why": "Because"},
    "api:node_retry": {"why": "Because"},
    "api:node_unarchive": {"why": "Because"},
}
# Routes that are not walked yet: one's own token or bulk change, and a webhook's delivery, which
# take more than a permission; `/metrics` has a token of its own. Each has tests of its own.
NOT_WALKED = {
    "api:bulk_change",
    "api:bulk_stop",
    "api:bulk_undo",
    "api:token",
    "api:token_revoke",
    "metrics",
}
# Routes that do not yet do what the table says; the list is to become empty.
NOT_YET: set[str] = {"api:problem", "api:problems"}
BAD_REQUEST, UNPROCESSABLE = 400, 422
UNAUTHORIZED, FORBIDDEN, NOT_FOUND, WRONG_METHOD = 401, 403, 404, 405


each_route = pytest.mark.parametrize(
    "route",
    [
        pytest.param(one, marks=pytest.mark.xfail(reason="not yet") if one.name in NOT_YET else ())
        for one in known()
        if one.name not in NOT_WALKED
    ],
    ids=lambda route: route.name,
)


@dataclass
class Actor:
    """Somebody who asks."""

    name: str
    client: Client
    grants: tuple[tuple[Role, str], ...] = ()
    is_logged_in: bool = True

    def may(self, line: Line) -> bool:
        """What the table promises, read without any code of the server but the roles' table."""
        if line.who in {"everybody", "strangers"}:
            return True
        if line.who == "somebody":
            return self.is_logged_in
        permission = Permission(line.who)
        places = {place for role, place in self.grants if permission in ROLES[role]}
        return bool(places & PLACES[line.where])


# Where a role must be held so that a permission is there: everywhere, in the group, in another.
PLACES = {
    "somewhere": {"everywhere", "here", "elsewhere"},
    "here": {"everywhere", "here"},
    "everywhere": {"everywhere"},
}


def actor(name: str, *grants: tuple[Role, str]) -> Actor:
    operator = Operator.objects.create_user(name, password="x")
    groups = {
        "everywhere": None,
        "here": seeded_group("stable"),
        "elsewhere": seeded_group("beta"),
    }
    for role, place in grants:
        RoleGrant.objects.create(operator=operator, role=role, group=groups[place])
    client = Client(raise_request_exception=False)
    client.force_login(operator)
    return Actor(name, client, grants)


@pytest.fixture
def actors(db: None) -> list[Actor]:
    stranger = Actor("nobody", Client(raise_request_exception=False), is_logged_in=False)
    first = Operator.objects.create_superuser("first", password="x")
    superuser = Client(raise_request_exception=False)
    superuser.force_login(first)
    return [
        Actor("first", superuser, ((Role.ADMIN, "everywhere"),)),
        stranger,
        actor("without-role"),
        *[actor(role, (role, "everywhere")) for role in Role],
        *[actor(f"{role}-here", (role, "here")) for role in Role],
        *[actor(f"{role}-elsewhere", (role, "elsewhere")) for role in Role],
    ]


@pytest.fixture
def things(db: None) -> dict[str, Any]:
    """What stands in addresses: by `route.argument`, or by the argument alone."""
    group: Group = seeded_group("stable")
    channel = seeded_channel("stable")
    release = make_release("4593.2.1")
    now = timezone.now()
    badge = share_links.make_badge(group, by=None, now=now)
    wall = share_links.make_wallboard("Kitchen", group=group, by=None, now=now)
    channels.add_floor(channel, release, by=None, because="Migrates the OEM")
    channels.add_dead_end(channel, "3510.2.0", by=None, because="Reads no new payloads")
    user = Operator.objects.create_user("thing")
    script = Operator.objects.create_user("script", is_service_account=True)
    webhook = Webhook.objects.create(
        name="hook", url="https://hooks.example.net/", active_since=now, made_at=now
    )
    delivery = WebhookDelivery.objects.create(
        webhook=webhook, event_id="1", kind="test", body={}, made_at=now, next_try_at=now
    )
    return {
        "node": make_node(group=group).pk,
        "group": group.pk,
        "channel": channel.pk,
        "release": release.pk,
        "floor": Floor.objects.get().pk,
        "dead_end": DeadEnd.objects.get().pk,
        "dashboard:floor_add.pk": channel.pk,
        "dashboard:floor_remove.pk": channel.pk,
        "dashboard:dead_end_add.pk": channel.pk,
        "dashboard:dead_end_remove.pk": channel.pk,
        "view": SavedView.objects.create(
            owner=Operator.objects.get(username="first"), name="all", is_shared=True
        ).pk,
        "bulk": BulkChange.objects.create(
            by=Operator.objects.get(username="first"), verb="hold", created_at=timezone.now()
        ).pk,
        "api:activity.pk": last_activity().pk,
        "api:floors.pk": channel.pk,
        "api:floor.pk": channel.pk,
        "api:dead_ends.pk": channel.pk,
        "api:dead_end.pk": channel.pk,
        "api:payloads.pk": release.pk,
        "api:problem.name": "not-found",
        "user": user.pk,
        "dashboard:admin_role_give.pk": user.pk,
        "dashboard:admin_role_take.pk": user.pk,
        "grant": RoleGrant.objects.create(operator=user, role=Role.VIEWER).pk,
        "dashboard:admin_token_make.pk": script.pk,
        "token": make_token(script).pk,
        "dashboard:admin_retention_change.kind": "history",
        "secret": update_secrets.create("all", by=user).secret.pk,
        "webhook": webhook.pk,
        "delivery": delivery.pk,
        "api:delivery_replay.pk": webhook.pk,
        "dashboard:badge.secret": share_links.secret_of(badge),
        "dashboard:wallboard_shared.secret": share_links.secret_of(wall),
        "dashboard:wallboard_shared_now.secret": share_links.secret_of(wall),
        "dashboard:wallboard_revoke.pk": wall.pk,
        "wallboard": wall.pk,
        "api:deliveries.pk": webhook.pk,
    }


def address(route: Route, things: dict[str, Any]) -> str:
    """A route's address, with things that exist."""
    return reverse(
        route.name, kwargs={name: thing(route, name, things) for name in route.arguments}
    )


def thing(route: Route, argument: str, things: dict[str, Any]) -> Any:
    """What stands for an argument: said for the route, or the kind that its name begins with."""
    said = things.get(f"{route.name}.{argument}") or things.get(argument)
    if said is not None:
        return said
    kind = route.name.partition(":")[2].removeprefix("admin_").partition("_")[0]
    assert kind in things, f"say in things() what {argument} of {route.name} is"
    return things[kind]


@pytest.fixture(autouse=True)
def _with_style_guide(settings: Any) -> None:
    settings.STYLE_GUIDE = True


class TestTable:
    def test_names_every_route_and_nothing_else(self) -> None:
        routes = {line.route for line in LINES}
        assert routes | NOT_WALKED == {route.name for route in known()}
        assert not routes & NOT_WALKED

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
            headers={"If-Match": '"some version"'},
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
    path = address(route, things)
    faults = []
    for line in LINES:
        if line.route != route.name:
            continue
        for one in actors:
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
    if line.route == "dashboard:logout":
        return said != "log in"  # whoever asks ends up there
    if one.may(line):
        return said in {"log in", "no", str(WRONG_METHOD)} or (
            said == str(NOT_FOUND) and line.route != "api:nothing"
        )
    if not one.is_logged_in:
        return said != "log in"
    if line.route.startswith("api:") and line.method != "GET":
        # A request that cannot be understood is refused before anybody asks what it is about.
        return said not in {"no", str(NOT_FOUND), str(BAD_REQUEST), str(UNPROCESSABLE)}
    # What is out of reach may not even be said to exist.
    return said not in {"no", str(NOT_FOUND)}


@each_route
def test_has_no_other_method(route: Route, actors: list[Actor], things: dict[str, Any]) -> None:
    path = address(route, things)
    lines = [line for line in LINES if line.route == route.name]
    methods = {line.method for line in lines}
    client = actors[any(line.who == "strangers" for line in lines)].client
    for method in sorted(METHODS - methods):
        for response in heard(client, method, path):
            assert response.status_code in {WRONG_METHOD, NOT_FOUND}, f"{method} {path}"
