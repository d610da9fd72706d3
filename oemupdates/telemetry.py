"""What this process counts, for Prometheus: no numbers of nodes, which the database knows better.

Where `PROMETHEUS_MULTIPROC_DIR` names a folder, every process writes its values there, and any of
them can tell the sum; each name holds the machine's, so that containers may share a folder.
"""

import os
import platform
import re
from bisect import bisect_left
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_FOLDER = os.environ.get("PROMETHEUS_MULTIPROC_DIR", "")
if _FOLDER:
    # The client looks at the variable when it is imported, and makes no folder.
    Path(_FOLDER).mkdir(parents=True, exist_ok=True)

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values  # noqa: E402
from prometheus_client.multiprocess import MultiProcessCollector  # noqa: E402

_HOST = re.sub(r"[^0-9A-Za-z.-]", "-", platform.node()) or "host"
_LIVE = re.compile(rf"gauge_live[a-z]*_{re.escape(_HOST)}\.(\d+)\.db")
if _FOLDER:
    values.ValueClass = values.MultiProcessValue(  # type: ignore[no-untyped-call]
        lambda: f"{_HOST}.{os.getpid()}"
    )

REGISTRY = CollectorRegistry()
_QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_SLOW = (0.01, 0.05, 0.25, 1.0, 5.0, 15.0, 60.0, 300.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class BulkHistogram(Histogram):
    """A histogram that takes many values for little more than the price of one."""

    def observe_many(self, observed: Iterable[float]) -> None:
        """Count each value in its bucket."""
        counts: dict[int, int] = {}
        total = 0.0
        for value in observed:
            bucket = bisect_left(self._upper_bounds, value)
            counts[bucket] = counts.get(bucket, 0) + 1
            total += value
        self._sum.inc(total)
        for bucket, number in counts.items():
            self._buckets[bucket].inc(number)


CHECKIN_SECONDS = BulkHistogram(
    "oemfleet_checkin_seconds",
    "Seconds from a check-in's arrival in the queue to its commit",
    buckets=_QUICK,
    registry=REGISTRY,
)
CHECKIN_BATCH = BulkHistogram(
    "oemfleet_checkin_batch_size",
    "Check-ins that were committed together",
    buckets=_SIZES,
    registry=REGISTRY,
)
CHECKINS = Counter(
    "oemfleet_checkins", "Check-ins by what they heard", ["outcome"], registry=REGISTRY
)
CHECKIN_QUEUE = Gauge(
    "oemfleet_checkin_queue_length",
    "Check-ins that wait for their commit",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
REJECTED = Counter(
    "oemfleet_rejected_requests",
    "Requests that the update endpoint could not answer, by reason",
    ["reason"],
    registry=REGISTRY,
)
REPORTS = Counter(
    "oemfleet_sysext_reports",
    "Reports of nodes, by what they heard",
    ["answer"],
    registry=REGISTRY,
)
PAYLOAD_REQUESTS = Counter(
    "oemfleet_payload_requests", "Requests for payloads, by status", ["status"], registry=REGISTRY
)
PAYLOAD_BYTES = Counter("oemfleet_payload_bytes", "Bytes of payloads sent", registry=REGISTRY)
PAGE_SECONDS = Histogram(
    "oemfleet_page_seconds",
    "Seconds that pages and operations of the API took, by view",
    ["view"],
    buckets=_QUICK,
    registry=REGISTRY,
)
STREAMS = Gauge(
    "oemfleet_event_streams",
    "Event streams that are open",
    multiprocess_mode="livesum",
    registry=REGISTRY,
)
TASK_SECONDS = Histogram(
    "oemfleet_task_seconds",
    "Seconds that the clock's tasks took, by task",
    ["task"],
    buckets=_SLOW,
    registry=REGISTRY,
)
TASK_FAILURES = Counter(
    "oemfleet_task_failures", "Tasks that failed, by task", ["task"], registry=REGISTRY
)
WEBHOOK_TRIES = Counter(
    "oemfleet_webhook_tries", "Tries to tell a webhook, by outcome", ["outcome"], registry=REGISTRY
)

# What a check-in can come to; made now, so that none is missing from the first scrape.
OUTCOMES = {
    name: CHECKINS.labels(name)
    for name in ("offer", "noupdate", "noted", "unknown_application", "failed", "shed")
}


def gathered() -> CollectorRegistry:
    """What all processes counted, as a registry of its own."""
    if not _FOLDER:
        return REGISTRY
    registry = CollectorRegistry()
    _forget_the_dead(Path(_FOLDER))
    MultiProcessCollector(registry, path=_FOLDER)  # type: ignore[no-untyped-call]
    return registry


def _forget_the_dead(folder: Path) -> None:
    """Remove what processes of this machine that ended last said of how they are."""
    for path in folder.glob("gauge_live*.db"):
        match = _LIVE.fullmatch(path.name)
        if match and not _lives(int(match[1])):
            with suppress(FileNotFoundError):
                path.unlink()


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it is somebody's
    return True
