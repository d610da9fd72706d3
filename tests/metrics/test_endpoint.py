"""`/metrics`, as Prometheus reads it."""

import json
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain
from pytest_django.fixtures import Settings

from oemupdates import telemetry
from oemupdates.domain.drift_facts import Drift, Severity
from oemupdates.domain.drift_words import severity
from oemupdates.domain.node import State
from oemupdates.metrics import collector, endpoint
from oemupdates.models import ActivityCheck, Subscription
from oemupdates.services.counters import samples
from oemupdates.services.hosting import bucket_copying
from oemupdates.services.news import webhooks
from oemupdates.services.news.webhooks import Terms
from oemupdates.services.server import health
from oemupdates.services.shared import activity_chain, heartbeats
from oemupdates.services.sync import upstreams
from tests.omaha.door import Door, serving
from tests.omaha.messages import NEW, check, tell
from tests.omaha.policy import publish
from tests.services.bundle_maker import host
from tests.services.makers import NOW, make_node, make_operator, seeded_channel, seeded_group
from tests.upstream.bucket_server import BucketServer

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"


@pytest.fixture(autouse=True)
def _open(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.METRICS_OPEN = True
    monkeypatch.setattr(collector, "KEPT_SECONDS", -1.0)
    yield
    for one in endpoint._fleet._collector_to_names:
        one._until = 0.0


def scrape(**headers: str) -> str:
    answer = Client().get("/metrics", headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def read(text: str) -> dict[str, Metric]:
    return {family.name: family for family in plain(text)}


def value(name: str, **labels: str) -> float:
    """One sample's value; 0 while it is not there."""
    for family in plain(scrape()):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    return 0.0


def everything() -> None:
    """Let there be something of each kind."""
    make_node(oem="azure", oem_basis="reported", is_held=True, held_because="a test")
    make_node(oem="azure", drift="oem_not_merged rolled_back", drift_basis="beacon")
    webhooks.create(Terms("ops", "https://hook.example.net/", ["*"]), by=make_operator())
    for name in (heartbeats.BEAT, heartbeats.WORKER, "repair_counters"):
        heartbeats.beat(name, NOW)
    samples.take(NOW)
    activity_chain.check()
    upstream = upstreams.add(upstreams.Terms("flatcar", "public"), by=None)
    upstreams.subscribe(upstream, seeded_channel(), by=None)
    Subscription.objects.update(last_success_at=timezone.now() - timedelta(hours=3))
    for child, label in (
        (telemetry.REJECTED, "malformed_xml"),
        (telemetry.PAYLOAD_REQUESTS, "200"),
        (telemetry.TASK_FAILURES, "beat"),
        (telemetry.WEBHOOK_TRIES, "failed"),
    ):
        child.labels(label).inc()
    telemetry.TASK_SECONDS.labels("beat").observe(0.1)


@pytest.mark.django_db
class TestAccess:
    def test_is_closed_by_default(self, settings: Settings) -> None:
        settings.METRICS_OPEN = False
        answer = Client().get("/metrics")
        assert answer.status_code == 404
        assert answer.content == b"Set FLEET_METRICS_TOKEN or FLEET_METRICS_OPEN to open this.\n"

    @pytest.mark.parametrize(
        ("sent", "status"),
        [
            ("", 401),
            ("Bearer ", 401),
            ("Bearer wrong", 401),
            ("Basic s3cret", 401),
            ("Bearer s3cret", 200),
            ("bearer s3cret", 200),
        ],
    )
    def test_asks_for_its_own_token(self, settings: Settings, sent: str, status: int) -> None:
        settings.METRICS_OPEN, settings.METRICS_TOKEN = False, "s3cret"
        answer = Client().get("/metrics", headers={"Authorization": sent})
        assert answer.status_code == status
        assert answer.has_header("www-authenticate") == (status == 401)


@pytest.mark.django_db
class TestForm:
    def test_is_plain_text_unless_more_is_asked_for(self) -> None:
        answer = Client().get("/metrics")
        assert answer["content-type"].startswith("text/plain; version=")
        assert "oemfleet_nodes" in read(answer.content.decode())

    def test_is_openmetrics_where_it_is_asked_for(self) -> None:
        everything()
        accept = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"
        answer = Client().get("/metrics", headers={"Accept": accept})
        assert answer["content-type"].startswith("application/openmetrics-text")
        text = answer.content.decode()
        assert text.count("# EOF") == 1
        assert "oemfleet_checkins" in {family.name for family in open_metrics(text)}

    def test_keeps_to_the_conventions(self) -> None:
        everything()
        for name, family in read(scrape()).items():
            assert name.startswith("oemfleet_")
            assert family.documentation, name
            assert family.type in {"counter", "gauge", "histogram"}, name
            assert re.fullmatch(r"[a-z][a-z0-9_]*", name)
            assert (family.type == "counter") == (
                {sample.name for sample in family.samples} <= {f"{name}_total"}
            ) or not family.samples
            labels = {label for sample in family.samples for label in sample.labels}
            assert not labels & {"node", "machine_id", "id", "name", "address"}

    def test_tells_nothing_of_a_single_node(self) -> None:
        before = scrape().count("\n")
        make_node(alias="web-1")
        few = scrape().count("\n")
        for _ in range(20):
            make_node(alias="web-2")
        assert scrape().count("\n") == few >= before

    def test_asks_the_same_of_many_as_of_few(self) -> None:
        everything()
        scrape()
        with CaptureQueriesContext(connection) as few:
            scrape()
        for number in range(20):
            make_node(version=f"4459.2.{number}", oem=f"oem{number}")
        with CaptureQueriesContext(connection) as many:
            scrape()
        assert len(many) <= len(few) <= 29


@pytest.mark.django_db
class TestFleet:
    def test_counts_nodes_by_what_matters(self) -> None:
        make_node(oem="azure", oem_basis="reported")
        make_node(state=State.FAILED, is_dark=True)
        make_node(group=None, state=State.UNASSIGNED, architecture="")
        labels = {"group": "stable", "channel": "stable", "architecture": "amd64"}
        assert value("oemfleet_nodes", state="up_to_date", **labels) == 1
        assert value("oemfleet_nodes", state="failed", **labels) == 1
        assert value("oemfleet_dark_nodes", group="stable") == 1
        assert value("oemfleet_unassigned_nodes") == 1
        assert value("oemfleet_oem_nodes", oem="azure", basis="reported") == 1
        assert value("oemfleet_version_nodes", version="4459.2.1") == 3

    def test_tells_how_syncs_and_the_chain_of_activity_are(self) -> None:
        everything()
        now = timezone.now()
        assert value("oemfleet_clock_tasks_late") == 1
        assert value("oemfleet_synced_channels", state="followed") == 1
        assert value("oemfleet_synced_channels", state="failing") == 0
        assert value("oemfleet_sync_age_seconds") == pytest.approx(3 * 3600, abs=600)
        assert value("oemfleet_activity_whole") == 1
        Subscription.objects.update(failures=1, next_run_at=now - timedelta(hours=1))
        ActivityCheck.objects.update(problem="Row 7 was changed.")
        assert value("oemfleet_synced_channels", state="failing") == 1
        assert value("oemfleet_synced_channels", state="late") == 1
        assert value("oemfleet_activity_whole") == 0

    def test_tells_how_the_bucket_stands(
        self, bucket_settings: Settings, bucket_server: BucketServer, tmp_path: Path
    ) -> None:
        host(tmp_path, NEW)
        bucket_server.faults["PUT"] = ["413"]
        bucket_copying.tend(seconds=60)
        assert value("oemfleet_bucket_payloads", state="hosted") == 3
        assert value("oemfleet_bucket_payloads", state="stored") == 2
        assert value("oemfleet_bucket_lost") == 0
        bucket_server.exists = False
        bucket_copying.tend(seconds=60)
        assert value("oemfleet_bucket_lost") == 1

    def test_bounds_what_strangers_may_name(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(collector, "OEMS", 3)
        monkeypatch.setattr(collector, "VERSIONS", 3)
        for number in range(10):
            for _ in range(number + 1):
                make_node(oem=f"oem{number}", version=f"1.0.{number}")
        families = read(scrape())
        for name, label in (("oem_nodes", "oem"), ("version_nodes", "version")):
            samples_ = families[f"oemfleet_{name}"].samples
            assert len({sample.labels[label] for sample in samples_}) == 4
            assert sum(sample.value for sample in samples_) == 55

    def test_sums_groups_of_one_name(self) -> None:
        """Names of groups are unique within an architecture only."""
        make_node()
        make_node(group=seeded_group("stable", "arm64"), architecture="arm64")
        samples_ = read(scrape())["oemfleet_nodes"].samples
        assert len({tuple(sorted(sample.labels.items())) for sample in samples_}) == len(samples_)

    def test_tells_the_rest_while_the_database_is_away(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*_: object) -> list[Any]:
            raise DatabaseError("away")

        monkeypatch.setattr(health, "parts", away)
        families = read(scrape())
        assert families["oemfleet_fleet_readable"].samples[0].value == 0
        assert "oemfleet_checkins" in families

    def test_is_read_no_more_often_than_every_few_seconds(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(collector, "KEPT_SECONDS", 10.0)
        clock = [100.0]
        fleet = collector.FleetCollector(lambda: clock[0])
        first = fleet.collect()
        make_node()
        clock[0] += 9.9
        assert fleet.collect() is first
        clock[0] += 0.2
        assert fleet.collect() is not first


@pytest.mark.django_db(transaction=True)
class TestCheckIns:
    @pytest.fixture
    def door(self, transactional_db: None) -> Iterator[Door]:
        with serving() as opened:
            yield opened

    def outcomes(self) -> dict[str, float]:
        samples_ = read(scrape())["oemfleet_checkins"].samples
        return {sample.labels["outcome"]: sample.value for sample in samples_}

    def test_are_counted_by_what_they_heard(self, door: Door) -> None:
        publish(NEW, "oem-azure.gz")
        before, seconds = self.outcomes(), value("oemfleet_checkin_seconds_count")
        door.post(check())
        door.post(check(version=NEW))
        door.post(tell('<event eventtype="13" eventresult="1"></event>'))
        found = {name: after - before[name] for name, after in self.outcomes().items()}
        assert {name: number for name, number in found.items() if number} == {
            "offer": 1,
            "noupdate": 1,
            "noted": 1,
        }
        assert value("oemfleet_checkin_seconds_count") - seconds == 3

    def test_are_counted_when_they_are_rejected(self, door: Door) -> None:
        before = value("oemfleet_rejected_requests_total", reason="malformed_xml")
        door.post(b"<request")
        assert value("oemfleet_rejected_requests_total", reason="malformed_xml") == before + 1


class TestBulkHistogram:
    def test_counts_as_a_histogram_does(self) -> None:
        def fresh(kind: type[Any]) -> Any:
            return kind("x", "x", buckets=(1, 2, 4), registry=None)

        observed = [0.5, 1, 1.0001, 2, 3, 4, 5, 100]
        many, one = fresh(telemetry.BulkHistogram), fresh(telemetry.Histogram)
        many.observe_many(observed)
        for number in observed:
            one.observe(number)

        def told(histogram: Any) -> list[Any]:
            return [
                (sample.name, sample.labels, sample.value)
                for family in histogram.collect()
                for sample in family.samples
                if not sample.name.endswith("created")
            ]

        assert told(many) == told(one)


def names_in(expression: str) -> set[str]:
    return set(re.findall(r"\boemfleet_[a-z_]+", expression))


def known() -> set[str]:
    """The names of what there is, also of what has no nodes yet."""
    families = list(plain(scrape()))
    return {one.name for one in families} | {
        sample.name for family in families for sample in family.samples
    }


@pytest.mark.django_db
class TestDeployed:
    def test_alerts_ask_for_what_there_is(self) -> None:
        everything()
        rules = yaml.safe_load((DEPLOY / "prometheus/alerts.yaml").read_text())
        asked = [rule for group in rules["groups"] for rule in group["rules"]]
        assert len({rule["alert"] for rule in asked}) == len(asked) >= 12
        for rule in asked:
            assert names_in(rule["expr"])
            assert names_in(rule["expr"]) <= known(), rule["alert"]
            assert rule["annotations"]["summary"]
            assert rule["labels"]["severity"] in {"info", "warning", "critical"}

    def test_the_board_asks_for_what_there_is(self) -> None:
        everything()
        board = json.loads((DEPLOY / "grafana/oem-fleet.json").read_text())
        for panel in board["panels"]:
            for target in panel["targets"]:
                assert names_in(target["expr"])
                assert names_in(target["expr"]) <= known(), panel["title"]

    def test_states_that_they_name_are_states(self) -> None:
        text = (DEPLOY / "prometheus/alerts.yaml").read_text()
        text += (DEPLOY / "grafana/oem-fleet.json").read_text().replace('\\"', '"')
        named = set()
        for states in re.findall(r'oemfleet_nodes\{state=~?"([a-z_|]+)"', text):
            named |= set(states.split("|"))
        assert named
        assert named <= {state.value for state in State}
        drifts = [set(one.split("|")) for one in re.findall(r'drift=~?"([a-z_|]+)"', text)]
        broken, apart = sorted(drifts, key=len)
        about_oem = {one for one in Drift if one.startswith("oem_")}
        assert broken == {one for one in about_oem if severity(one) == Severity.ERROR}
        assert apart == {one for one in about_oem if severity(one) >= Severity.WARN}
