import json

import pytest
from django.test import Client

from oemupdates.domain.access import Role
from oemupdates.models import Advisory, Release
from oemupdates.services.groups import channels
from oemupdates.services.security import exposure_days
from tests.api.conftest import session, somebody
from tests.services.makers import (
    NOW,
    make_advisory,
    make_node,
    make_release,
    osv,
    seeded_channel,
    seeded_group,
)
from tests.services.security.test_exposure import CLEARED, HOLED, listed, vmware

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
        'exposed=CVE-2025-41244">1 node</a> has it',
        'exposure_unknown=CVE-2025-41244">1</a> nobody can say',
        "app-emulation/open-vm-tools-12.4.5",
        "oem=vmware&amp;oem_version=4081.3.6&amp;oem_build=-&amp;architecture=amd64",
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


def test_every_number_leads_to_its_nodes_and_the_days_to_a_chart(page: Client) -> None:
    row = make_advisory()
    listed("4081.3.6", HOLED)
    group = vmware("4081.3.6").group
    assert group is not None
    make_node(oem="vmware", oem_basis="reported")
    exposure_days.count(NOW)
    one = page.get(f"/security/{row.pk}/").text
    for query in (
        f"exposed=CVE-2025-41244&amp;group={group.pk}",
        f"exposure_unknown=CVE-2025-41244&amp;group={group.pk}",
        "exposure_unknown=CVE-2025-41244&amp;oem=vmware&amp;oem_version=-",
    ):
        assert query in one
        url = query.replace("&amp;", "&")
        assert page.get(f"/nodes/?{url}").text.count("data-row>") == 1, query
    assert "1 node exposed on 2026-09-01, and never more since 2026-09-01." in one
    assert "Nodes by hole as a table" in page.get("/security/").text
    export = page.get("/nodes/export/?exposed=CVE-2025-41244").getvalue()
    assert len(export.splitlines()) == 2


def test_who_sees_some_groups_sees_nothing_of_the_whole_fleets_days() -> None:
    row = make_advisory()
    listed("4081.3.6", HOLED)
    vmware("4081.3.6")
    for _ in range(3):
        vmware("4081.3.6", group=seeded_group("beta"))
    exposure_days.count(NOW)
    page = session(somebody("ann", Role.VIEWER, group=seeded_group()))
    for address in ("/security/", f"/security/{row.pk}/"):
        shown = page.get(address).text
        assert "whole fleet" in shown
        assert 'class="chart"' not in shown
        assert "2026-09-01" not in shown
    said = page.get(f"/api/v1/advisories/{row.pk}/exposure").json()
    assert (said["nodes"], said["node_days"], said["since"], said["days"]) == (1, None, None, None)


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
    assert "2025-06-16" in page.get(f"/releases/{old.pk}/").text
    packages = page.get(f"/releases/{old.pk}/packages/?image=oem-vmware").text
    assert "app-emulation/open-vm-tools-12.4.5" in packages
    compared = page.get(f"/releases/{new.pk}/compare/?with={old.pk}").text
    assert '<span class="before">12.4.5</span> <b>13.0.5</b>' in compared
