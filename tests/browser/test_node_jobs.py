"""The operators' jobs that the node pages serve, in as few clicks as were promised."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from oemupdates.domain.node import State
from oemupdates.models import Node, VersionInterval
from tests.browser.conftest import Opener
from tests.services.makers import make_node, seeded_group

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def name(fleet: dict[str, str]) -> str:
    """What the node is called whose update failed."""
    return str(Node.objects.get(state=State.FAILED))


@pytest.fixture
def movable(transactional_db: None) -> Node:
    """A node of one group, and another group for it."""
    seeded_group("beta")
    return make_node(alias="web-1", group=seeded_group(), track="stable")


@pytest.fixture
def updated(transactional_db: None) -> datetime:
    """Let a node go over to another version, and say when that was."""
    now = timezone.now()
    node, moved = make_node(alias="web-1", version="4593.2.1"), now - timedelta(days=5)
    for version, since, until in (
        ("4459.2.1", now - timedelta(days=30), moved),
        ("4593.2.1", moved, None),
    ):
        VersionInterval.objects.create(
            node=node, version=version, started_at=since, ended_at=until
        )
    return moved


@pytest.mark.parametrize("width", [1280, 360])
def test_why_a_node_does_not_update_is_a_name_away(
    width: int, fleet: dict[str, str], name: str, window: Opener
) -> None:
    opened = window(width=width)
    opened.log_in()
    page = opened.page
    page.keyboard.press("/")
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{fleet['node']}*")
    expect(page.get_by_role("region", name="Why")).to_be_visible()
    refused = page.get_by_role("region", name="The decision, step by step").locator("li.bad")
    expect(refused).to_have_count(1)
    expect(refused).to_contain_text("Did it fail on that release before?")
    expect(refused).to_contain_text("Its post-install step failed 3 times on 4593.2.1.")
    expect(page.get_by_role("region", name="The way to the target")).to_contain_text("4459.2.4")
    assert opened.complaints == []


def test_who_is_held_by_whom_until_when_is_one_click_from_the_overview(
    fleet: dict[str, str], window: Opener
) -> None:
    opened = window()
    opened.log_in()
    page = opened.page
    page.get_by_role("region", name="Needs you").get_by_role("link", name="held").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr").get_by_role("link").first).to_have_attribute(
        "href", fleet["held"]
    )
    expect(page.locator("tbody td[data-label=Hold]")).to_contain_text("has no end")


def test_a_node_is_moved_and_moved_back_on_a_telephone(movable: Node, window: Opener) -> None:
    opened = window(width=360)
    opened.log_in()
    opened.open(f"/nodes/{movable.pk}/")
    page = opened.page
    page.locator("summary", has_text="Move").click()
    page.get_by_label("To group").select_option("beta (amd64)")
    page.locator("#move-because").fill("Tries the next release")
    page.get_by_role("button", name="Move this node").click()
    expect(page.get_by_role("main")).to_contain_text(
        "Moved here by admin: Tries the next release."
    )
    page.locator("summary", has_text="Move back").click()
    page.get_by_role("button", name="Move it back").click()
    expect(page.get_by_role("status")).to_contain_text("where its track says")
    assert opened.overflow == 0
    assert opened.complaints == []


def test_the_past_is_asked_for_by_a_date(updated: datetime, window: Opener) -> None:
    opened = window()
    opened.log_in()
    opened.open("/nodes/")
    page = opened.page
    page.locator("summary", has_text="As of").click()
    page.get_by_label("Date and time, in UTC").fill(
        f"{updated - timedelta(days=5):%Y-%m-%dT%H:%M}"
    )
    page.get_by_role("button", name="Show it as it was").click()
    expect(page.locator("tbody tr")).to_contain_text("4459.2.1")
    page.get_by_role("link", name="web-1").click()
    expect(page.get_by_role("region", name="What it ran")).to_contain_text("4459.2.1")
    page.get_by_role("link", name="Show it as it is now").click()
    expect(page.get_by_role("region", name="The decision, step by step")).to_be_visible()
    assert opened.complaints == []
