"""What the clock does.

Each task looks at facts and no task at what another did: all are safe to run late, twice, or
twice at once, since whoever comes second finds less to do, or nothing.
"""

import logging
from datetime import UTC, datetime

from celery import shared_task
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from oemupdates.services.access import sessions
from oemupdates.services.carrying import bundle_runs
from oemupdates.services.counters import counters, samples
from oemupdates.services.demo import demo
from oemupdates.services.drift import drift_telling, remeasuring, reports
from oemupdates.services.hosting import bucket_copying
from oemupdates.services.news import deliveries, notices
from oemupdates.services.nodes import bulk_work
from oemupdates.services.oem import oem_proposals, package_lists
from oemupdates.services.security import advisories, exposure_days
from oemupdates.services.server import history
from oemupdates.services.shared import activity_chain, heartbeats
from oemupdates.services.sync import sync
from oemupdates.services.upkeep import fallbacks, scrub, verifying

logger = logging.getLogger(__name__)

# For how long a tick goes on with changes of many nodes; the next comes sooner than that ends.
BULK_SECONDS = 20.0
# The same for measuring drift.
DRIFT_SECONDS = 45.0
# The same for copying to the bucket.
BUCKET_SECONDS = 45.0
# The same for the demo fleet.
DEMO_SECONDS = 10.0


@shared_task  # type: ignore[untyped-decorator] # Celery has no types
def beat(sent_at: float) -> None:
    """Note that the beat sent this and that the worker got it; `sent_at` is in Unix seconds."""
    heartbeats.beat(heartbeats.BEAT, datetime.fromtimestamp(sent_at, tz=UTC))
    heartbeats.beat(heartbeats.WORKER, timezone.now())


@shared_task  # type: ignore[untyped-decorator] # Celery has no types
def advance_bulk_changes() -> None:
    """Go on with changes of many nodes that operators began."""
    running = bulk_work.advance_all(seconds=BULK_SECONDS)
    heartbeats.beat("advance_bulk_changes", timezone.now(), found=running)


@shared_task  # type: ignore[untyped-decorator] # Celery has no types
def tend_demo_fleet() -> None:
    """Go on with loading, keeping alive or removing the demo fleet, where there is one."""
    steps = demo.advance(seconds=DEMO_SECONDS)
    heartbeats.beat("tend_demo_fleet", timezone.now(), found=steps)


@shared_task  # type: ignore[untyped-decorator] # Celery has no types
def mark_dark_nodes() -> None:
    """Mark nodes dark that were not heard when they should have been."""
    marked = counters.mark_dark(timezone.now())
    heartbeats.beat("mark_dark_nodes", timezone.now(), found=marked)


@shared_task  # type: ignore[untyped-decorator] # Celery has no types
def measure_drift() -> None:
    """Measure the drift of nodes again, where something moved that they did not say."""
    now = timezone.now()
    fallbacks.look(now, "measure_drift")
    changed = remeasuring.measure_overdue(now) + remeasuring.advance(now, seconds=DRIFT_SECONDS)
    drift_telling.tell()
    heartbeats.beat("measure_drift", now, found=changed)


@shared_task  # type: ignore[untyped-decorator] # Celery has no types
def repair_counters() -> None:
    """Count all nodes anew, and mend the counters that drifted."""
    mended = counters.repair()
    heartbeats.beat("repair_counters", timezone.now(), found=mended)


@shared_task  # type: ignore[untyped-decorator] # Celery has no types
def take_sample() -> None:
    """Take this hour's sample of the counters, unless there is one."""
    taken = samples.take(timezone.now())
    heartbeats.beat("take_sample", timezone.now(), found=taken)


@shared_task  # type: ignore[untyped-decorator] # Celery has no types
def forget_old_history() -> None:
    """Delete what is older than it is kept: history, samples, refused requests, sessions."""
    forgotten = history.forget(timezone.now())
    reports.forget_old(timezone.now())
    SessionStore.clear_expired()
    sessions.forget_ended(timezone.now())
    heartbeats.beat("forget_old_history", timezone.now(), found=forgotten)


@shared_task  # type: ignore[untyped-decorator] # Celery has no types
def verify_activity() -> None:
    """Read the whole chain of activity, and remember how far it is whole."""
    _tell(activity_chain.check())
    heartbeats.beat("verify_activity", timezone.now())


@shared_task  # type: ignore[untyped-decorator] # Celery has no types
def verify_new_activity() -> None:
    """Read what was added to the chain of activity since it was last read."""
    _tell(activity_chain.check_new())
    heartbeats.beat("verify_new_activity", timezone.now())


def _tell(found: activity_chain.Found) -> None:
    if not found.is_whole:
        logger.error("Activity is not what was written: %s", found.problem)


@shared_task  # type: ignore[untyped-decorator] # Celery has no types
def tell_webhooks() -> None:
    """Find what webhooks are to be told, and send what is due."""
    notices.find(timezone.now())
    sent = deliveries.send_due()
    heartbeats.beat("tell_webhooks", timezone.now(), found=sent)


@shared_task(acks_late=False)  # type: ignore[untyped-decorator] # Celery has no types
def sync_upstreams() -> None:
    """Fetch what upstreams have for the channels that follow them, where it is time.

    It may take long, so a queue must not hand it out again: what a dead worker left is found.
    """
    worked = sync.work_due()
    heartbeats.beat("sync_upstreams", timezone.now(), found=worked)


# It goes on where it was broken off, but a bundle of many releases takes its time to be read.
@shared_task(acks_late=False, time_limit=6 * 60 * 60)  # type: ignore[untyped-decorator]
def import_bundles() -> None:
    """Take in the bundles that somebody brought."""
    worked = bundle_runs.work_open()
    heartbeats.beat("import_bundles", timezone.now(), found=worked)


@shared_task(acks_late=False, time_limit=6 * 60 * 60)  # type: ignore[untyped-decorator]
def verify_announced() -> None:
    """Read the payloads that scripts announced, and that somebody wants to be verified."""
    worked = verifying.work_open()
    heartbeats.beat("verify_announced", timezone.now(), found=worked)


@shared_task  # type: ignore[untyped-decorator]
def scrub_payloads() -> None:
    """See that hosted payloads are there, and read some of them again."""
    read = scrub.scrub(timezone.now(), most_bytes=settings.SCRUB_BYTES)
    heartbeats.beat("scrub_payloads", timezone.now(), found=read)


# One payload may be long on its way, over a line that syncs may not fill.
@shared_task(acks_late=False, time_limit=6 * 60 * 60)  # type: ignore[untyped-decorator]
def tend_bucket() -> None:
    """Copy hosted payloads to the bucket, and take away what nothing names, if there is one."""
    moved = bucket_copying.tend(seconds=BUCKET_SECONDS)
    heartbeats.beat("tend_bucket", timezone.now(), found=moved)


@shared_task  # type: ignore[untyped-decorator]
def look_for_holes() -> None:
    """Read what came of packages, advisories and OEMs, and count the nodes with holes."""
    package_lists.read_new()
    advisories.load_shipped()
    oem_proposals.look(timezone.now())
    found = exposure_days.count(timezone.now())
    heartbeats.beat("look_for_holes", timezone.now(), found=found)
