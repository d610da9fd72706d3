"""Admin > System: how this server itself is, part by part, and what the clock did."""

import platform
from importlib.metadata import version
from typing import NamedTuple

import django
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from oemupdates.dashboard.acting import needs
from oemupdates.domain.access import Permission
from oemupdates.models import Heartbeat
from oemupdates.services import health
from oemupdates.services.health import Level


class Work(NamedTuple):
    """One thing that the clock does: what, and when it did it last."""

    words: str
    every: str
    beat: Heartbeat | None


_CLOCK = {
    "measure_drift": ("Measure drift where something moved", "minute"),
    "mark_dark_nodes": ("Mark nodes dark that were not heard", "minute"),
    "take_sample": ("Take the hour's sample of the counters", "minute"),
    "repair_counters": ("Count all nodes anew, and mend counters that drifted", "hour"),
    "verify_new_activity": ("Verify what was added to the chain of activity", "minute"),
    "verify_activity": ("Verify the whole chain of activity", "6 hours"),
    "forget_old_history": ("Delete what is older than it is kept", "hour"),
}


@require_safe
@needs(Permission.READ_SECURITY)
def system(request: HttpRequest) -> HttpResponse:
    """Show every part of this server in words."""
    parts = health.parts(timezone.now())
    beats = {beat.name: beat for beat in Heartbeat.objects.all()}
    context = {
        "parts": parts,
        "sentence": _sentence(parts),
        "work": [Work(*words, beats.get(name)) for name, words in _CLOCK.items()],
        "versions": [
            ("Python", platform.python_version()),
            ("Django", django.get_version()),
            ("Celery", version("celery")),
            (connection.display_name, _database_version()),
        ],
        "address": settings.FLEET_URL,
        "web_processes": settings.WEB_PROCESSES,
        "payload_dir": settings.PAYLOAD_DIR,
    }
    return render(request, "dashboard/system.html", context)


def _sentence(parts: list[health.Part]) -> str:
    """How the server is in one sentence."""
    wrong = [part for part in parts if part.level is not Level.FINE]
    if not wrong:
        return "Every part of this server works."
    return f"{len(wrong)} of {len(parts)} parts of this server need{'s' * (len(wrong) == 1)} you."


def _database_version() -> str:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SHOW server_version")
        else:
            cursor.execute("SELECT sqlite_version()")
        return str(cursor.fetchone()[0])
