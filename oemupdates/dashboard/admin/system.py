"""Admin > System: how this server itself is, part by part, and what the clock did."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from oemupdates.dashboard.frame.acting import needs
from oemupdates.domain.access import Permission
from oemupdates.domain.health import Level, Part
from oemupdates.services.server import clock, health
from oemupdates.services.shared import heartbeats


@require_safe
@needs(Permission.READ_SECURITY)
def system(request: HttpRequest) -> HttpResponse:
    """Show every part of this server in words."""
    now = timezone.now()
    parts = health.parts(now)
    context = {
        "parts": parts,
        "sentence": _sentence(parts),
        "work": clock.works(now, heartbeats.seen()),
        "versions": health.versions(),
        "address": settings.FLEET_URL,
        "web_processes": settings.WEB_PROCESSES,
        "payload_dir": settings.PAYLOAD_DIR,
    }
    return render(request, "dashboard/system.html", context)


def _sentence(parts: list[Part]) -> str:
    """How the server is in one sentence."""
    wrong = [part for part in parts if part.level is not Level.FINE]
    if not wrong:
        return "Every part of this server works."
    return f"{len(wrong)} of {len(parts)} parts of this server need{'s' * (len(wrong) == 1)} you."
