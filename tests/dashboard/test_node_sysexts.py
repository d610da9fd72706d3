from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from oemupdates.domain.access import Role
from oemupdates.domain.report import read
from oemupdates.models import Node
from oemupdates.services.drift import reports
from tests.api.conftest import session, somebody
from tests.domain.test_report import DOCUMENT, EXTENSION, report
from tests.services.makers import make_node

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer(db: None) -> Client:
    return session(somebody("viewer", Role.VIEWER))


def test_a_nodes_page_shows_its_report_with_its_age(viewer: Client) -> None:
    node = make_node(machine_id=DOCUMENT["machineid"], boot_id="{" + DOCUMENT["bootid"] + "}")
    assert "It never reported its images" in viewer.get(f"/nodes/{node.pk}/").text
    hostile = EXTENSION | {"version_id": "<script>", "merged": False, "target_exists": False}
    now = timezone.now()
    reports.take(
        read(report(extensions=[hostile])), secret="", address=None, now=now - timedelta(hours=3)
    )
    page = viewer.get(f"/nodes/{node.pk}/").text
    for words in ("observed by report", "3 h ago", "not merged", "is not there", "&lt;script&gt;"):
        assert words in page
    assert "stale" not in page
    with pytest.raises(reports.TooLate):
        reports.take(read(report(bootid="earlier")), secret="", address=None, now=now)
    Node.objects.update(boot_id="{later}")
    assert "stale" in viewer.get(f"/nodes/{node.pk}/").text


def test_a_nodes_page_shows_its_drift_and_what_its_oem_means(viewer: Client) -> None:
    values = {"version": "4593.2.1", "aleph_version": "4459.2.1", "oem": "azure"}
    values |= {"oem_basis": "derived", "oem_version": "4593.2.1"}
    node = make_node(
        machine_id=DOCUMENT["machineid"], boot_id="{" + DOCUMENT["bootid"] + "}", **values
    )
    page = viewer.get(f"/nodes/{node.pk}/").text
    for words in (
        "Probably in step",
        "derived",
        "Never reported",
        "WALinuxAgent, hv-daemons",
        "low confidence",
    ):
        assert words in page
    dangling = EXTENSION | {"merged": False, "target_exists": False}
    reports.take(read(report(extensions=[dangling])), secret="", address=None, now=timezone.now())
    page = viewer.get(f"/nodes/{node.pk}/").text
    assert page.count("Image missing") == 2  # beside its name, and among its drift
    assert "the next boot downloads it, or fails" in page
