"""Every page that the URLs lead to, found by walking them: nobody has to list a new one."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from oemupdates.domain.access import Permission, Role
from oemupdates.models import (
    Activity,
    Advisory,
    DeadEnd,
    Floor,
    Node,
    Oem,
    Operator,
    RejectedRequest,
    SyncRun,
    Upstream,
    Webhook,
    WebhookDelivery,
)
from oemupdates.services import (
    catalogue,
    operators,
    proposals,
    roles,
    sync_runs,
    tokens,
    update_secrets,
    upstreams,
    webhooks,
)
from tests.browser.axe import faults
from tests.browser.conftest import Opener
from tests.services.makers import seeded_channel, seeded_group

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(400),
]

# Folded forms lie upon each other when all of them are open; where they lie is tested closed.
PLACES = {"color-contrast": {"enabled": False}, "target-size": {"enabled": False}}
SCREENS = [("light", 1280), ("dark", 1280), ("light", 360), ("dark", 360)]
# The API is for scripts; the page that describes it is Swagger's own.
NOT_PAGES = "api/"


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


@pytest.fixture
def pages(fleet: dict[str, str], admin: Operator, settings: Any) -> dict[str, str]:
    """The address of every page, by the route's name."""
    settings.STYLE_GUIDE = True
    _administer(admin)
    client = Client()
    client.force_login(admin)
    found = {}
    for route in routes(get_resolver().url_patterns):
        if route.path.startswith(NOT_PAGES):
            continue
        address = "/" + _filled(route)
        answer = client.get(address, headers={"accept": "text/html"})
        is_html = answer.headers.get("content-type", "").startswith("text/html")
        if answer.status_code == 200 and is_html and b"<html" in answer.content:
            found[route.name] = address
    return found


def _administer(admin: Operator) -> None:
    """Something of everything that Admin's pages show."""
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
    wide = catalogue.Terms(name="n" * 64, tools=("t" * 64, "u" * 64), source="s" * 200)
    catalogue.add("o" * 64, wide, by=admin)


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
    }
    parts = []
    for part in route.path.split("/"):
        key = part
        if part.startswith("<"):
            name = part.strip("<>").rpartition(":")[2]
            kind = route.name.removeprefix("admin_").partition("_")[0]
            stem = kind if name == "pk" else name
            row = rows.get(stem)
            key = str(row.pk) if row else "1"
        parts.append(key)
    return "/".join(parts)


def test_the_walk_finds_the_pages(pages: dict[str, str]) -> None:
    known = {"overview", "nodes", "node", "groups", "group", "channels", "channel", "releases"}
    assert known | {"release", "activity", "rejected", "password", "style"} <= set(pages)
    admin = {"users", "user", "roles", "tokens", "secrets", "webhooks", "webhook", "retention"}
    assert {f"admin_{name}" for name in admin} | {"admin_token_make", "tokens"} <= set(pages)


@pytest.mark.parametrize(("theme", "width"), SCREENS)
def test_every_page_is_for_everybody(
    pages: dict[str, str], window: Opener, theme: str, width: int
) -> None:
    opened = window(theme=theme, width=width)
    opened.open("/login/")
    found = {"login": faults(opened.page, rules={"target-size": {"enabled": True}})}
    opened.log_in()
    for name, path in pages.items():
        opened.open(path)
        found[name] = faults(opened.page, rules={"target-size": {"enabled": True}})
        opened.page.evaluate(
            "document.querySelectorAll('details').forEach(one => {one.name = ''; one.open = true})"
        )
        found[name] += faults(opened.page, rules=PLACES)
        if opened.overflow:
            found[name].append(f"{opened.overflow} px wider than the window")
        found[name] += opened.complaints
        opened.complaints.clear()
    told = "\n".join(f"{name}: {fault}" for name, found_on in found.items() for fault in found_on)
    assert told == ""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_opens_over_a_page_is_for_everybody(
    fleet: dict[str, str], window: Opener, theme: str
) -> None:
    opened = window(theme=theme)
    opened.log_in()
    page = opened.page
    page.keyboard.press("Control+k")
    page.get_by_role("option").first.wait_for()
    assert faults(page) == []
    page.keyboard.press("Escape")
    page.locator("#palette").wait_for(state="hidden")
    page.keyboard.press("?")
    page.get_by_role("dialog", name="Keyboard").wait_for()
    assert faults(page) == []


@pytest.mark.parametrize(("theme", "width"), SCREENS)
def test_the_style_guide_has_its_picture_taken(
    window: Opener, settings: Any, tmp_path: Path, theme: str, width: int
) -> None:
    settings.STYLE_GUIDE = True
    opened = window(theme=theme, width=width)
    opened.log_in()
    opened.open("/style/")
    opened.page.locator("#line canvas").wait_for()
    picture = opened.page.screenshot(path=tmp_path / f"{theme}-{width}.png", full_page=True)
    assert len(picture) > 100_000
    assert opened.is_dark is (theme == "dark")
    assert opened.complaints == []


def test_every_page_is_read_without_script(pages: dict[str, str], window: Opener) -> None:
    plain, scripted = window(script=False), window()
    plain.log_in()
    scripted.log_in()
    for name, path in pages.items():
        told = []
        for opened in (plain, scripted):
            opened.open(path)
            main = opened.page.locator("main")
            told.append((opened.page.locator("h1").inner_text(), main.get_by_role("link").count()))
        assert told[0] == told[1], name
        assert plain.page.locator("[data-copy]:visible, [data-scripted]:visible").count() == 0


def test_every_page_is_small(pages: dict[str, str], window: Opener) -> None:
    """All that a page loads the first time, compressed as it is served, without the font."""
    opened = window()
    opened.log_in()
    heavy = {}
    for name, path in pages.items():
        opened.open(path)
        sizes = opened.page.evaluate(SIZES)
        # The style guide holds every part at once, and is shown by development servers alone.
        if sum(sizes.values()) > MOST_BYTES and name != "style":
            heavy[name] = sizes
    assert heavy == {}


MOST_BYTES = 60 * 1024
# What the browser was sent of each file, compressed here as the server's files are.
SIZES = """async () => {
  const names = performance.getEntriesByType('resource').map(one => one.name);
  const ours = names.filter(name => /\\.(css|js|svg)$/.test(new URL(name).pathname));
  const sizes = {};
  for (const name of [location.href, ...ours]) {
    const body = (await fetch(name)).body.pipeThrough(new CompressionStream('gzip'));
    sizes[name] = (await new Response(body).arrayBuffer()).byteLength;
  }
  return sizes;
}"""


def test_focus_is_seen_wherever_it_goes(pages: dict[str, str], window: Opener) -> None:
    opened = window()
    opened.log_in()
    opened.open("/nodes/")
    seen = 0
    for _stop in range(40):
        opened.page.keyboard.press("Tab")
        style = opened.page.evaluate(
            "(({outlineStyle, outlineWidth}) => [outlineStyle, outlineWidth])"
            "(getComputedStyle(document.activeElement))"
        )
        assert style[0] != "none", opened.page.evaluate("document.activeElement.outerHTML")
        seen += 1
    assert seen == 40


def test_nothing_moves_for_those_who_ask_for_rest(pages: dict[str, str], window: Opener) -> None:
    opened = window()
    opened.page.emulate_media(reduced_motion="reduce")
    opened.log_in()
    moving = (
        "[...document.querySelectorAll('*')].filter(one => {const s = getComputedStyle(one);"
        " return s.transitionDuration.split(', ').some(t => t !== '0s')"
        " || s.animationName !== 'none'}).length"
    )
    assert opened.page.evaluate(moving) == 0
    opened.page.emulate_media(reduced_motion="no-preference")
    assert opened.page.evaluate(moving) > 0
