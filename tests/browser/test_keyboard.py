"""The keyboard alone: pages, rows, picking, help, and the palette that goes anywhere."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opener

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture(autouse=True)
def style_guide(settings) -> None:
    settings.STYLE_GUIDE = True


@pytest.mark.parametrize(
    ("keys", "heading"),
    [("gn", "Nodes"), ("gg", "Groups"), ("gr", "Releases"), ("ga", "Activity")],
)
def test_g_and_a_letter_go_to_a_page(
    fleet: dict[str, str], window: Opener, keys: str, heading: str
) -> None:
    opened = window()
    opened.log_in()
    opened.page.keyboard.type(keys)
    expect(opened.page.get_by_role("heading", level=1)).to_have_text(heading)


def test_keys_are_letters_where_somebody_types(fleet: dict[str, str], window: Opener) -> None:
    opened = window()
    opened.log_in()
    opened.page.keyboard.press("/")
    opened.page.keyboard.type("gn?x/")
    expect(opened.page.get_by_role("searchbox")).to_have_value("gn?x/")
    expect(opened.page.locator("#keys")).to_be_hidden()


def test_rows_are_walked_picked_and_opened(window: Opener) -> None:
    opened = window()
    opened.log_in()
    opened.open("/style/")
    page = opened.page
    table = page.locator("table[data-rows]")
    row = table.locator("tr:has(:focus)")
    for key in "jjjk":
        page.keyboard.press(key)
    expect(row).to_contain_text("web-2")
    bulk = page.locator("[data-bulk]")
    expect(bulk).to_be_hidden()
    page.keyboard.press("x")
    expect(bulk).to_contain_text("1 picked")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(bulk).to_contain_text("2 picked")
    page.keyboard.press("x")
    expect(bulk).to_contain_text("1 picked")


def test_nodes_are_exported_and_held_by_key(fleet: dict[str, str], window: Opener) -> None:
    opened = window()
    opened.log_in()
    opened.open("/nodes/")
    page = opened.page
    page.keyboard.press("h")  # nothing is picked: nothing to hold
    page.keyboard.press("e")
    expect(page.get_by_role("link", name="All that match, as CSV")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("h")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Hold 1 node")
    assert opened.complaints == []


def test_what_needs_somebody_is_walked_and_opened(fleet: dict[str, str], window: Opener) -> None:
    opened = window()
    opened.log_in()
    page = opened.page
    first = page.locator(".matters a").first
    page.keyboard.press("j")
    expect(first).to_be_focused()
    url = first.get_attribute("href") or ""
    page.keyboard.press("Enter")
    expect(page).to_have_url(opened.url + url)


def test_a_question_mark_tells_the_keys(fleet: dict[str, str], window: Opener) -> None:
    opened = window()
    opened.log_in()
    opened.page.keyboard.press("?")
    help_sheet = opened.page.get_by_role("dialog", name="Keyboard")
    expect(help_sheet).to_contain_text("Next row, row before")
    expect(help_sheet).to_contain_text("Releases")
    opened.page.keyboard.press("Escape")
    expect(help_sheet).to_be_hidden()


def test_the_palette_finds_a_node_without_a_mouse(fleet: dict[str, str], window: Opener) -> None:
    opened = window()
    opened.log_in()
    page = opened.page
    page.keyboard.press("Control+k")
    box = page.get_by_role("combobox")
    expect(box).to_be_focused()
    expect(page.get_by_role("option", selected=True)).to_contain_text("Overview")
    page.keyboard.type("web-4")
    expect(page.get_by_role("option")).to_have_count(1)
    expect(box).to_have_attribute("aria-activedescendant", "palette-0")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("web-4")
    assert opened.complaints == []


def test_the_palette_is_walked_with_arrows(fleet: dict[str, str], window: Opener) -> None:
    opened = window()
    opened.log_in()
    page = opened.page
    page.keyboard.press("Control+k")
    selected = page.get_by_role("option", selected=True)
    expect(selected).to_contain_text("Overview")
    page.keyboard.press("ArrowDown")
    expect(selected).to_contain_text("Nodes")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    expect(selected).to_have_attribute("id", "palette-11")
    page.keyboard.press("Escape")
    expect(page.get_by_role("combobox")).to_be_hidden()


def test_a_key_right_after_the_palette_is_no_letter(fleet: dict[str, str], window: Opener) -> None:
    """The hidden box has the focus until the browser paints: a fast hand is heard all the same."""
    opened = window()
    opened.log_in()
    opened.page.keyboard.press("Control+k")
    expect(opened.page.get_by_role("combobox")).to_be_focused()
    opened.page.evaluate(
        """() => {
            document.getElementById("palette").close();
            const key = new KeyboardEvent("keydown", { key: "?", bubbles: true });
            document.querySelector("#palette input").dispatchEvent(key);
        }"""
    )
    expect(opened.page.locator("#keys")).to_be_visible()


def test_the_palette_does_what_the_page_can_do(fleet: dict[str, str], window: Opener) -> None:
    opened = window()
    opened.log_in()
    opened.open(fleet["node"])
    page = opened.page
    page.keyboard.press("Control+k")
    page.keyboard.type("rename")
    found = page.locator("#palette").get_by_role("option", selected=True)
    expect(found).to_contain_text("action here")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name", exact=True)).to_be_visible()


def test_a_name_is_typed_before_a_thing_is_gone(window: Opener) -> None:
    opened = window()
    opened.log_in()
    opened.open("/style/")
    page = opened.page
    page.locator("summary", has_text="Archive").click()
    button = page.get_by_role("button", name="Archive this group")
    expect(button).to_be_disabled()
    page.get_by_label("to confirm").fill("berli")
    expect(button).to_be_disabled()
    page.get_by_label("to confirm").fill("berlin")
    expect(button).to_be_enabled()
