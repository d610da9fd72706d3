"""Whether this server lives, and whether it can do its work; for probes, without a log-in."""

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from oemupdates.services.server import health
from oemupdates.services.server.health import OK


@login_not_required
@never_cache
@require_safe
def livez(_request: HttpRequest) -> JsonResponse:
    """Answer; that is all it takes to live."""
    return JsonResponse({"status": OK})


@login_not_required
@never_cache
@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """Say part by part what works: 503 unless check-ins and pages do.

    The broker is told and never counts: check-ins need the database alone.
    """
    parts = {"database": health.database(), "migrations": "unknown", "broker": health.broker()}
    if parts["database"] == OK:
        parts["migrations"] = health.migrations()
    is_ready = parts["database"] == parts["migrations"] == OK
    status = {"status": OK if is_ready else "not ready", "parts": parts}
    return JsonResponse(status, status=200 if is_ready else 503)
