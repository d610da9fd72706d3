"""A release's page, whose lists of packages come when they are opened."""

from typing import Any

import pytest
from playwright.sync_api import expect

from oemupdates.models import Package, PackageList, Release
from tests.browser.conftest import Opener
from tests.browser.test_syncs import meanwhile
from tests.services.makers import make_release

pytestmark = [
    pytest.mark.browser,
    pytest.mark.django_db(transaction=True, serialized_rollback=True),
]


def test_a_list_comes_when_it_is_opened_and_without_a_script_by_a_link(
    admin: Any, window: Opener
) -> None:
    made: list[Release] = []

    def prepare() -> None:
        made.append(make_release())
        row = PackageList.objects.create(
            release=made[0], name="oem-vmware", content="x", is_read=True
        )
        Package.objects.create(package_list=row, name="app/open-vm-tools", version="13.0.5")

    meanwhile(prepare)
    for script in (True, False):
        opened = window(script=script)
        opened.log_in()
        opened.open(f"/releases/{made[0].pk}/")
        opened.page.locator("summary", has_text="oem-vmware").click()
        if not script:
            opened.page.get_by_role("link", name="Show them").click()
        expect(opened.page.get_by_text("app/open-vm-tools-13.0.5")).to_be_visible()
        assert opened.complaints == []
