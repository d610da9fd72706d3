"""The page that tells of the API: Swagger UI, served from here and held to our policy."""

from pathlib import Path

import pytest
import yaml
from playwright.sync_api import expect

from tests.browser.conftest import Opener

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]
DOCUMENT = Path(__file__).resolve().parent.parent.parent / "docs/openapi.yaml"


@pytest.fixture(scope="module")
def operations() -> int:
    """How many operations the committed document has."""
    return sum(len(path) for path in yaml.safe_load(DOCUMENT.read_text())["paths"].values())


@pytest.mark.parametrize(("theme", "width"), [("light", 1280), ("dark", 360)])
def test_lists_every_operation_and_tries_one(
    window: Opener, operations: int, theme: str, width: int
) -> None:
    opened = window(theme=theme, width=width)
    elsewhere: list[str] = []
    opened.page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((opened.url, "data:", "blob:"))
            else elsewhere.append(request.url)
        ),
    )
    opened.log_in()
    opened.page.locator("details.menu > summary").click()
    opened.page.get_by_role("link", name="The API").click()
    expect(opened.page.locator(".opblock").first).to_be_visible()
    # Swagger UI draws only what is in sight of a long document.
    seen: set[str] = set()
    for _ in range(200):
        seen |= set(
            opened.page.locator(".opblock").evaluate_all("blocks => blocks.map((one) => one.id)")
        )
        if len(seen) >= operations:
            break
        opened.page.mouse.wheel(0, 600)
        opened.page.wait_for_timeout(50)
    assert len(seen) == operations
    me = opened.page.locator("#operations-me-get_me")
    while not me.count():
        opened.page.mouse.wheel(0, -600)
        opened.page.wait_for_timeout(50)
    me.locator(".opblock-summary-control").click()
    me.get_by_role("button", name="Try it out").click()
    me.get_by_role("button", name="Execute").click()
    expect(me.locator(".live-responses-table .response-col_status").last).to_contain_text("200")
    expect(me.locator(".live-responses-table")).to_contain_text('"username": "admin"')
    ground = opened.page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert ("28, 32, 34" in ground) is (theme == "dark")
    assert opened.overflow == 0
    assert not opened.complaints
    assert not elsewhere
    opened.page.get_by_role("link", name="OEM Fleet", exact=False).first.click()
    opened.page.wait_for_url(f"{opened.url}/")
