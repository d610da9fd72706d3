"""Real Chromium, and a fleet for it to look at."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from oemupdates.models import Operator
from tests.servers import chromium

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


@pytest.fixture
def browser() -> Iterator[Browser]:
    """Start a browser; while it runs, a loop does in this thread, and Django asks no database.

    So a test asks for its rows before it asks for a window.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def window(admin: Operator, live_server: LiveServer, browser: Browser) -> Opener:
    """Open a window on the server under test; what it is like is up to the test."""

    def open_window(*, theme: str = "light", width: int = 1280, script: bool = True) -> Window:
        context = browser.new_context(
            viewport={"width": width, "height": 800},
            color_scheme=theme,
            java_script_enabled=script,
            permissions=["clipboard-read", "clipboard-write"],
        )
        opened = Window(context.new_page(), live_server.url)
        opened.page.on("console", opened.hear)
        opened.page.on("pageerror", lambda error: opened.complaints.append(str(error)))
        opened.page.on("dialog", lambda dialog: opened.complaints.append(dialog.message))
        return opened

    return open_window
