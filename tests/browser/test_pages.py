"""Every page in a real browser: both themes, wide and at 360 px, with script and without."""

import pytest
from playwright.sync_api import expect

from oemupdates.domain.node import State
from tests.browser.conftest import Opener

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]


@pytest.mark.parametrize(
    ("theme", "width"),
    [("light", 1280), ("dark", 1280), ("light", 360), ("dark", 360), ("light", 960)],
)
def test_every_page_fits_and_complains_of_nothing(
    fleet: dict[str, str], window: Opener, theme: str, width: int
) -> None:
    opened = window(theme=theme, width=width)
    opened.log_in()
    for name, path in fleet.items():
        opened.open(path)
        assert opened.overflow == 0, name
        for summary in opened.page.locator("summary").all():
            summary.click()
            assert opened.overflow == 0, f"{name}: {summary.text_content()} unfolded"
            summary.click()
        expect(opened.page.locator("h1")).to_be_visible()
        assert opened.is_dark is (theme == "dark"), name
        assert opened.complaints == [], name


def test_a_fresh_server_says_how_to_start(window: Opener) -> None:
    opened = window(width=360)
    opened.log_in()
    expect(opened.page.get_by_role("heading", name="No node has called yet")).to_be_visible()
    assert opened.overflow == 0
    assert opened.complaints == []


@pytest.mark.parametrize("script", [True, False])
def test_a_node_is_found_held_and_seen_as_held(
    fleet: dict[str, str], window: Opener, *, script: bool
) -> None:
    opened = window(script=script)
    opened.log_in()
    page = opened.page
    page.get_by_role("searchbox").fill("web-3")
    page.get_by_role("searchbox").press("Enter")
    expect(page.get_by_role("heading", name="web-3")).to_be_visible()
    page.locator("summary", has_text="Hold").click()
    page.locator("#hold-because").fill("Disk is being replaced")
    page.get_by_role("button", name="Hold this node").click()
    expect(page.get_by_role("status")).to_contain_text("web-3 is held")
    expect(page.locator(".why")).to_contain_text("Held by admin: Disk is being replaced")
    opened.open("/nodes/?held=1")
    expect(page.get_by_role("link", name="web-3", exact=True)).to_be_visible()
    opened.open("/activity/")
    expect(page.get_by_role("main")).to_contain_text("admin held node web-3")


def test_a_filter_is_chosen_and_taken_away(fleet: dict[str, str], window: Opener) -> None:
    opened = window()
    opened.log_in()
    opened.open("/nodes/")
    page = opened.page
    page.locator("summary", has_text="State").click()
    page.get_by_role("link", name="Failed 1").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    assert page.url.endswith("/nodes/?q=state:failed")
    page.get_by_role("link", name="State: Failed").click()
    expect(page.locator("tbody tr")).to_have_count(len(State))


def test_a_number_leads_to_its_list(fleet: dict[str, str], window: Opener) -> None:
    opened = window()
    opened.log_in()
    opened.page.get_by_role("link", name="Rolled back").first.click()
    expect(opened.page.locator("tbody tr")).to_have_count(1)


def test_a_slash_goes_to_the_search(fleet: dict[str, str], window: Opener) -> None:
    opened = window()
    opened.log_in()
    opened.page.keyboard.press("/")
    opened.page.keyboard.type("web/")
    expect(opened.page.get_by_role("searchbox")).to_have_value("web/")


@pytest.mark.parametrize("script", [True, False])
def test_the_theme_is_switched_and_remembered(
    fleet: dict[str, str], window: Opener, *, script: bool
) -> None:
    opened = window(theme="light", script=script)
    opened.log_in()
    opened.page.locator(".menu summary").click()
    with opened.page.expect_response("**/preferences/"):
        opened.page.get_by_role("button", name="Dark").click()
    expect(opened.page.locator("html")).to_have_attribute("data-theme", "dark")
    opened.open("/groups/")
    expect(opened.page.locator("html")).to_have_attribute("data-theme", "dark")
    assert opened.is_dark
    opened.page.locator(".menu summary").click()
    opened.page.get_by_role("button", name="Log out").click()
    expect(opened.page.get_by_role("heading", name="Log in")).to_be_visible()
    assert opened.is_dark


def test_a_snippet_is_copied(fleet: dict[str, str], window: Opener) -> None:
    opened = window()
    opened.log_in()
    opened.open(fleet["group"])
    button = opened.page.locator("button.copy").first
    button.click()
    expect(button).to_have_text("Copied")
    text = opened.page.evaluate("navigator.clipboard.readText()")
    assert text == "GROUP=stable\nSERVER=http://testserver/v1/update"


@pytest.mark.parametrize("script", [True, False])
def test_a_phone_reaches_every_page_by_the_menu(
    fleet: dict[str, str], window: Opener, *, script: bool
) -> None:
    opened = window(width=360, script=script)
    opened.log_in()
    page = opened.page
    expect(page.get_by_role("link", name="Groups", exact=True)).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Groups", exact=True).click()
    expect(page.get_by_role("heading", name="Groups")).to_be_visible()
    page.locator(".menu summary").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_a_page_that_fails_still_looks_like_ours(fleet: dict[str, str], window: Opener) -> None:
    opened = window()
    opened.log_in()
    opened.open("/nowhere/")
    expect(opened.page.get_by_role("heading", name="There is nothing here")).to_be_visible()
    opened.page.get_by_role("link", name="To the overview").click()
    expect(opened.page.get_by_role("heading", name="Overview")).to_be_visible()
