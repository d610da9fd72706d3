"""Every page that the URLs lead to, found by walking them: nobody has to list a new one."""

import re
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.template.loader import render_to_string
from django.test import Client

from oemupdates.domain.access import Role
from oemupdates.domain.provider import Kind, Provider
from oemupdates.models import Operator, Release
from oemupdates.services.access import roles
from oemupdates.services.carrying import bundle_keys
from tests.browser.axe import faults
from tests.browser.conftest import PASSWORD, Opener, Window
from tests.browser.pages import LEFT_OUT, administer, asked, reached
from tests.services.bundle_maker import host
from tests.services.makers import seeded_group

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(400),
]

# Folded forms lie upon each other when all of them are open; where they lie is tested closed.
PLACES = {"color-contrast": {"enabled": False}, "target-size": {"enabled": False}}
OK = 200
# Each theme and each width once: a theme changes colours, and a width where things are.
SCREENS = [("light", 1280), ("dark", 360)]
# What Chromium says of every answer that is an error page, which those here are meant to be.
MEANT = re.compile(r"Failed to load resource: .* status of (400|403|404|500)")
GITHUB = Provider(
    id="github",
    name="GitHub",
    kind=Kind.GITHUB,
    address="https://github.example.net",
    client_id="oem-fleet",
    secret="",
    roles={"example": ("viewer",)},
)


@pytest.fixture
def pages(fleet: dict[str, str], admin: Operator, settings: Any) -> dict[str, str]:
    """The address of every page, by the route's name."""
    settings.STYLE_GUIDE = True
    administer(admin)
    client = Client()
    client.force_login(admin)
    return reached(client)[0]


@pytest.fixture
def hosted(fleet: dict[str, str], settings: Any, tmp_path: Path) -> Release:
    """A release that a bundle can carry."""
    settings.PAYLOAD_DIR, settings.BUNDLE_KEY = tmp_path / "hosted", tmp_path / "key.pem"
    bundle_keys.make()
    return host(tmp_path, "4628.1.0")


def look(opened: Window, *, is_unfolded: bool = True) -> list[str]:
    """What is wrong with a page, as it comes and, unless that is left out, with all unfolded."""
    found = faults(opened.page, rules={"target-size": {"enabled": True}})
    opened.page.evaluate(
        "document.querySelectorAll('details').forEach(one => {one.name = ''; one.open = true})"
    )
    if is_unfolded:
        found += faults(opened.page, rules=PLACES)
    if opened.overflow:
        found.append(f"{opened.overflow} px wider than the window")
    found += [said for said in opened.complaints if not MEANT.match(said)]
    opened.complaints.clear()
    return found


def walk(opened: Window, addresses: dict[str, str], *, is_unfolded: bool = True) -> str:
    """What is wrong with some pages, in a line each."""
    lines = []
    for name, path in addresses.items():
        opened.open(path)
        lines += [f"{name}: {fault}" for fault in look(opened, is_unfolded=is_unfolded)]
    return "\n".join(lines)


def post(opened: Window, path: str, **said: str) -> None:
    """Send a form as a page would, from the page that is open."""
    with opened.page.expect_navigation():
        opened.page.evaluate(POST, [path, said])


POST = """([path, said]) => {
  const form = document.createElement('form');
  Object.assign(form, {method: 'post', action: path});
  form.append(document.querySelector('[name=csrfmiddlewaretoken]').cloneNode());
  for (const [name, value] of Object.entries(said)) {
    form.append(Object.assign(document.createElement('input'), {name, value}));
  }
  document.body.append(form);
  form.submit();
}"""


def test_the_walk_finds_the_pages(pages: dict[str, str], admin: Operator) -> None:
    known = {"overview", "nodes", "node", "groups", "group", "channels", "channel", "releases"}
    assert known | {"release", "activity", "rejected", "password", "style"} <= set(pages)
    pages_of_admin = {"users", "user", "roles", "tokens", "secrets", "webhooks", "webhook"}
    assert {f"admin_{name}" for name in pages_of_admin} <= set(pages)
    assert {"admin_retention", "admin_token_make", "tokens", "bulk"} <= set(pages)
    client = Client()
    client.force_login(admin)
    assert reached(client)[1] == set(LEFT_OUT)


@pytest.mark.parametrize(("theme", "width"), SCREENS)
def test_every_page_is_for_everybody(
    pages: dict[str, str], window: Opener, theme: str, width: int
) -> None:
    opened = window(theme=theme, width=width)
    assert walk(opened, {"login": "/login/"}) == ""
    opened.log_in()
    # What is folded is the same everywhere: axe looks into it once.
    assert walk(opened, pages | asked(), is_unfolded=theme == "light") == ""


@pytest.mark.parametrize(("theme", "width"), SCREENS)
def test_an_empty_fleet_is_for_everybody(window: Opener, theme: str, width: int) -> None:
    opened = window(theme=theme, width=width)
    opened.log_in()
    assert walk(opened, {"overview": "/", "nodes": "/nodes/", "channels": "/channels/"}) == ""


@pytest.mark.parametrize("role", ["viewer", "operator"])
def test_every_page_is_for_those_who_may_less(
    pages: dict[str, str], window: Opener, role: str
) -> None:
    """A viewer of the whole fleet, and an operator of one group; what is not theirs says so."""
    somebody = Operator.objects.create_user(role, password=PASSWORD)
    group = None if role == "viewer" else seeded_group()
    roles.give(somebody, Role(role), group=group, by=None)
    client = Client()
    client.force_login(somebody)
    # What refuses them is one page, which is among the errors.
    shown = {name for name, path in pages.items() if client.get(path).status_code == OK}
    opened = window(theme="dark", width=360)
    opened.log_in(role)
    # Half of the pages each: they have the same templates, with less in them.
    half = [name for number, name in enumerate(pages) if number % 2 == (role == "viewer")]
    assert (
        walk(opened, {name: pages[name] for name in half if name in shown}, is_unfolded=False)
        == ""
    )


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 360)])
def test_what_is_shown_once_is_for_everybody(
    hosted: Release, admin: Operator, window: Opener, theme: str, width: int
) -> None:
    opened = window(theme=theme, width=width)
    opened.log_in()
    steps = {
        "n" * 100: ("/tokens/make/", {"name": "n" * 100, "scopes": "fleet.read", "days": "9"}),
        "s" * 100: ("/admin/secrets/make/", {"name": "s" * 100}),
        "u" * 100: ("/admin/users/make/", {"username": "u" * 100}),
        "A bundle of 1 release": ("/releases/bundles/export/", {"releases": str(hosted.pk)}),
        "An authenticator app": ("/account/factors/app/", {}),
        "A passkey": ("/account/factors/passkey/", {}),
    }
    told = []
    for heading, (path, said) in steps.items():
        post(opened, path, **said)
        told.append(opened.page.locator("h1").inner_text())
        assert look(opened) == [], heading
    TOTP.activate(admin, "JBSWY3DPEHPK3PXP")
    post(opened, "/account/factors/codes/")
    told.append(opened.page.locator("h1").inner_text())
    assert look(opened) == []
    other = window(theme=theme, width=width)
    other.open("/login/")
    post(other, "/login/", username="admin", password=PASSWORD)
    told.append(other.page.locator("h1").inner_text())
    assert look(other) == []
    assert told == [*steps, "Recovery codes", "The second step"]


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 360)])
def test_what_went_wrong_is_said_to_everybody(
    window: Opener, settings: Any, theme: str, width: int
) -> None:
    opened = window(theme=theme, width=width)
    broken = {"status": 500, "content_type": "text/html", "body": render_to_string("500.html")}
    opened.page.route("**/broken/", lambda route: route.fulfill(**broken))
    opened.log_in()
    assert walk(opened, {"broken": "/broken/", "not there": "/nowhere/"}) == ""
    settings.LOGIN_PROVIDERS = (GITHUB,)
    stranger = window(theme=theme, width=width)
    assert walk(stranger, {"a log-in": "/login/with/github/callback/"}) == ""


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


def test_every_page_is_small_and_read_without_script(
    pages: dict[str, str], window: Opener
) -> None:
    """All that a page loads the first time, compressed as it is served, without the font."""
    plain, scripted = window(script=False), window()
    plain.log_in()
    scripted.log_in()
    heavy = {}
    for name, path in pages.items():
        told = []
        for opened in (plain, scripted):
            opened.open(path)
            main = opened.page.locator("main")
            told.append((opened.page.locator("h1").inner_text(), main.get_by_role("link").count()))
        assert told[0] == told[1], name
        assert plain.page.locator("[data-copy]:visible, [data-scripted]:visible").count() == 0
        sizes = scripted.page.evaluate(SIZES)
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
