"""What an auditor, whoever keeps the server healthy, and whoever follows come for."""

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Opener, Window

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]


def rename(window: Opener, path: str, name: str) -> None:
    """Do something, as somebody else, in another window."""
    other = window()
    other.log_in()
    other.open(path)
    other.page.locator("summary", has_text="Rename").click()
    other.page.get_by_label("Name", exact=True).fill(name)
    other.page.get_by_role("button", name="Rename").click()
    expect(other.page.get_by_role("status")).to_be_visible()


def following(window: Opener) -> Window:
    opened = window()
    opened.log_in()
    opened.page.clock.install()
    opened.open("/activity/?verb=node.renamed")
    expect(opened.page.locator("[data-live-mark]")).to_have_text("Every 10 s")
    return opened


def test_an_audit_is_exported_by_two_clicks(fleet: dict[str, str], window: Opener) -> None:
    opened = window()
    opened.log_in()
    opened.page.get_by_role("link", name="Activity").click()
    with opened.page.expect_download() as download:
        opened.page.get_by_role("link", name="CSV").click()
    path = Path(download.value.path())
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert download.value.suggested_filename.endswith(".csv")
    assert {"admin", "The system"} <= {row["Who"] for row in rows}
    assert all(len(row["Hash"]) == 64 for row in rows)
    assert opened.complaints == []


def test_the_servers_health_is_one_click_away(fleet: dict[str, str], window: Opener) -> None:
    opened = window()
    opened.log_in()
    opened.page.get_by_role("link", name="All of this server").click()
    parts = opened.page.locator("#parts")
    for part in ("Worker", "Queue", "Database", "Payload disk", "Activity"):
        expect(parts.get_by_role("rowheader", name=part, exact=True)).to_be_visible()


def test_what_is_done_appears_by_itself(fleet: dict[str, str], window: Opener) -> None:
    opened = following(window)
    rename(window, fleet["node"], "first")
    opened.page.clock.run_for(15000)
    entries = opened.page.locator("#entries li")
    expect(entries).to_have_count(1)
    expect(entries.first).to_contain_text("admin renamed node")
    assert opened.complaints == []


def test_a_list_that_is_paused_waits(fleet: dict[str, str], window: Opener) -> None:
    opened = following(window)
    button = opened.page.get_by_role("button", name="Pause")
    button.click()
    rename(window, fleet["node"], "first")
    opened.page.clock.run_for(25000)
    entries = opened.page.locator("#entries li")
    expect(entries).to_have_count(0)
    opened.page.get_by_role("button", name="Follow").click()
    expect(entries).to_have_count(1)
    expect(opened.page.get_by_role("button", name="Pause")).to_be_visible()


def test_a_filter_is_chosen_and_can_be_sent_to_a_colleague(
    fleet: dict[str, str], window: Opener
) -> None:
    opened = window()
    opened.log_in()
    opened.open("/activity/")
    opened.page.locator("summary", has_text="About").click()
    opened.page.get_by_role("main").get_by_role("link", name="Channels").click()
    entries = opened.page.locator("#entries li")
    expect(entries.first).to_contain_text("stable (amd64)")
    assert opened.page.url.endswith("/activity/?kind=channel")
    entries.first.locator("summary").click()
    expect(entries.first.get_by_role("definition").first).to_contain_text("UTC")


def test_the_bell_says_how_many_things_need_somebody(
    fleet: dict[str, str], window: Opener
) -> None:
    opened = window()
    opened.log_in()
    bell = opened.page.locator("[data-bell]")
    expect(bell).to_have_accessible_name(re.compile(r"^\d+ things need you$"))
    opened.open("/groups/")
    expect(bell.locator("b")).not_to_be_empty()
    assert opened.complaints == []


@pytest.mark.parametrize("script", [True, False])
def test_an_empty_server_is_filled_with_a_demo_by_one_button(
    window: Opener, *, script: bool
) -> None:
    opened = window(script=script)
    opened.log_in()
    opened.page.get_by_role("button", name="Load the demo fleet").click()
    expect(opened.page.get_by_role("status")).to_contain_text("The demo fleet is on its way.")
    expect(opened.page.locator("#demo")).to_contain_text("day 0 of 30")
    opened.page.get_by_role("button", name="Remove the demo fleet").click()
    expect(opened.page.locator("#demo")).to_contain_text("is being removed")
