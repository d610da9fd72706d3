"""Every page in a real browser: both themes, wide and at 360 px, with script and without."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from oemupdates.domain.checkin import DERIVED, OBSERVED, REPORTED
from oemupdates.domain.event import Meaning
from oemupdates.domain.node import State
from oemupdates.domain.reason import Why
from oemupdates.models import Answer, Event, Node, RejectedRequest, VersionInterval
from oemupdates.services import channels, counters, nodes
from tests.browser.conftest import Opener
from tests.services.makers import make_node, make_release, seeded_channel, seeded_group

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]

HOSTILE = "\"><img src=x onerror=alert(1)><script>alert('x')</script>"
LONG = "x" * 256


@pytest.fixture
def fleet(transactional_db: None) -> dict[str, str]:
    """A fleet with something of everything; gives the address of each page by name."""
    now = timezone.now()
    release = make_release("4593.2.1")
    channel = channels.set_target(seeded_channel(), release, by=None)
    channels.add_floor(channel, make_release("4459.2.4"), by=None, because="Migrates the OEM")
    channels.add_dead_end(channel, "3510.2.0", by=None, because="Reads no new payloads")
    bases = [(DERIVED, "4459.2.1"), (OBSERVED, "4459.2.0"), (OBSERVED, ""), (REPORTED, "")]
    for number, state in enumerate(State):
        basis, oem_version = bases[number % 4]
        make_node(
            alias=(HOSTILE, LONG, f"web-{number}")[min(number, 2)],
            state=state,
            oem="azure",
            oem_basis=basis,
            oem_version=oem_version,
            birth_version="2.12.0.4-r2",
            address=f"192.0.2.{number}",
            is_dark=number == 5,
            group=None if state is State.UNASSIGNED else seeded_group(),
            track="t" * 256 if state is State.UNASSIGNED else "stable",
            last_seen_at=now,
        )
    Node.objects.filter(alias=LONG).update(
        version="v" * 64, oem="o" * 64, oem_version="w" * 128, address="2001:db8:1:2:3:4:5678:9abc"
    )
    counters.repair()
    node = Node.objects.get(state=State.FAILED)
    reasons = json.dumps([[Why.POSTINST_FAILURES, "4593.2.1", "3"]])
    Node.objects.filter(pk=node.pk).update(
        reasons=reasons, answer="noupdate", target_version="4593.2.1", postinst_failures=3
    )
    Answer.objects.create(node=node, at=now, answer="noupdate", reasons=reasons)
    for hours, version in ((500, "3510.2.0"), (400, "4081.2.0"), (1, "4459.2.1")):
        VersionInterval.objects.create(
            node=node,
            version=version,
            started_at=now - timedelta(hours=hours),
            ended_at=None if hours == 1 else now,
        )
    Event.objects.create(
        node=node, at=now, meaning=Meaning.FAILED, type=3, result=0, code=5, flags="custom server"
    )
    nodes.hold(Node.objects.get(state=State.WAITING), by=None, because=HOSTILE)
    RejectedRequest.objects.create(
        day=now.date(),
        reason="malformed_xml",
        source="192.0.2.1",
        times=7,
        first_at=now,
        last_at=now,
        detail="line 3",
        sample=f"<app {HOSTILE} {LONG}>",
    )
    return {
        "overview": "/",
        "nodes": "/nodes/",
        "filtered": "/nodes/?state=failed&state=waiting&oem=azure",
        "nothing found": "/nodes/?state=failed&version=1.2.3",
        "searched": "/nodes/?q=web-",
        "node": f"/nodes/{node.pk}/",
        "held": f"/nodes/{Node.objects.get(is_held=True).pk}/",
        "hostile": f"/nodes/{Node.objects.earliest('pk').pk}/",
        "unassigned": f"/nodes/{Node.objects.get(group=None).pk}/",
        "groups": "/groups/",
        "group": f"/groups/{seeded_group().pk}/",
        "channels": "/channels/",
        "channel": f"/channels/{channel.pk}/",
        "releases": "/releases/",
        "release": f"/releases/{release.pk}/",
        "rejected": "/rejected/",
        "activity": "/activity/",
        "password": "/password/",
    }


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
    page.get_by_role("link", name="web-3", exact=True).click()
    page.locator("summary", has_text="Hold").click()
    page.get_by_placeholder("Colleagues will read this").fill("Disk is being replaced")
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
    assert page.url.endswith("/nodes/?state=failed")
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
    assert text == "SERVER=http://testserver/v1/update\nGROUP=stable"


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
