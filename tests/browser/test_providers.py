"""Logging in by an identity provider, in real Chromium: a provider's own page in between."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import oidc_provider_mock
import pytest
from playwright.sync_api import expect
from pytest_django.live_server_helper import LiveServer

from oemupdates.domain.provider import Kind, Provider
from tests.browser.conftest import Opener
from tests.browser.test_every_page import faults

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(200),
]
ANN = {"preferred_username": "ann", "groups": ["ops"]}


@pytest.fixture
def corp(settings: Any, live_server: LiveServer) -> Iterator[Provider]:
    with oidc_provider_mock.run_server_in_thread() as server:
        url = f"http://localhost:{server.server_port}"
        httpx.put(f"{url}/users/ann", json=ANN | {"auth_time": 1})  # she logged in long ago
        httpx.put(f"{url}/users/bob", json={"preferred_username": "bob", "groups": ["else"]})
        found = Provider(
            id="corp",
            name="Example Corp",
            kind=Kind.OPENID,
            address=url,
            client_id="oem-fleet",
            secret="secret",
            roles={"ops": ("admin",)},
            scopes=("openid", "profile"),
        )
        settings.FLEET_URL = live_server.url
        settings.LOGIN_PROVIDERS = (found,)
        yield found


@pytest.mark.parametrize("script", [True, False])
def test_somebody_comes_by_a_provider(corp: Provider, window: Opener, *, script: bool) -> None:
    opened = window(script=script)
    page = opened.page
    # The provider's pages would like a font from elsewhere.
    page.route(re.compile(r"^https:"), lambda route: route.fulfill(body=""))
    opened.open("/groups/")
    page.get_by_role("button", name="Log in by Example Corp").click()
    page.wait_for_url(f"{corp.address}/**")
    page.locator("input[name=sub]").fill("bob")
    page.get_by_role("button", name="Authorize").click()
    expect(page.get_by_role("heading", name="You have no role yet")).to_be_visible()
    if script:
        assert faults(page) == []
    page.get_by_role("link", name="Back to the log-in").click()
    page.get_by_role("button", name="Log in by Example Corp").click()
    page.wait_for_url(f"{corp.address}/**")
    page.locator("input[name=sub]").fill("ann")
    page.get_by_role("button", name="Authorize").click()
    page.wait_for_url(f"{opened.url}/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    opened.open("/admin/users/make/")
    page.get_by_label("Username").fill("carl")
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_role("heading", name="Is it you?")).to_be_visible()
    if script:
        assert faults(page) == []
    page.request.put(f"{corp.address}/users/ann", data=ANN)
    page.get_by_role("button", name="Log in by Example Corp").click()
    page.wait_for_url(f"{corp.address}/**")
    page.locator("input[name=sub]").fill("ann")
    page.get_by_role("button", name="Authorize").click()
    expect(page.get_by_role("heading", name="It is you")).to_be_visible()
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("heading", name="One-time password of carl")).to_be_visible()
    assert [one for one in opened.complaints if "403" not in one] == []
