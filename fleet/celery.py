"""The Celery application and its beat schedule."""

import os
import time
from typing import Any

from celery import Celery, Task, signals
from celery.beat import BeatLazyFunc
from celery.states import FAILURE

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fleet.settings")

_began: dict[str, float] = {}


@signals.task_prerun.connect(weak=False)  # type: ignore[untyped-decorator]
def _begin(task_id: str, **_: Any) -> None:
    _began[task_id] = time.perf_counter()


@signals.task_postrun.connect(weak=False)  # type: ignore[untyped-decorator]
def _end(task_id: str, task: Task, state: str, **_: Any) -> None:
    # Only where tasks run: reading settings must not need the metrics' folder.
    from oemupdates import telemetry  # noqa: PLC0415

    name = task.name.rpartition(".")[2]
    began = _began.pop(task_id, None)
    if began is not None:
        telemetry.TASK_SECONDS.labels(name).observe(time.perf_counter() - began)
    if state == FAILURE:
        telemetry.TASK_FAILURES.labels(name).inc()


app = Celery("fleet")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["oemupdates"])
app.conf.beat_schedule = {
    # It carries when the beat sent it, and so says of both how late they are.
    "beat": {
        "task": "oemupdates.tasks.beat",
        "schedule": 30.0,
        "args": (BeatLazyFunc(time.time),),
        "options": {"expires": 120},
    },
    # Hourly samples, looked after every minute: none waits an hour for what was down on the hour.
    "take-sample": {"task": "oemupdates.tasks.take_sample", "schedule": 60.0},
    # A round that is late is of no use: the next one sends the same.
    "tell-webhooks": {
        "task": "oemupdates.tasks.tell_webhooks",
        "schedule": 5.0,
        "options": {"expires": 10},
    },
    # Workers that meet in a change take turns at its chunks.
    "advance-bulk-changes": {
        "task": "oemupdates.tasks.advance_bulk_changes",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "tend-demo-fleet": {
        "task": "oemupdates.tasks.tend_demo_fleet",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    # Each round takes up what is due or was left behind; one that is late finds nothing more.
    "sync-upstreams": {
        "task": "oemupdates.tasks.sync_upstreams",
        "schedule": 15.0,
        "options": {"expires": 15},
    },
    "import-bundles": {
        "task": "oemupdates.tasks.import_bundles",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "scrub-payloads": {
        "task": "oemupdates.tasks.scrub_payloads",
        "schedule": 600.0,
        "options": {"expires": 600},
    },
    "tend-bucket": {
        "task": "oemupdates.tasks.tend_bucket",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "verify-announced": {
        "task": "oemupdates.tasks.verify_announced",
        "schedule": 10.0,
        "options": {"expires": 10},
    },
    "look-for-holes": {"task": "oemupdates.tasks.look_for_holes", "schedule": 600.0},
    # A pass that takes longer is gone on with by the next.
    "measure-drift": {
        "task": "oemupdates.tasks.measure_drift",
        "schedule": 60.0,
        "options": {"expires": 60},
    },
    "mark-dark-nodes": {"task": "oemupdates.tasks.mark_dark_nodes", "schedule": 60.0},
    "repair-counters": {"task": "oemupdates.tasks.repair_counters", "schedule": 3600.0},
    "verify-activity": {"task": "oemupdates.tasks.verify_activity", "schedule": 21600.0},
    "verify-new-activity": {"task": "oemupdates.tasks.verify_new_activity", "schedule": 60.0},
    "forget-old-history": {"task": "oemupdates.tasks.forget_old_history", "schedule": 3600.0},
}
