"""How the fleet is, as Prometheus reads it: from the counters, with few values a label.

No series is about a single node: a fleet of a million would be a million series.
"""

import logging
import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from threading import Lock

from django.contrib.sessions.models import Session
from django.db import DatabaseError, connection
from django.db.models import Count, Q
from django.utils import timezone
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from oemupdates.models import (
    ActivityCheck,
    Channel,
    Group,
    Node,
    NodeCount,
    Webhook,
    WebhookDelivery,
)
from oemupdates.models.node_queries import NO_GROUP
from oemupdates.models.standing import standings
from oemupdates.services.hosting import bucket
from oemupdates.services.news import feed
from oemupdates.services.security import exposure
from oemupdates.services.server import clock, health
from oemupdates.services.shared import heartbeats
from oemupdates.services.sync import sync_health

logger = logging.getLogger(__name__)

KEPT_SECONDS = 10.0
OTHER, NONE = "other", "none"
GROUPS, OEMS, VERSIONS, HOLES = 100, 30, 30, 50


class FleetCollector(Collector):
    """Asks the database at a scrape, and no more often than every few seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._kept: list[Metric] = []
        self._read_at = -math.inf

    def collect(self) -> Iterable[Metric]:
        """The fleet's numbers."""
        with self._lock:
            if self._clock() - self._read_at >= KEPT_SECONDS:
                self._kept = _collect()
                self._read_at = self._clock()
            return self._kept


def _collect() -> list[Metric]:
    began = time.perf_counter()
    try:
        found = [*_nodes(), *_drift(), *_server(), *_webhooks(), *_holes()]
    except DatabaseError:
        logger.exception("The fleet's numbers could not be read")
        found = []
    took = time.perf_counter() - began
    is_read = _gauge("fleet_readable", "Whether the fleet's numbers could be read", bool(found))
    took_family = _gauge("fleet_read_seconds", "Seconds that reading these numbers took", took)
    return [*found, is_read, took_family]


def _gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"oemfleet_{name}", words, value=float(value))


def _family(
    name: str, words: str, labels: tuple[str, ...], values: Mapping[tuple[str, ...], float]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"oemfleet_{name}", words, labels=labels)
    for key, value in sorted(values.items()):
        family.add_metric(key, value)
    return family


def _nodes() -> Iterator[Metric]:
    groups = {
        group.pk: group for group in Group.objects.select_related("channel__target", "application")
    }
    cells = NodeCount.objects.by(
        "group", "architecture", "version", "oem", "oem_basis", "state", "is_dark"
    )
    by_group: Counter[tuple[str, ...]] = Counter()
    by_oem: Counter[tuple[str, ...]] = Counter()
    by_version: Counter[tuple[str, ...]] = Counter()
    dark: Counter[tuple[str, ...]] = Counter()
    names = _bounded_groups(cells, groups)
    for group, architecture, version, oem, basis, state, is_dark, nodes in cells:
        name, channel = names[group]
        by_group[name, channel, architecture or NONE, state] += nodes
        by_oem[oem or NONE, basis or NONE] += nodes
        by_version[(version or NONE,)] += nodes
        dark[(name,)] += nodes if is_dark else 0
    labels = ("group", "channel", "architecture", "state")
    yield _family("nodes", "Nodes by group, channel, architecture and state", labels, by_group)
    words = "Nodes by OEM, and by where their OEM version is known from"
    yield _family("oem_nodes", words, ("oem", "basis"), _top(by_oem, OEMS))
    words = "Nodes by the OS version that they run"
    yield _family("version_nodes", words, ("version",), _top(by_version, VERSIONS))
    words = "Nodes that were not heard when they should have been"
    yield _family("dark_nodes", words, ("group",), dark)
    yield _standing(groups, names)
    held = Node.objects.filter(is_held=True, is_archived=False).count()
    yield _gauge("held_nodes", "Nodes that an operator holds", held)
    unassigned = sum(nodes for group, *_, nodes in cells if group == NO_GROUP)
    yield _gauge("unassigned_nodes", "Nodes that ask for a group that is not there", unassigned)


def _drift() -> Iterator[Metric]:
    """Nodes by OEM, class of drift, and how that is known; of what is not the OEM's, by class."""
    by_oem: Counter[tuple[str, ...]] = Counter()
    others: Counter[tuple[str, ...]] = Counter()
    for oem, drift, basis, nodes in NodeCount.objects.by("oem", "drift", "drift_basis"):
        first, *more = drift.split() or [NONE]
        by_oem[oem or NONE, first, basis or NONE] += nodes
        for name in more:
            others[(name,)] += nodes
    words = "Nodes by OEM, class of its drift, and how that is known"
    labels = ("oem", "drift", "basis")
    yield _family("oem_drift_nodes", words, labels, _top(by_oem, OEMS))
    words = "Nodes with other findings of drift; a node may have several"
    yield _family("drift_nodes", words, ("drift",), others)


def _standing(groups: Mapping[int, Group], names: Mapping[int, tuple[str, str]]) -> Metric:
    targets = {
        key: group.channel.target.version if group.channel and group.channel.target else ""
        for key, group in groups.items()
    }
    values: Counter[tuple[str, ...]] = Counter()
    for key, found in standings(targets).items():
        name = names.get(key, (OTHER, OTHER))[0]
        values[name, "on_target"] += found.on_target
        values[name, "in_progress"] += found.in_progress
        values[name, "behind"] += found.behind
    words = "Nodes of a group that run its target, are on their way, or wait"
    return _family("group_nodes", words, ("group", "standing"), values)


def _bounded_groups(
    cells: Iterable[tuple[object, ...]], groups: Mapping[int, Group]
) -> dict[int, tuple[str, str]]:
    """The label values of each group and its channel: the largest by name, all others as one."""
    sizes: Counter[int] = Counter()
    for group, *_, nodes in cells:
        sizes[int(str(group))] += int(str(nodes))
    names: dict[int, tuple[str, str]] = {}
    for place, (key, _) in enumerate(sizes.most_common()):
        found = groups.get(key)
        if key == NO_GROUP:
            names[key] = (NONE, NONE)
        elif found is None or place >= GROUPS:
            names[key] = (OTHER, OTHER)
        else:
            channel: Channel | None = found.channel
            names[key] = (found.name, channel.name if channel else NONE)
    return names


def _top(values: Counter[tuple[str, ...]], most: int) -> Counter[tuple[str, ...]]:
    """The values with the first labels that most nodes have; all others as one."""
    first: Counter[str] = Counter()
    for key, nodes in values.items():
        first[key[0]] += nodes
    kept = {name for name, _ in first.most_common(most)}
    found: Counter[tuple[str, ...]] = Counter()
    for key, nodes in values.items():
        found[(key[0] if key[0] in kept else OTHER, *key[1:])] += nodes
    return found


# Parts of this server that are numbers, as metrics.
_PARTS = {
    "worker": ("worker_heard_seconds", "Seconds since the worker was heard"),
    "beat": ("beat_heard_seconds", "Seconds since the beat was heard"),
    "queue": ("jobs_waiting", "Jobs that wait for a worker"),
    "sample": ("sample_age_seconds", "Seconds since the hour of the last sample"),
    "repair": ("counters_checked_seconds", "Seconds since the counters were counted anew"),
    "database": ("database_bytes", "Bytes that the database holds"),
    "payload_disk": ("payload_disk_free_bytes", "Bytes that are free for payloads"),
    "data_disk": ("data_disk_free_bytes", "Bytes that are free for data"),
}


def _server() -> Iterator[Metric]:
    now = timezone.now()
    began = time.perf_counter()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    took = time.perf_counter() - began
    yield _gauge("database_round_trip_seconds", "Seconds that the database took to answer", took)
    for part in health.parts(now):
        if part.name in _PARTS and part.value is not None:
            name, words = _PARTS[part.name]
            yield _gauge(name, words, part.value)
    late = sum(work.is_late for work in clock.works(now, heartbeats.seen()))
    words = "Tasks of the clock that were not done for too long"
    yield _gauge("clock_tasks_late", words, late)
    yield from _syncs(now)
    yield from _bucket()
    yield from _activity(now)
    yield _gauge("activity_last_id", "The id of the last activity", feed.newest())
    sessions = Session.objects.filter(expire_date__gt=now).count()
    yield _gauge("sessions", "Sessions of people that have not ended", sessions)


def _syncs(now: datetime) -> Iterator[Metric]:
    found = sync_health.look(now)
    states: dict[tuple[str, ...], float] = {
        ("followed",): found.followed,
        ("failing",): len(found.failing),
        ("late",): len(found.late),
    }
    words = "Channels that follow an upstream; failing or late are those that need somebody"
    yield _family("synced_channels", words, ("state",), states)
    if found.oldest_at is not None:
        words = "Seconds since the channel that waits longest heard from its upstream"
        yield _gauge("sync_age_seconds", words, (now - found.oldest_at).total_seconds())


def _bucket() -> Iterator[Metric]:
    found = bucket.standing()
    if found is not None:
        states: dict[tuple[str, ...], float] = {
            ("hosted",): found.hosted,
            ("stored",): found.stored,
        }
        words = "Payloads that are hosted, and those of them that the bucket holds"
        yield _family("bucket_payloads", words, ("state",), states)
    words = "Whether there is a bucket that cannot be used"
    yield _gauge("bucket_lost", words, bool(found and found.lost_at))


def _activity(now: datetime) -> Iterator[Metric]:
    """Nothing before the chain was verified for the first time."""
    check = ActivityCheck.objects.filter(pk=ActivityCheck.ONLY).first()
    if check is not None:
        words = "Whether the chain of activity was whole when it was last verified"
        yield _gauge("activity_whole", words, not check.problem)
        words = "Seconds since the chain of activity was last verified"
        yield _gauge("activity_verified_seconds", words, (now - check.checked_at).total_seconds())


def _webhooks() -> Iterator[Metric]:
    found = Webhook.objects.aggregate(
        on=Count("pk", filter=Q(is_active=True, failures=0)),
        failing=Count("pk", filter=Q(is_active=True, failures__gt=0)),
        off=Count("pk", filter=Q(is_active=False)),
    )
    by_state: dict[tuple[str, ...], float] = {(state,): n for state, n in found.items()}
    yield _family("webhooks", "Webhooks by how they are", ("state",), by_state)
    waiting = WebhookDelivery.objects.filter(state=WebhookDelivery.State.WAITING).count()
    yield _gauge("webhook_deliveries_waiting", "Deliveries that wait to be sent", waiting)


def _holes() -> Iterator[Metric]:
    """By advisory, those that most nodes have: the nodes with it, and those nobody knows of."""
    exposed: dict[tuple[str, ...], float] = {}
    unknown: dict[tuple[str, ...], float] = {}
    for one in exposure.look()[:HOLES]:
        exposed[(one.said.id,)] = one.nodes
        unknown[(one.said.id,)] = one.unknown_nodes
    words = "Nodes that run an image with a known hole"
    yield _family("exposed_nodes", words, ("advisory",), exposed)
    words = "Nodes of which nobody can say whether they have a hole"
    yield _family("exposure_unknown_nodes", words, ("advisory",), unknown)
