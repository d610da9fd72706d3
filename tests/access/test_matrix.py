"""Every route, with every role, with a role for one group, without a role, without a log-in."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from oemupdates.domain.access import ROLES, Permission, Role
from oemupdates.domain.provider import Kind, Provider
from oemupdates.models import (
    BulkChange,
    BundleImport,
    DeadEnd,
    Floor,
    Group,
    Oem,
    Operator,
    RoleGrant,
    SavedView,
    Webhook,
    WebhookDelivery,
)
from oemupdates.services import (
    channels,
    proof,
    proposals,
    share_links,
    sync_runs,
    tokens,
    update_secrets,
    upstreams,
)
from tests.access.routes import METHODS, Line, Route, known, table
from tests.services.makers import (
    last_activity,
    make_advisory,
    make_node,
    make_release,
    make_token,
    seeded_channel,
    seeded_group,
)
from tests.stream.listening import Listener, running

pytestmark = pytest.mark.django_db

LINES = table()
_API = [line for line in LINES if line.route.startswith("api:") and line.who in set(Permission)]
API_CHANGES = [line for line in _API if line.method != "GET"]
API_READS = [line for line in _API if line.method == "GET"]
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
# Doors in front of Django, which have names here alone; a test of their own walks them.
IN_FRONT = {"events"}
METRICS_TOKEN = "of-prometheus"
GITHUB = Provider(
    id="github",
    name="GitHub",
    kind=Kind.GITHUB,
    address="https://github.example.net",
    client_id="oem-fleet",
    secret="",
    roles={"example": ("viewer",)},
)
BAD_REQUEST, UNPROCESSABLE = 400, 422
UNAUTHORIZED, FORBIDDEN, NOT_FOUND, WRONG_METHOD = 401, 403, 404, 405


each_route = pytest.mark.parametrize(
    "route",
    [pytest.param(one) for one in known()],
    ids=lambda route: route.name,
)


# What is walked as one's own thing, made for each who asks; others' are below.
Making = Callable[["Actor"], int]


@dataclass
class Actor:
    """Somebody who asks."""

    name: str
    client: Client
    grants: tuple[tuple[Role, str], ...] = ()
    is_logged_in: bool = True
    operator: Operator | None = None

    def may(self, line: Line) -> bool:
        """What the table promises, read without any code of the server but the roles' table."""
        if line.who in {"everybody", "strangers"}:
            return True
        if line.who == "somebody":
            return self.is_logged_in
        if line.who == "prometheus":
            return False
        permission = Permission(line.who)
        places = {place for role, place in self.grants if permission in ROLES[role]}
        return bool(places & PLACES[line.where])


# Where a role must be held so that a permission is there: everywhere, in the group, in another.
PLACES = {
    "somewhere": {"everywhere", "here", "elsewhere"},
    "here": {"everywhere", "here"},
    "everywhere": {"everywhere"},
}


def logged_in(operator: Operator) -> Client:
    """A browser of somebody who logged in just now."""
    client = Client(raise_request_exception=False)
    client.force_login(operator)
    session = client.session
    proof.prove(session)
    session.save()
    return client


def actor(name: str, *grants: tuple[Role, str]) -> Actor:
    operator = Operator.objects.create_user(name, password="x")
    groups = {
        "everywhere": None,
        "here": seeded_group("stable"),
        "elsewhere": seeded_group("beta"),
    }
    for role, place in grants:
        RoleGrant.objects.create(operator=operator, role=role, group=groups[place])
    client = logged_in(operator)
    return Actor(name, client, grants, operator=operator)


@pytest.fixture
def actors(db: None) -> list[Actor]:
    stranger = Actor("nobody", Client(raise_request_exception=False), is_logged_in=False)
    superuser = logged_in(first())
    return [
        Actor("first", superuser, ((Role.ADMIN, "everywhere"),), operator=first()),
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
    upstream = upstreams.add(upstreams.Terms("flatcar", "public"), by=None)
    subscription = upstreams.subscribe(upstream, channel, by=None)
    proposal = proposals.propose(upstream, channel, release, [])
    assert proposal is not None
    return {
        "upstream": upstream.pk,
        "bundle": BundleImport.objects.create(
            name="b.tar", path="/b.tar", is_upload=True, size=1, asked_at=now
        ).pk,
        "api:bundle_upload.name": "b.tar",
        "advisory": (hole := make_advisory(own=True)).pk,
        "security": hole.pk,
        "oem": Oem.objects.filter(oem_id="azure").values_list("pk", flat=True).get(),
        "subscription": subscription.pk,
        "run": (run := sync_runs.ask(upstream, channel, by=None)).pk,
        "sync": run.pk,
        "proposal": proposal.pk,
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
        "view": SavedView.objects.create(owner=first(), name="all", is_shared=True).pk,
        "bulk": BulkChange.objects.create(by=first(), verb="hold", created_at=timezone.now()).pk,
        "session": own_session,
        "factor": own_factor,
        "api:token.pk": own_token,
        "api:token_revoke.pk": own_token,
        "api:bulk_change.pk": own_change,
        "api:bulk_stop.pk": own_change,
        "api:bulk_undo.pk": own_change,
        "api:activity.pk": last_activity().pk,
        "api:floors.pk": channel.pk,
        "api:floor.pk": channel.pk,
        "api:dead_ends.pk": channel.pk,
        "api:dead_end.pk": channel.pk,
        "api:packages.app": str(release.application.uuid),
        "api:payloads.pk": release.pk,
        "api:problem.name": "not-found",
        "user": user.pk,
        "dashboard:admin_role_give.pk": user.pk,
        "dashboard:admin_role_take.pk": user.pk,
        "grant": RoleGrant.objects.create(operator=user, role=Role.VIEWER).pk,
        "dashboard:admin_token_make.pk": script.pk,
        "token": make_token(script).pk,
        "dashboard:admin_retention_change.kind": "history",
        "dashboard:login_with.key": GITHUB.id,
        "dashboard:login_came_back.key": GITHUB.id,
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


def first() -> Operator:
    """The first account of a server, which may do everything."""
    known = Operator.objects.filter(username="first").first()
    return known or Operator.objects.create_superuser("first", password="x")


def own_token(one: Actor) -> int:
    """A token of whoever asks; the first one's for a stranger."""
    return make_token(one.operator or first()).pk


def own_session(one: Actor) -> int:
    """A session of whoever asks, in another browser."""
    who = one.operator or first()
    rows = UserSession.objects.filter(user=who)
    row = rows.first() or UserSession.objects.create(
        user=who, ip="192.0.2.1", session_key=f"elsewhere-{who.pk}"
    )
    return int(row.pk)


def own_factor(one: Actor) -> int:
    """An authenticator app of whoever asks."""
    who = one.operator or first()
    row, _ = Authenticator.objects.get_or_create(user=who, type="totp", defaults={"data": {}})
    return int(row.pk)


def own_change(one: Actor) -> int:
    """A change of many nodes that whoever asks began."""
    by = one.operator or first()
    return BulkChange.objects.create(by=by, verb="hold", created_at=timezone.now()).pk


def address(route: Route, things: dict[str, Any], one: Actor) -> str:
    """A route's address, with things that exist."""
    found = {name: thing(route, name, things) for name in route.arguments}
    kwargs = {name: made(one) if callable(made) else made for name, made in found.items()}
    return reverse(route.name, kwargs=kwargs)


def thing(route: Route, argument: str, things: dict[str, Any]) -> Any:
    """What stands for an argument: said for the route, or the kind that its name begins with."""
    said = things.get(f"{route.name}.{argument}") or things.get(argument)
    if said is not None:
        return said
    kind = route.name.partition(":")[2].removeprefix("admin_").partition("_")[0]
    assert kind in things, f"say in things() what {argument} of {route.name} is"
    return things[kind]


@pytest.fixture(autouse=True)
def _all_doors_are_there(settings: Any) -> None:
    settings.STYLE_GUIDE = True
    settings.METRICS_TOKEN = METRICS_TOKEN
    settings.LOGIN_PROVIDERS = (GITHUB,)
    settings.API_REQUESTS_A_MINUTE = 0


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
    if line.route.startswith("api:") and line.method != "GET":
        # A request that cannot be understood is refused before anybody asks what it is about.
        return said not in {"no", str(NOT_FOUND), str(BAD_REQUEST), str(UNPROCESSABLE)}
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


class TestTokens:
    """A token may do no more than its scopes say, whoever made it."""

    @pytest.fixture
    def bearers(self, db: None) -> dict[Permission, Actor]:
        """An administrator's tokens, by the one scope that each has; seen as who has just that."""
        admin = actor("owner", (Role.ADMIN, "everywhere")).operator
        assert admin is not None
        return {scope: bearer(admin, scope) for scope in Permission}

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


@pytest.mark.django_db(transaction=True, serialized_rollback=True)
def test_streams_are_opened_by_whom_the_table_says(actors: list[Actor]) -> None:
    """`/events` stands in front of Django, so the table's line is walked over a socket."""
    (line,) = [line for line in LINES if line.route == "events"]
    with running() as server:
        for one in actors:
            session = (
                one.client.cookies[settings.SESSION_COOKIE_NAME].value if one.operator else ""
            )
            listener = Listener(server.address, "overview", session=session)
            assert listener.status == (200 if one.may(line) else UNAUTHORIZED), one.name
            listener.close()
