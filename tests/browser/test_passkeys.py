"""A passkey in real Chromium: made, and shown at the next log-in."""

import pytest
from playwright.sync_api import expect

from oemupdates.models import Operator
from tests.browser.conftest import PASSWORD, Opener

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
]


def test_a_passkey_is_made_and_lets_in(admin: Operator, window: Opener) -> None:
    opened = window()
    page = opened.page
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    opened.log_in()
    opened.open("/account/factors/")
    page.get_by_role("button", name="Add a passkey").click()
    page.get_by_label("What you call it").fill("My laptop")
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    page.get_by_role("link", name="I have kept them").click()
    expect(page.get_by_role("rowheader", name="My laptop")).to_be_visible()
    # What the page still asks for in the background may bring a cookie of its own.
    page.goto("about:blank")
    page.context.clear_cookies()
    opened.open("/login/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{opened.url}/login/second/")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url(f"{opened.url}/")
    assert not opened.complaints
