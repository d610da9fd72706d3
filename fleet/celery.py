"""The Celery application and its beat schedule."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "fleet.settings")

app = Celery("fleet")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["oemupdates"])
app.conf.beat_schedule = {
    "mark-dark-nodes": {"task": "oemupdates.tasks.mark_dark_nodes", "schedule": 60.0},
    "repair-counters": {"task": "oemupdates.tasks.repair_counters", "schedule": 3600.0},
    "forget-old-history": {"task": "oemupdates.tasks.forget_old_history", "schedule": 3600.0},
}
