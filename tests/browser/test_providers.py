"""Logging in by an identity provider, in real Chromium: a provider's own page in between."""

from collections.abc import Iterator

import httpx
import oidc_provider_mock
import pytest
from playwright.sync_api import expect
from pytest_django.fixtures import SettingsWrapper
from pytest_django.live_server_helper import LiveServer

from oemupdates.domain.provider import Kind, Provider
from tests.browser.conftest import Opener
from tests.browser.test_every_page import faults

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
    pytest.mark.timeout(200),
]


@pytest.fixture
def corp(settings: SettingsWrapper, live_server: LiveServer) -> Iterator[Provider]:
    with oidc_provider_mock.run_server_in_thread() as server:
        url = f"http://localhost:{server.server_port}"
        httpx.put(f"{url}/users/ann", json={"preferred_username": "ann", "groups": ["ops"]})
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
    opened.open("/groups/")
    page.get_by_role("button", name="Log in by Example Corp").click()
    page.wait_for_url(f"{corp.address}/**")
    page.locator("input[name=sub]").fill("bob")
    page.get_by_role("button", name="Authorize").click()
    expect(page.get_by_role("heading", name="You have no role yet")).to_be_visible()
    if script:
        assert faults(opened) == []
    page.get_by_role("link", name="Back to the log-in").click()
    page.get_by_role("button", name="Log in by Example Corp").click()
    page.wait_for_url(f"{corp.address}/**")
    page.locator("input[name=sub]").fill("ann")
    page.get_by_role("button", name="Authorize").click()
    page.wait_for_url(f"{opened.url}/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    opened.open("/admin/users/make/")
    page.get_by_label("Username").fill("carl")
    page.get_by_role("button", name="Make").click()
    expect(page.get_by_role("heading", name="Is it you?")).to_be_visible()
    if script:
        assert faults(opened) == []
    page.get_by_role("button", name="Log in by Example Corp").click()
    page.wait_for_url(f"{corp.address}/**")
