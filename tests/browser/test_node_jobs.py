"""The operators' jobs that the node pages serve, in as few clicks as were promised."""

import pytest

from oemupdates.services import nodes
from tests.browser.conftest import Opener, Window
from tests.services.makers import make_node

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]


@pytest.fixture
def held(transactional_db: None) -> int:
    """The key of web-7, which is held; three others are not."""
    for number in range(3):
        make_node(name=f"db-{number}")
    return nodes.hold(make_node(name="web-7"), by=None, because="disk").pk


@pytest.fixture
def opened(held: int, window: Opener) -> Window:
    opened = window()
    opened.log_in()
    return opened


def test_one_node_is_found_by_a_key_its_name_and_enter(held: int, opened: Window) -> None:
    opened.page.keyboard.press("/")
    opened.page.keyboard.type("web-7")
    opened.page.keyboard.press("Enter")
    opened.page.wait_for_url(f"{opened.url}/nodes/{held}/")
    assert opened.complaints == []


def test_what_is_held_is_one_click_away(opened: Window) -> None:
    opened.open("/nodes/")
    opened.page.get_by_role("link", name="Held").click()
    opened.page.wait_for_url("**/nodes/?q=is:held")
    assert opened.page.get_by_role("rowheader").count() == 1


def test_an_export_is_two_clicks_away(opened: Window) -> None:
    opened.open("/nodes/")
    opened.page.locator("summary", has_text="Export").click()
    with opened.page.expect_download() as waiting:
        opened.page.get_by_role("link", name="All that match, as CSV").click()
    assert "web-7" in waiting.value.path().read_text()


def test_picked_nodes_are_held_and_given_back(opened: Window) -> None:
    page = opened.page
    opened.open("/nodes/")
    page.get_by_label("Pick db-1").check()
    page.get_by_label("Pick db-2").check()
    page.get_by_role("button", name="Hold", exact=True).click()
    page.get_by_label("Why").fill("kernel bug")
    page.get_by_role("button", name="Hold", exact=True).click()
    page.get_by_role("link", name="See or undo").click()
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("2 nodes are as before").wait_for()
    opened.open("/nodes/?q=is:held")
    assert page.get_by_role("rowheader").count() == 1
    assert opened.complaints == []
