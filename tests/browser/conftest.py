"""Real Chromium, and a fleet for it to look at."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright
from pytest_django.live_server_helper import LiveServer

from oemupdates.domain.checkin import DERIVED, OBSERVED, REPORTED
from oemupdates.domain.event import Meaning
from oemupdates.domain.node import State
from oemupdates.domain.reason import Why
from oemupdates.models import (
    Answer,
    Event,
    Node,
    Operator,
    RejectedRequest,
    VersionInterval,
)
from oemupdates.services.counters import counters
from oemupdates.services.groups import channels
from oemupdates.services.nodes import nodes
from tests.servers import chromium
from tests.services.makers import make_node, make_release, seeded_channel, seeded_group

# How long a page takes on a busy machine says nothing of the page.
expect.set_options(timeout=20_000)

HOSTILE = "\"><img src=x onerror=alert(1)><script>alert('x')</script>"
LONG = "x" * 256
PASSWORD = "correct horse battery"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Window:
    """A page of the browser, with everything that it complained about."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def hear(self, message: ConsoleMessage) -> None:
        """Remember what the browser's console says of a fault."""
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def open(self, path: str) -> None:
        self.page.goto(f"{self.url}{path}")
        self.page.wait_for_load_state()

    def log_in(self, username: str = "admin") -> None:
        self.open("/login/")
        self.page.get_by_label("Username").fill(username)
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_url(f"{self.url}/")

    @property
    def overflow(self) -> int:
        """By how many pixels the page is wider than its window."""
        return int(
            self.page.evaluate(
                "document.documentElement.scrollWidth - document.documentElement.clientWidth"
            )
        )

    @property
    def is_dark(self) -> bool:
        """Whether the page is drawn on a dark ground."""
        colour = self.page.evaluate("getComputedStyle(document.body).backgroundColor")
        return max(map(int, re.findall(r"\d+", colour)[:3])) < 64


Opener = Callable[..., Window]


@pytest.fixture
def admin(transactional_db: None) -> Operator:
    return Operator.objects.create_superuser("admin", password=PASSWORD)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start a browser for the tests of a file.

    While it runs, a loop does in this thread, where Django would refuse to ask the database; but
    nothing of the loop's asks it.
    """
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def window(admin: Operator, live_server: LiveServer, browser: Browser) -> Iterator[Opener]:
    """Open a window on the server under test; what it is like is up to the test."""
    contexts = []

    def open_window(*, theme: str = "light", width: int = 1280, script: bool = True) -> Window:
        context = browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme=theme,
            java_script_enabled=script,
            permissions=["clipboard-read", "clipboard-write"],
        )
        contexts.append(context)
        # Streams are served in front of Django, and this server is Django alone.
        silence = {"content_type": "text/event-stream", "body": "retry: 60000\n\n"}
        context.route("**/events?*", lambda route: route.fulfill(**silence))
        opened = Window(context.new_page(), live_server.url)
        opened.page.on("console", opened.hear)
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.on("dialog", lambda dialog: opened.complaints.append(dialog.message))
        return opened

    yield open_window
    for context in contexts:
        context.close()


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
