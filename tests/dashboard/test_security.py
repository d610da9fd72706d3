import json

import pytest
from django.test import Client

from oemupdates.domain.access import Role
from oemupdates.models import Advisory, Release
from oemupdates.services import channels
from tests.api.conftest import session, somebody
from tests.services.makers import make_advisory, make_release, osv, seeded_channel
from tests.services.test_exposure import CLEARED, HOLED, listed, vmware

pytestmark = pytest.mark.django_db


@pytest.fixture
def page(db: None) -> Client:
    return session(somebody("approver", Role.APPROVER))


def test_says_who_has_a_hole_and_what_clears_it(page: Client) -> None:
    row = make_advisory(database_specific={"known_exploited": True})
    listed("4081.3.6", HOLED)
    target = listed("4593.2.1", CLEARED)
    channels.set_target(seeded_channel(), target, by=None)
    vmware("4081.3.6")
    vmware("3975.2.0")
    shown = page.get("/security/").text
    for words in ("Nodes have 1 known hole.", "exploited", "4593.2.1"):
        assert words in shown
    one = page.get(f"/security/{row.pk}/").text
    for words in (
        "1 node has it",
        "Of 1 nobody can say",
        "app-emulation/open-vm-tools-12.4.5",
        "oem=vmware&amp;oem_version=4081.3.6&amp;architecture=amd64",
        "clears it",
        "12.5.4, 13.0.5",
        "3975.2.0",
    ):
        assert words in one


def test_a_target_with_the_hole_or_without_a_list_is_said_so(page: Client) -> None:
    row = make_advisory()
    holed = listed("4081.3.6", HOLED)
    channels.set_target(seeded_channel(), holed, by=None)
    vmware("4081.3.6")
    assert "has it too" in page.get(f"/security/{row.pk}/").text
    channels.set_target(seeded_channel(), make_release("4593.2.1"), by=None)
    assert "not known" in page.get(f"/security/{row.pk}/").text


def test_an_empty_fleet_and_no_advisories_are_said_so(page: Client) -> None:
    assert "No advisories yet" in page.get("/security/").text
    row = make_advisory()
    assert "No node has a hole that is known here" in page.get("/security/").text
    Advisory.objects.update(content=osv(withdrawn="2026-01-01T00:00:00Z"))
    assert "It was withdrawn" in page.get(f"/security/{row.pk}/").text


def test_an_advisory_is_brought_and_forgotten(page: Client) -> None:
    hostile = osv(summary="<script>alert(1)</script>")
    assert page.post("/security/add/", {"advisory": json.dumps(hostile)}).status_code == 302
    row = Advisory.objects.get()
    assert "<script>alert" not in page.get(f"/security/{row.pk}/").text
    assert "&lt;script&gt;" in page.get("/security/").text
    assert page.post(f"/security/{row.pk}/remove/").headers["Location"] == "/security/"
    assert not Advisory.objects.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", json.dumps({"id": "x"}), "[" * 5000])
def test_what_is_no_advisory_is_refused(page: Client, text: str) -> None:
    answer = page.post("/security/add/", {"advisory": text})
    assert answer.status_code == 400
    assert not Advisory.objects.exists()


def test_tools_and_packages_stand_on_nodes_releases_and_comparisons(page: Client) -> None:
    old, new = listed("4081.3.6", HOLED), listed("4593.2.1", CLEARED)
    Release.objects.filter(pk=old.pk).update(published_on="2025-06-16")
    node = vmware("4081.3.6")
    shown = page.get(f"/nodes/{node.pk}/").text
    assert "<dt>open-vm-tools</dt><dd>12.4.5" in shown
    release = page.get(f"/releases/{old.pk}/").text
    assert "app-emulation/open-vm-tools-12.4.5" in release
    assert "2025-06-16" in release
    compared = page.get(f"/releases/{new.pk}/compare/?with={old.pk}").text
    assert '<span class="before">12.4.5</span> <b>13.0.5</b>' in compared
