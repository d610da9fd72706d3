"""The Celery application and its beat schedule."""

import os
import time

from celery import Celery
from celery.beat import BeatLazyFunc

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fleet.settings")

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
    "mark-dark-nodes": {"task": "oemupdates.tasks.mark_dark_nodes", "schedule": 60.0},
    "repair-counters": {"task": "oemupdates.tasks.repair_counters", "schedule": 3600.0},
    "verify-activity": {"task": "oemupdates.tasks.verify_activity", "schedule": 21600.0},
    "forget-old-history": {"task": "oemupdates.tasks.forget_old_history", "schedule": 3600.0},
}
