"""Where every page is, found by walking the URLs, and a row of everything for them to show."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from oemupdates.domain.access import Permission, Role
from oemupdates.models import (
    Activity,
    Advisory,
    BulkChange,
    Component,
    ComponentImage,
    ComponentPoll,
    DeadEnd,
    Floor,
    Node,
    Oem,
    Operator,
    RejectedRequest,
    ShareLink,
    SyncRun,
    Upstream,
    Webhook,
    WebhookDelivery,
)
from oemupdates.services.access import operators, roles, share_links, tokens, update_secrets
from oemupdates.services.components import component_wants, components
from oemupdates.services.news import webhooks
from oemupdates.services.oem import catalogue
from oemupdates.services.sync import proposals, sync_runs, upstreams
from tests.api.component_maker import make_component, make_row
from tests.services.makers import (
    make_advisory,
    make_release,
    seeded_channel,
    seeded_group,
)

# The API is for scripts; the page that describes it is Swagger's own.
NOT_PAGES = "api/"
WRONG_METHOD = 405
# What a browser may fetch that is no page by its address alone, and why the walk leaves it out.
LEFT_OUT = {
    "activity_export": "a file",
    "activity_newest": "a part of its page",
    "badge": "a picture",
    "bell": "a part of every page",
    "bulk_plan": "a page once nodes are chosen: among the others",
    "demo_now": "a part of the overview",
    "group_arrived": "a part of its page",
    "group_butane": "a file",
    "group_ignition": "a file",
    "group_now": "a part of its page",
    "livez": "for machines",
    "login": "a page for strangers: looked at before the log-in",
    "login_came_back": "a page of a provider's answer: among the errors",
    "login_second": "a page within a log-in: walked by itself",
    "metrics": "for Prometheus",
    "nodes_export": "a file",
    "overview_now": "a part of its page",
    "palette": "opens over a page: looked at there",
    "readyz": "for machines",
    "start_arrived": "a part of the overview",
    "wallboard_now": "a part of its page",
    "wallboard_shared_now": "a part of its page",
}


@dataclass(frozen=True)
class Route:
    """An address as the URLs write it, and the name it goes by."""

    name: str
    path: str


def routes(patterns: list[Any], before: str = "") -> Iterator[Route]:
    for pattern in patterns:
        path = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, path)
        elif isinstance(pattern, URLPattern):
            yield Route(pattern.name or "", path)


def reached(client: Client) -> tuple[dict[str, str], set[str]]:
    """Addresses of the pages by their routes' names, and the routes that give no page."""
    found, others = {}, set()
    for route in routes(get_resolver().url_patterns):
        if route.path.startswith(NOT_PAGES):
            continue
        address = "/" + _filled(route)
        answer = client.get(address, headers={"accept": "text/html"})
        is_html = answer.headers.get("content-type", "").startswith("text/html")
        if answer.status_code == 200 and is_html and b"<html" in answer.getvalue():
            found[route.name] = address
        elif answer.status_code != WRONG_METHOD:
            others.add(route.name)
    return found, others


def asked() -> dict[str, str]:
    """Pages that an address has only with a question."""
    at = (timezone.now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%MZ")
    older, newer = make_release("4081.2.0"), seeded_channel().target
    assert newer is not None
    node = Node.objects.exclude(group=None).filter(is_held=False)[0]
    return {
        "a change planned": f"/nodes/bulk/?verb=label&key={node.pk}",
        "a move planned": "/nodes/bulk/?verb=move&all=1&q=oem:azure",
        "the overview then": f"/?at={at}",
        "nodes then": f"/nodes/?at={at}",
        "held nodes, with a column more": "/nodes/?held=1",
        "a node then": f"/nodes/{node.pk}/?at={at}",
        "releases compared": f"/releases/{newer.pk}/compare/?with={older.pk}",
        "a channel's way back": f"/channels/{seeded_channel().pk}/move/?release={older.pk}",
        "what is not there": "/nodes/999999/",
    }


def administer(admin: Operator) -> None:
    """Something of everything that Admin's pages show, and a change of many nodes."""
    robot = operators.create_service_account("robot", by=admin)
    roles.give(robot, Role.OPERATOR, group=seeded_group(), by=admin)
    terms = tokens.Terms([Permission.READ_FLEET], [seeded_group()], networks=["192.0.2.0/24"])
    tokens.create(owner=robot, by=admin, name="n" * 100, terms=terms)
    tokens.create(owner=admin, by=admin, name="mine", terms=tokens.Terms([*Permission]))
    secret = update_secrets.create("s" * 100, by=admin, group=seeded_group()).secret
    update_secrets.rotate(secret, by=admin)
    hook = webhooks.create(
        webhooks.Terms("w" * 100, f"https://{'h' * 60}.example/", ["*"]), by=admin
    )
    delivery = webhooks.test(hook.webhook, by=admin)
    WebhookDelivery.objects.filter(pk=delivery.pk).update(
        attempt=2, error="e" * 300, answer="a" * 500, status=500, milliseconds=12
    )
    _sync()
    _components(admin)
    share_links.make_wallboard("k" * 64, group=None, by=admin, now=timezone.now())
    make_advisory(own=True)
    BulkChange.objects.create(
        by=admin,
        verb="hold",
        why="y" * 300,
        query="oem:azure",
        expected=1000,
        done=400,
        refused=2,
        refusals={"r" * 100: 2},
        created_at=timezone.now(),
    )
    wide = catalogue.Terms(name="n" * 64, tools=("t" * 64, "u" * 64), source="s" * 200)
    catalogue.add("o" * 64, wide, by=admin)


def _components(admin: Operator) -> None:
    """A component with a long name that a group wants, an image withdrawn, and who asked."""
    component = make_component("c" * 64, "1.0.0", "2" * 64, bound_to="4593.2.1")
    bad = make_row(component, "1.1.0", architecture="arm64")
    components.withdraw(bad, why="w" * 300, by=admin)
    component_wants.want(seeded_group(), component, up_to="1.0.0", by=admin, why="y" * 300)
    ComponentPoll.objects.bulk_create(
        ComponentPoll(
            node=node,
            component=component,
            polled_at=timezone.now(),
            boot_id="b" * 32,
            os_version="4" * 64,
            withheld="none_fits",
            took="2" * 64,
            took_at=timezone.now(),
        )
        for node in Node.objects.all()
    )
    make_component("other", "1.0.0")


def _sync() -> None:
    """A run in the middle, one that failed, and a release that is proposed."""
    upstream = upstreams.add(upstreams.Terms("u" * 64, "public"), by=None)
    channel = seeded_channel()
    for one in (channel, seeded_channel("beta")):
        upstreams.subscribe(upstream, one, by=None)
    failed = sync_runs.claim(sync_runs.ask(upstream, channel, by=None).pk)
    assert failed is not None
    sync_runs.settle(failed, sync_runs.Outcome(["c" * 90], ["r" * 90], "p" * 300))
    run = sync_runs.claim(sync_runs.ask(upstream, seeded_channel("beta"), by=None).pk)
    assert run is not None
    SyncRun.objects.filter(pk=run.pk).update(
        doing="Fetching " + "f" * 128, files_total=9, bytes_done=10**9, bytes_total=3 * 10**9
    )
    assert channel.target is not None
    proposals.propose(upstream, channel, channel.target, [("4459.2.1", "because " * 40)])


def _filled(route: Route) -> str:
    """A route's address with the keys of rows that exist."""
    link = ShareLink.objects.wallboards().first()
    rows: dict[str, Any] = {
        "node": Node.objects.filter(is_held=False).order_by("state").first(),
        "group": seeded_group(),
        "channel": seeded_channel(),
        "release": seeded_channel().target,
        "floor": Floor.objects.first(),
        "dead_end": DeadEnd.objects.first(),
        "activity": Activity.objects.last(),
        "rejected": RejectedRequest.objects.first(),
        "operator": Operator.objects.first(),
        "user": Operator.objects.first(),
        # Tokens are made for a service account.
        "token": Operator.objects.filter(is_service_account=True).first(),
        "webhook": Webhook.objects.first(),
        "upstream": Upstream.objects.first(),
        "oem": Oem.objects.filter(is_custom=True).first(),
        "security": Advisory.objects.first(),
        "bulk": BulkChange.objects.first(),
        # Its page goes by its name, which no number can be.
        "component": str(Component.objects.first() or "none"),
        "component_image": ComponentImage.objects.first(),
        # What opens a wallboard to a screen.
        "link": link and share_links.secret_of(link),
    }
    parts = []
    for part in route.path.split("/"):
        key = part
        if part.startswith("<"):
            name = part.strip("<>").rpartition(":")[2]
            kind = route.name.removeprefix("admin_").partition("_")[0]
            kind = "component_image" if "component_image" in route.name else kind
            stem = {"pk": kind, "secret": "link"}.get(name, name)
            row = rows.get(stem)
            key = str(getattr(row, "pk", row)) if row else "1"
        parts.append(key)
    return "/".join(parts)
