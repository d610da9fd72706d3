import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from oemupdates.domain.access import Role
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Oem, OemProposal
from oemupdates.services.counters import samples
from oemupdates.services.oem import oem_proposals
from tests.api.conftest import session, somebody
from tests.services.makers import NOW, make_node, make_release, seeded_group

pytestmark = pytest.mark.django_db


def test_what_releases_show_is_accepted_or_left() -> None:
    page = session(somebody("approver", Role.APPROVER))
    make_release("4593.2.1", payloads=(OS_PAYLOAD, "oem-acme.gz", "oem-other.gz"))
    oem_proposals.look(NOW)
    shown = page.get("/oem/").text
    assert "its first version with a sysext is 4593.2.1" in shown
    other, acme = OemProposal.objects.all()
    assert page.post(f"/oem/proposals/{acme.pk}/accept/").status_code == 302
    assert page.post(f"/oem/proposals/{other.pk}/dismiss/").status_code == 302
    assert Oem.objects.get(oem_id="acme").is_custom
    shown = page.get("/oem/").text
    assert "Let the catalogue say so" not in shown
    assert "seen here in 4593.2.1" in shown


@pytest.fixture
def page(db: None) -> Client:
    return session(somebody("approver", Role.APPROVER))


def test_every_oem_has_its_row_in_words(page: Client) -> None:
    make_node(oem="azure")
    make_node(oem="acme")
    make_node(oem="")
    shown = page.get("/oem/").text
    for words in (
        "WALinuxAgent, hv-daemons",
        "Configuration only, no agent in this OEM",
        "Legacy partition files: it never came as a sysext",
        "in 4722.0.0",
        "1 node</a> says",
        "?id=acme",
        "has no OEM",
    ):
        assert words in shown
    assert all(f">{row.oem_id}</a>" in shown for row in Oem.objects.all())


def test_an_oem_leads_to_its_nodes(page: Client) -> None:
    make_node(oem="azure")
    azure, ami, zfs = (Oem.objects.get(oem_id=one) for one in ("azure", "ami", "zfs"))
    shown = page.get(f"/oem/{azure.pk}/").text
    assert '<a href="/nodes/?oem=azure">1 node</a> of yours carries it.' in shown
    assert "No node of yours carries it." in page.get(f"/oem/{ami.pk}/").text
    assert "of yours" not in page.get(f"/oem/{zfs.pk}/").text


def test_the_page_costs_the_same_for_any_fleet(
    page: Client, django_assert_max_num_queries: object
) -> None:
    for number in range(5):
        make_node(oem=f"own-{number}")
    with django_assert_max_num_queries(16):  # type: ignore[operator]
        page.get("/oem/")


def test_an_oem_is_added_corrected_and_removed(page: Client) -> None:
    said = {"oem_id": "acme", "architectures": ["amd64"], "before": "nothing"}
    assert page.get("/oem/add/?id=acme").context["form"]["oem_id"].value() == "acme"
    assert page.post("/oem/add/", said).headers["Location"] == "/oem/"
    row = Oem.objects.get(oem_id="acme")
    url = f"/oem/{row.pk}/"
    page.post(url, said | {"tools": "acmed , acme-agent,", "build_tool": "acmed"})
    row.refresh_from_db()
    assert (row.tools, row.build_tool) == ("acmed, acme-agent", "acmed")
    again = page.post(url, said | {"alpha_since": "soon"})
    assert (again.status_code, "no Flatcar version" in again.text) == (400, True)
    assert page.post(f"{url}remove/").headers["Location"] == "/oem/"
    assert not Oem.objects.filter(oem_id="acme").exists()


def test_one_of_flatcars_stays(page: Client) -> None:
    row = Oem.objects.get(oem_id="azure")
    assert page.post(f"/oem/{row.pk}/remove/").headers["Location"] == f"/oem/{row.pk}/"
    assert Oem.objects.filter(oem_id="azure").exists()


def test_a_viewer_reads_it_and_changes_nothing(db: None) -> None:
    viewer = session(somebody("viewer", Role.VIEWER))
    row = Oem.objects.get(oem_id="azure")
    assert "WALinuxAgent" in viewer.get(f"/oem/{row.pk}/").text
    assert '<form class="body' not in viewer.get(f"/oem/{row.pk}/").text
    assert viewer.post(f"/oem/{row.pk}/", {}).status_code == 403


def test_drift_is_drawn_over_time_for_all_and_for_one_oem(page: Client) -> None:
    make_node(oem="azure", drift="oem_not_merged report_never")
    make_node(oem="vmware", drift="oem_missing_for_os")
    samples.take(timezone.now() - timedelta(hours=2))
    make_node(oem="azure", drift="oem_not_merged")
    chart = page.get("/oem/").context["chart"]
    drawn = {one.label: one.values for one in chart.series}
    assert drawn == {"Image missing": [1, 1], "Not merged": [1, 2]}
    row = Oem.objects.get(oem_id="azure", kind=Oem.Kind.OEM)
    (line,) = page.get(f"/oem/{row.pk}/").context["chart"].series
    assert (line.label, line.values) == ("Not merged", [1, 2])
    assert line.url == "/nodes/?drift=oem_not_merged&oem=azure"
    group = page.get(f"/groups/{seeded_group().pk}/")
    assert "2 nodes</a>" in group.text
    assert [one.label for one in group.context["drift_chart"].series] == [
        "Image missing",
        "Not merged",
    ]


def test_drift_of_a_fleet_in_step_is_a_sentence_without_an_empty_chart(page: Client) -> None:
    make_node(oem="azure", drift="in_sync")
    samples.take(timezone.now() - timedelta(hours=2))
    shown = page.get(f"/oem/{Oem.objects.get(oem_id='azure').pk}/").text
    found = re.search(r"0 findings need somebody, as (\d) h ago\.", shown)
    assert found
    assert found[1] in "23"  # a sample is of the hour that it was taken in
    assert "data-chart" not in shown
    assert "Drift as a table" not in shown


def test_the_matrix_leads_to_the_lists_behind_it(page: Client) -> None:
    make_node(oem="azure", version="4593.2.1", drift="oem_not_merged", drift_basis="beacon")
    make_node(oem="azure", version="4593.2.1", drift="in_sync", drift_basis="report")
    make_node(oem="qemu", version="4593.2.1", drift="assumed_in_sync", drift_basis="derived")
    found = page.get("/oem/").context["matrix"]
    cells = {row.label: row.cells[0] for row in found.heat.rows}
    assert (cells["azure"].number, cells["azure"].warning) == (2, "1 not merged")
    assert "drift=oem_not_merged" in cells["azure"].warning_url
    assert "100% observed" in cells["azure"].note
    assert cells["qemu"].note == "no agent"
    assert found.observed == "67%"
    assert ("Not merged", 1, "/nodes/?drift=oem_not_merged") in found.lists
