"""What administrators do by page, and what scripts and nodes can do after it."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from playwright.sync_api import Page, expect

from oemupdates.services.access import proof, update_secrets
from tests.browser.conftest import PASSWORD, Opener, Window
from tests.browser.test_every_page import faults
from tests.omaha.door import serving
from tests.omaha.messages import check
from tests.services.makers import make_operator

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(200),
]


def check_in(value: str) -> int:
    """Check in by a secret at a server of one's own, in a thread: the browser's loop is here."""

    def ask() -> int:
        with serving() as door:
            return door.post(check(), f"/v1/update/{value}").status

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(ask).result()


def shown(page: Page) -> str:
    """What a page shows once."""
    return page.locator(".snippet code").first.inner_text()


@pytest.fixture
def first(transactional_db: None) -> str:
    """A secret that nodes have already."""
    return update_secrets.create("all nodes", by=make_operator()).value


@pytest.fixture
def opened(window: Opener) -> Window:
    opened = window()
    opened.log_in()
    return opened


def test_a_token_is_made_used_and_revoked(opened: Window) -> None:
    page = opened.page
    opened.open("/tokens/")
    page.get_by_role("link", name="Make a token of your own").click()
    page.get_by_label("Name", exact=True).fill("nightly export")
    page.get_by_label("See nodes, groups").check()
    page.get_by_role("button", name="Make the token").click()
    secret = shown(page)
    bearing = {"Authorization": f"Bearer {secret}"}
    me = page.request.get(f"{opened.url}/api/v1/me", headers=bearing).json()
    assert (me["username"], me["token"]) == ("admin", "nightly export")
    hold = page.request.post(f"{opened.url}/api/v1/groups", headers=bearing, data={"name": "x"})
    assert hold.status == 403
    opened.open("/tokens/")
    expect(page.get_by_role("rowheader")).to_contain_text("nightly export")
    page.locator("summary", has_text="Revoke").click()
    page.get_by_role("button", name="Revoke nightly export").click()
    expect(page.get_by_text("is revoked")).to_be_visible()
    assert page.request.get(f"{opened.url}/api/v1/me", headers=bearing).status == 401
    assert opened.complaints == []


def test_a_secret_is_rotated_and_both_let_nodes_in(first: str, opened: Window) -> None:
    page = opened.page
    opened.open("/admin/secrets/")
    row = page.get_by_role("row").filter(has_text="all nodes")
    row.get_by_text("Rotate", exact=True).click()
    page.get_by_label("The former is valid for days more").fill("14")
    page.get_by_role("button", name="Rotate all nodes").click()
    (second,) = re.findall(r"/v1/update/(\S+)", shown(page))
    assert second != first
    assert (check_in(first), check_in(second), check_in("guess")) == (200, 200, 404)
    opened.open("/admin/secrets/")
    former = page.get_by_role("row").filter(has_text="in 13 d")
    expect(former).to_contain_text("192.0.2.7")
    former.get_by_text("Revoke", exact=True).click()
    button = page.get_by_role("button", name="Revoke at once")
    expect(button.locator("visible=true")).to_be_disabled()
    page.get_by_label("to confirm").locator("visible=true").fill("all nodes")
    button.locator("visible=true").click()
    expect(page.get_by_text("is revoked")).to_be_visible()
    assert (check_in(first), check_in(second)) == (404, 200)
    assert opened.complaints == []


def test_somebody_is_let_in_and_comes_with_the_password(opened: Window, window: Opener) -> None:
    page = opened.page
    opened.open("/admin/users/")
    page.get_by_role("link", name="Let somebody in").click()
    page.get_by_label("Username").fill("ann")
    page.get_by_role("button", name="Make it").click()
    password = shown(page)
    page.get_by_text("Give a role", exact=True).click()
    page.get_by_label("Role", exact=True).select_option("viewer")
    page.get_by_role("button", name="Give the role").click()
    expect(page.get_by_role("rowheader", name="Viewer")).to_be_visible()
    theirs = window()
    theirs.open("/login/")
    theirs.page.get_by_label("Username").fill("ann")
    theirs.page.get_by_label("Password").fill(password)
    theirs.page.get_by_role("button", name="Log in").click()
    expect(theirs.page.get_by_role("heading", name="Choose a password")).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_is_dangerous_asks_who_it_is_and_goes_on(
    window: Opener, monkeypatch: pytest.MonkeyPatch, theme: str
) -> None:
    opened = window(theme=theme, width=360)
    opened.log_in()
    page = opened.page
    monkeypatch.setattr(proof, "LASTS_SECONDS", 0)
    opened.open("/admin/secrets/")
    page.get_by_text("Make a secret").click()
    page.get_by_label("Name").locator("visible=true").last.fill("all nodes")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("heading", name="Is it you?")).to_be_visible()
    assert faults(page) == []
    assert opened.overflow <= 0
    page.get_by_label("Password").fill("a guess")
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("alert")).to_contain_text("That was not it.")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="What nodes are told")).to_be_visible()
    assert opened.complaints == []


def test_admin_is_one_click_from_anywhere_and_each_page_one_more(opened: Window) -> None:
    page = opened.page
    opened.open("/nodes/")
    page.get_by_role("link", name="Admin").click()
    tabs = page.get_by_role("navigation", name="Admin").get_by_role("link")
    labels = tabs.all_inner_texts()
    assert labels[:4] == ["Overview", "Users", "Roles", "Tokens"]
    for label in labels[1:]:
        opened.open("/admin/")
        page.get_by_role("navigation", name="Admin").get_by_role("link", name=label).click()
        expect(page.get_by_role("heading", level=1)).to_contain_text(label)
    assert opened.complaints == []
