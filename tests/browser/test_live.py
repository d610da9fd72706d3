"""Pages that stay fresh by themselves, and hold still under the pointer."""

import json
import re

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.conftest import Opener, Window

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture(autouse=True)
def style_guide(settings) -> None:
    settings.STYLE_GUIDE = True


def stream(page: Page, *topics: str) -> None:
    """Let the page's stream say once that topics changed; then it is silent."""
    told = []

    def answer(route: Route) -> None:
        lines = [f"event: changed\ndata: {json.dumps({'topic': topic})}\n\n" for topic in topics]
        body = "retry: 60000\n\n" + ("" if told else "".join(lines))
        told.append(1)
        route.fulfill(content_type="text/event-stream", body=body)

    page.route("**/events?*", answer)


def guide(window: Opener, *, topics: tuple[str, ...] | None = None) -> Window:
    opened = window()
    opened.log_in()
    opened.page.clock.install()
    if topics is not None:
        stream(opened.page, *topics)
    opened.open("/style/")
    return opened


def drawn(opened: Window) -> str:
    return opened.page.locator("#live-region b").inner_text()


def hold_a_node(window: Opener, path: str) -> None:
    """Do something, as somebody else, in another window."""
    other = window()
    other.log_in()
    other.open(path)
    other.page.locator("summary", has_text="Hold").click()
    other.page.locator("#hold-because").fill("Disk is being replaced")
    other.page.get_by_role("button", name="Hold this node").click()
    expect(other.page.get_by_role("status")).to_contain_text("is held")


def switch_updates_off(window: Opener, path: str) -> None:
    """The same, with a whole group."""
    other = window()
    other.log_in()
    other.open(path)
    other.page.get_by_role("button", name="Switch updates off").click()
    expect(other.page.get_by_role("status")).to_contain_text("are off")


def test_a_change_is_shown_when_the_stream_says_so(window: Opener) -> None:
    opened = guide(window, topics=("overview",))
    before = opened.page.content().partition("Drawn at <b>")[2][:15]
    expect(opened.page.locator("#live-region b")).not_to_have_text(before)
    assert opened.complaints == []


def test_without_a_stream_the_page_asks_every_ten_seconds(window: Opener) -> None:
    opened = guide(window)
    mark = opened.page.locator("[data-live-mark]")
    expect(mark).to_have_text("Every 10 s")
    opened.page.clock.run_for(3000)
    before = drawn(opened)
    opened.page.clock.run_for(10000)
    expect(opened.page.locator("#live-region b")).not_to_have_text(before)


def test_a_server_that_is_gone_is_told_of(window: Opener) -> None:
    opened = guide(window)
    expect(opened.page.locator("[data-live-mark]")).to_have_text("Every 10 s")
    opened.page.route("**/style/", lambda route: route.abort())
    opened.page.clock.run_for(15000)
    expect(opened.page.locator("[data-live-mark]")).to_contain_text("Stale since")


def test_a_list_changes_by_itself(fleet: dict[str, str], window: Opener) -> None:
    opened = guide(window)
    hold_a_node(window, fleet["node"])
    opened.page.clock.run_for(15000)
    expect(opened.page.locator("#live-list li").first).to_contain_text("node.held")


def test_nothing_jumps_under_the_pointer(fleet: dict[str, str], window: Opener) -> None:
    opened = guide(window)
    rows = opened.page.locator("#live-list li")
    before = rows.first.inner_text()
    opened.page.clock.run_for(3000)
    rows.nth(1).hover()
    hold_a_node(window, fleet["node"])
    opened.page.clock.run_for(15000)
    line = opened.page.locator("#live-list .fresh")
    expect(line).to_have_text(re.compile(r"^\d new: show$"))
    assert rows.first.inner_text() == before
    line.click()
    expect(rows.first).to_contain_text("node.held")
    expect(line).to_have_count(0)


@pytest.mark.parametrize("way", ["pointer", "key"])
def test_the_overview_holds_still_under_who_is_about_to_click(
    fleet: dict[str, str], window: Opener, way: str
) -> None:
    opened = window()
    page = opened.page
    opened.log_in()
    page.clock.install()
    stream(page)
    opened.open("/")
    needs = page.get_by_role("region", name="Needs you").get_by_role("link")
    held, last = needs.filter(has_text="held by operators"), needs.last
    page.clock.run_for(3000)
    if way == "pointer":
        last.hover()
    else:
        last.focus()
    number, place = needs.count(), last.bounding_box()
    # A number is text, and changes where it stands.
    expect(held).to_contain_text("1 node ")
    hold_a_node(window, fleet["node"])
    page.clock.run_for(11000)
    expect(held).to_contain_text("2 nodes ")
    assert last.bounding_box() == place
    # One matter more waits until nobody is there.
    switch_updates_off(window, fleet["group"])
    page.clock.run_for(11000)
    line = page.locator("#overview > .fresh")
    expect(line).to_have_text("Changed: show")
    assert (needs.count(), last.bounding_box()) == (number, place)
    page.mouse.move(2, 2)
    page.evaluate("document.activeElement.blur()")
    page.clock.run_for(3000)
    expect(needs).to_have_count(number + 1)
    expect(line).to_have_count(0)
    assert opened.complaints == []


def test_what_somebody_folded_open_stays_open(window: Opener) -> None:
    opened = guide(window)
    opened.page.locator("#shares summary").click()
    opened.page.clock.run_for(25000)
    expect(opened.page.locator("#shares details")).to_have_attribute("open", "")


def test_a_chart_is_drawn_in_both_themes(window: Opener) -> None:
    opened = window(theme="dark")
    opened.log_in()
    opened.open("/style/")
    canvas = opened.page.locator("#shares canvas")
    expect(canvas).to_be_visible()
    expect(opened.page.locator("#shares .uplot")).to_have_count(1)
    opened.page.emulate_media(color_scheme="light")
    expect(canvas).to_be_visible()
    assert opened.complaints == []
