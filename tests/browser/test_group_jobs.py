"""The operators' jobs that the group pages serve, in as few clicks as were promised."""

import http.client
import json
import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Route, expect

from oemupdates.domain.node import State
from oemupdates.models import Group, NodeCount
from oemupdates.services.access import share_links
from tests.browser.conftest import Opener
from tests.omaha.live import serving
from tests.omaha.messages import check
from tests.services.makers import make_node, seeded_group

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def beta(transactional_db: None) -> Group:
    """A group without nodes, in a fleet that has one."""
    make_node(alias="web-1")
    return seeded_group("beta")


@pytest.fixture
def door(transactional_db: None) -> Iterator[tuple[str, int]]:
    """The update endpoint, as nodes reach it."""
    with serving() as address:
        yield address


def check_in(door: tuple[str, int], track: str) -> None:
    connection = http.client.HTTPConnection(*door, timeout=20)
    connection.request("POST", "/v1/update/", check(track=track), {"Content-Type": "text/xml"})
    assert connection.getresponse().status == 200
    connection.close()


def test_a_node_is_connected_in_two_clicks_and_the_page_turns_green(
    beta: Group, door: tuple[str, int], window: Opener
) -> None:
    opened = window()
    page = opened.page
    opened.log_in()
    page.clock.install()
    page.get_by_role("link", name="Groups", exact=True).click()
    page.locator(f"#group-{beta.pk}").get_by_role("link", name="beta", exact=True).click()
    connect = page.locator("#connect")
    expect(connect.locator("pre").first).to_have_text(
        "GROUP=beta\nSERVER=http://testserver/v1/update"
    )
    line = page.locator("#arrived")
    expect(line).to_contain_text("Waiting for the first check-in")
    check_in(door, "beta")
    page.clock.run_for(15_000)
    expect(line).to_contain_text("The first check-in arrived. node-7 called just now.")
    expect(line).to_have_class("callout good")
    page.clock.run_for(15_000)
    expect(page.locator("#group-now")).to_contain_text("1 node: all report")
    assert opened.complaints == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_morning_check_takes_no_click_on_a_telephone(
    fleet: dict[str, str], window: Opener, theme: str
) -> None:
    opened = window(theme=theme, width=360)
    opened.log_in()
    page = opened.page
    tiles = page.locator("#overview .tile")
    words = " ".join(tiles.all_inner_texts()).replace("\n", " ")
    for word in ("Nodes", "Up to date", "Under way", "Waiting", "Failed", "Rolled back", "Dark"):
        assert word in words
    assert "OEM out of step" in words
    for heading in ("Needs you", "This server", "Newest releases"):
        expect(page.get_by_role("heading", name=heading)).to_be_visible()
    expect(page.locator("#overview .sentence")).to_contain_text("11 nodes: 10 report")
    assert opened.overflow == 0
    assert opened.complaints == []


def test_a_policy_says_what_it_means_while_it_is_typed(
    fleet: dict[str, str], window: Opener
) -> None:
    opened = window()
    page = opened.page
    opened.log_in()
    opened.open(fleet["group"])
    page.get_by_role("link", name="Edit policy").click()
    meaning = page.locator("#meaning")
    expect(meaning).to_contain_text("Any number of them may update at once.")
    limit = page.get_by_label("Most nodes under way at once")
    limit.press_sequentially("20")
    expect(meaning).to_contain_text("At most 20 of them are between offer and reboot at once.")
    expect(limit).to_be_focused()
    limit.press_sequentially("x")
    page.get_by_label("Track").fill("berlin")
    expect(meaning).to_contain_text("ask for track stable")
    page.get_by_label("Track").fill("beta")
    expect(meaning).to_contain_text("Nodes that ask for track beta belong to")
    page.get_by_label("Track").fill("stable")
    expect(meaning).not_to_contain_text("belong to")
    page.get_by_role("button", name="Save the policy").click()
    expect(page.get_by_role("status")).to_contain_text("The policy of stable (amd64) is changed.")
    expect(page.locator("#policy")).to_contain_text("At most 20 of them")
    assert opened.complaints == []


def test_a_policy_says_what_was_typed_before_the_script_came(
    fleet: dict[str, str], window: Opener
) -> None:
    opened = window()
    page = opened.page
    opened.log_in()
    scripts: list[Route] = []

    def keep_waiting(route: Route) -> None:
        scripts.append(route)

    page.route("**/htmx.min*.js", keep_waiting)
    page.goto(f"{opened.url}{fleet['group']}edit/", wait_until="commit")
    page.get_by_label("Most nodes under way at once").press_sequentially("20")
    expect(page.locator("#meaning")).to_contain_text("Any number of them may update at once.")
    scripts.pop().continue_()
    expect(page.locator("#meaning")).to_contain_text("At most 20 of them")
    assert opened.complaints == []


def test_a_policy_says_what_it_means_without_script(fleet: dict[str, str], window: Opener) -> None:
    opened = window(script=False)
    page = opened.page
    opened.log_in()
    opened.open(fleet["group"])
    page.get_by_role("link", name="Edit policy").click()
    page.get_by_label("Most nodes under way at once").fill("20")
    page.get_by_role("button", name="Show what it means").click()
    expect(page.locator("#meaning")).to_contain_text("At most 20 of them")
    expect(page.get_by_label("Most nodes under way at once")).to_have_value("20")
    page.get_by_role("button", name="Save the policy").click()
    expect(page.get_by_role("status")).to_contain_text("is changed")


def test_a_group_is_stopped_with_one_click_and_taken_away_by_its_name(
    beta: Group, window: Opener
) -> None:
    opened = window()
    page = opened.page
    opened.log_in()
    opened.open(f"/groups/{beta.pk}/")
    page.get_by_role("button", name="Switch updates off").click()
    expect(page.get_by_role("status")).to_contain_text("Updates of beta (amd64) are off.")
    page.locator("summary", has_text="Delete group").click()
    button = page.get_by_role("button", name="Delete this group")
    expect(button).to_be_disabled()
    page.get_by_label("Type beta to confirm").fill("beta")
    button.click()
    expect(page.get_by_role("status")).to_contain_text("beta (amd64) is taken away.")
    assert opened.complaints == []


class TestWallboard:
    """A screen on a wall, which comes with a link and nothing else."""

    @pytest.fixture
    def many(self, transactional_db: None) -> None:
        """A million nodes, as far as the counters know."""
        group = seeded_group().pk
        cells = {
            State.UP_TO_DATE: 345_567,
            State.DOWNLOADING: 456_789,
            State.FAILED: 432_211,
        }
        for state, nodes in cells.items():
            NodeCount.objects.create(
                group=group,
                version="4593.2.1",
                state=state,
                nodes=nodes,
                shard=0,
                is_dark=state is State.FAILED,
            )

    @pytest.fixture
    def address(self, request: pytest.FixtureRequest) -> str:
        if "many" not in request.fixturenames:
            request.getfixturevalue("fleet")
        link = share_links.make_wallboard("Kitchen", group=None, by=None, now=timezone.now())
        return reverse("dashboard:wallboard_shared", args=[share_links.secret_of(link)])

    @pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 360), ("dark", 1920)])
    def test_is_for_everybody(self, address: str, window: Opener, theme: str, width: int) -> None:
        opened = window(theme=theme, width=width)
        opened.open(address)
        expect(opened.page.locator("h1")).to_have_text("Fleet")
        assert Axe().run(opened.page).response["violations"] == []
        assert opened.overflow == 0
        assert opened.is_dark is (theme == "dark")
        assert opened.complaints == []

    def test_is_read_from_afar(self, address: str, window: Opener) -> None:
        opened = window()
        opened.page.set_viewport_size({"width": 1920, "height": 1080})
        opened.open(address)
        sizes = opened.page.evaluate(
            "[...document.querySelectorAll('#board dd, #board li, #board h2')]"
            ".map(one => parseFloat(getComputedStyle(one).fontSize))"
        )
        # 36 px of 1080 are 23 mm on a screen of 55 inches: read from five metres.
        assert min(sizes) >= 36
        height = opened.page.evaluate("document.documentElement.scrollHeight")
        assert height <= 1080

    @pytest.mark.parametrize("width", [1920, 1280, 700, 360])
    def test_holds_the_numbers_of_a_large_fleet(
        self, many: None, address: str, window: Opener, width: int
    ) -> None:
        opened = window(width=width)
        opened.open(address)
        numbers = opened.page.locator("#board dd")
        expect(numbers.first).to_have_text("1,234,567")
        lines = opened.page.evaluate(
            "[...document.querySelectorAll('#board dd')]"
            ".map(one => one.clientHeight / parseFloat(getComputedStyle(one).fontSize))"
        )
        assert max(lines) < 1.5
        assert opened.overflow == 0

    def test_goes_on_by_itself_and_says_how_old_it_is(self, address: str, window: Opener) -> None:
        opened = window()
        page = opened.page
        page.clock.install()
        opened.open(address)
        nodes = page.locator("#board dd").first
        fresh = page.request.get(f"{opened.url}{address}now/").text()
        # Whatever it is: other tests' nodes come and go meanwhile.
        fresh, changed = re.subn(r"<dd>[\d,]+</dd>", "<dd>4711</dd>", fresh, count=1)
        assert changed

        def answer(route: Route) -> None:
            route.fulfill(content_type="text/html", body=fresh)

        page.route("**/now/", answer)
        page.clock.run_for(11_000)
        expect(nodes).to_have_text("4711")
        mark = page.get_by_role("status")
        expect(mark).to_have_count(0)
        page.unroute("**/now/")
        page.route("**/now/", lambda route: route.abort())
        page.clock.run_for(40_000)
        expect(mark).to_contain_text("The server is not reached. These numbers are")
        expect(nodes).to_have_text("4711")
        page.clock.run_for(3 * 3600_000)
        expect(mark).to_contain_text("3 h old")
        page.unroute("**/now/")
        page.clock.run_for(11_000)
        expect(nodes).not_to_have_text("4711")
        expect(mark).to_have_count(0)

    def test_loads_itself_anew_after_a_deployment(self, address: str, window: Opener) -> None:
        opened = window()
        page = opened.page
        page.clock.install()
        opened.open(address)
        build = str(page.locator("#board").get_attribute("data-build"))
        fresh = page.request.get(f"{opened.url}{address}now/").text()
        page.evaluate("window.wasHere = true")
        body = fresh.replace(build, "another")
        page.route("**/now/", lambda route: route.fulfill(content_type="text/html", body=body))
        # While the new server is not up yet, the old page stays.
        page.route(f"**{address}", lambda route: route.fulfill(status=502))
        page.clock.run_for(11_000)
        assert page.evaluate("window.wasHere") is True
        page.unroute(f"**{address}")
        with page.expect_navigation():
            page.clock.run_for(11_000)
        assert page.evaluate("window.wasHere === undefined")

    @pytest.mark.parametrize(
        ("status", "words"),
        [(404, "This address shows nothing any more."), (500, "The server is not reached.")],
    )
    def test_says_why_it_stands_still(
        self, address: str, window: Opener, status: int, words: str
    ) -> None:
        opened = window()
        page = opened.page
        page.clock.install()
        opened.open(address)
        page.route("**/now/", lambda route: route.fulfill(status=status, body=json.dumps(1)))
        page.clock.run_for(50_000)
        expect(page.get_by_role("status")).to_contain_text(words)

    def test_says_when_nobody_is_logged_in_any_more(self, address: str, window: Opener) -> None:
        opened = window()
        opened.log_in()
        opened.page.clock.install()
        opened.open("/wallboard/")
        opened.page.context.clear_cookies()
        opened.page.clock.run_for(11_000)
        expect(opened.page.get_by_role("status")).to_contain_text("Nobody is logged in here")

    def test_is_read_without_script(self, address: str, window: Opener) -> None:
        opened = window(script=False)
        opened.open(address)
        expect(opened.page.locator("h1")).to_have_text("Fleet")
        assert 'http-equiv="refresh"' in opened.page.content()
