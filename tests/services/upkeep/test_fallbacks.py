"""What nodes took elsewhere is drift, until an update came from here."""

from datetime import timedelta

import pytest
from django.utils import timezone

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import DriftInterval, Event, Node, NodeDownload
from oemupdates.services.hosting import downloads
from oemupdates.services.hosting.downloads import Took
from oemupdates.services.shared import heartbeats
from oemupdates.services.upkeep import fallbacks
from tests.dashboard.test_took import NEW, take, updated
from tests.services.makers import counted, make_node, make_release, recounted

pytestmark = pytest.mark.django_db
OEM = "oem-azure.gz"


@pytest.fixture(autouse=True)
def _release(db: None) -> None:
    make_release(NEW, payloads=(OS_PAYLOAD, OEM))


def look() -> int:
    now = timezone.now()
    heartbeats.beat("looked", now - timedelta(hours=1))
    return fallbacks.look(now, "looked")


def test_a_node_that_took_a_part_elsewhere_is_told_of() -> None:
    node = updated(OS_PAYLOAD)
    assert look() == 1
    node.refresh_from_db()
    assert "public_fallback" in node.drift
    assert node.fallback_at == Event.objects.get(meaning="applied").at
    assert DriftInterval.objects.get(drift="public_fallback").closed_at is None
    assert look() == 1
    assert DriftInterval.objects.count() == 1
    assert counted() == recounted()


def test_one_that_took_all_of_it_here_is_not() -> None:
    updated(OS_PAYLOAD, OEM)
    assert look() == 0
    assert Node.objects.get().fallback_at is None


def test_an_update_from_here_ends_it() -> None:
    node = updated(OS_PAYLOAD)
    look()
    take(node, OEM)
    assert look() == 0
    node.refresh_from_db()
    assert "public_fallback" not in node.drift
    assert DriftInterval.objects.get().closed_by == "an update from here"


def test_what_was_judged_is_not_judged_again() -> None:
    updated(OS_PAYLOAD)
    heartbeats.beat("looked", timezone.now())
    assert fallbacks.look(timezone.now(), "looked") == 0


def test_a_boot_without_its_oem_is_told_of() -> None:
    at = timezone.now()
    node = make_node(oem="azure", version=NEW, address="192.0.2.7")
    downloads.record([Took(None, "192.0.2.7", "amd64", NEW, OEM, 1, 0, 1000, at, at)])
    node.refresh_from_db()
    assert "boot_fetch" in node.drift
    assert node.boot_fetched_at == at
    assert NodeDownload.objects.get().is_boot
    assert counted() == recounted()
