"""A fleet with nodes of every class of drift, and what page, API and metrics count of them."""

from collections import Counter
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families
from pytest_django.fixtures import Settings

from bench import drifts
from oemupdates.domain.access import EVERYWHERE, Role
from oemupdates.domain.drift_facts import UNKEPT, Drift
from oemupdates.domain.drift_words import label
from oemupdates.domain.query_reading import read
from oemupdates.metrics import collector
from oemupdates.models import Channel, Payload
from oemupdates.services.drift import remeasuring
from oemupdates.services.finding.finding import find
from tests.api.conftest import session, somebody
from tests.services.makers import (
    counted,
    make_node,
    make_release,
    recounted,
    seeded_channel,
    seeded_group,
)

pytestmark = pytest.mark.django_db
# Another number for each class, so that no two can be mistaken for each other.
MANY = {drift: number for number, drift in enumerate(Drift, start=1)}


@pytest.fixture
def fleet(db: None) -> dict[Drift, int]:
    """A fleet with so many nodes made for each class, all measured."""
    now = timezone.now()
    releases = {
        version: make_release(version, payloads=names)
        for version, names in drifts.PAYLOADS.items()
    }
    Payload.objects.filter(name="oem-azure.gz").update(own_version=drifts.BUILD)
    Channel.objects.filter(pk=seeded_channel().pk).update(target=releases[drifts.NEXT])
    drifts.want_component(seeded_group(), now)
    for values in drifts.fleet(MANY, now):
        make_node(**values, last_seen_at=now)
    remeasuring.advance(now, seconds=600)
    return dict(drifts.expected(MANY, now))


@pytest.fixture
def metrics(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Counter[str]]:
    """Nodes by class as a scrape tells them."""
    settings.METRICS_OPEN = True
    monkeypatch.setattr(collector, "KEPT_SECONDS", -1.0)

    def scrape() -> Counter[str]:
        found: Counter[str] = Counter()
        for family in text_string_to_metric_families(Client().get("/metrics").text):
            if family.name in {"oemfleet_oem_drift_nodes", "oemfleet_drift_nodes"}:
                for sample in family.samples:
                    found[sample.labels["drift"]] += int(sample.value)
        return found

    return scrape


def test_each_class_is_counted_exactly_wherever_one_looks(
    fleet: dict[Drift, int], metrics: Callable[[], Counter[str]]
) -> None:
    assert counted() == recounted()
    viewer = session(somebody("viewer", Role.VIEWER))
    told = viewer.get("/api/v1/drift").json()
    assert {one["drift"]: one["nodes"] for one in told["classes"]} == fleet
    assert told["unmeasured"] == 0
    kept = {drift.value: nodes for drift, nodes in fleet.items() if drift not in UNKEPT}
    assert metrics() == kept
    shown = viewer.get("/oem/")
    lists = {label: nodes for label, nodes, _url in shown.context["matrix"].lists}
    assert lists["Not merged"] == kept["oem_not_merged"]
    assert lists["Image missing"] == kept["oem_missing_for_os"]
    for drift, nodes in kept.items():
        found = find(read(f"drift:{drift}"), EVERYWHERE, now=timezone.now())
        assert found.matching == len(found.page(size=2000).rows) == nodes, drift
    listed = viewer.get("/nodes/?drift=ext_not_merged")
    assert listed.context["matching"] == kept["ext_not_merged"]
    facet = next(one for one in listed.context["facets"] if one.name == "drift")
    labels = {label(drift): nodes for drift, nodes in kept.items()}
    assert {one.label: one.nodes for one in facet.choices} == labels
