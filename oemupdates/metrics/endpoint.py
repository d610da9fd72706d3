"""`GET /metrics`: numbers for Prometheus, for who has their token."""

import hmac

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from oemupdates import telemetry
from oemupdates.metrics.collector import FleetCollector

UNAUTHORIZED, NOT_FOUND = 401, 404
_fleet = CollectorRegistry()
_fleet.register(FleetCollector())


@login_not_required
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Tell what all processes counted, and how the fleet is; 404 unless a setting opens it."""
    if not settings.METRICS_OPEN:
        if not settings.METRICS_TOKEN:
            return _said("Set FLEET_METRICS_TOKEN or FLEET_METRICS_OPEN to open this.", NOT_FOUND)
        if not _has_token(request):
            return _said("Send the token of FLEET_METRICS_TOKEN.", UNAUTHORIZED)
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    # Two documents would end twice: the last of them says so, in OpenMetrics.
    counted = encode(telemetry.gathered()).removesuffix(b"# EOF\n")
    return HttpResponse(counted + encode(_fleet), content_type=content_type)


def _said(words: str, status: int) -> HttpResponse:
    """A refusal in words, for whoever reads the log of a scraper."""
    answer = HttpResponse(f"{words}\n", status=status, content_type="text/plain; charset=utf-8")
    if status == UNAUTHORIZED:
        answer["WWW-Authenticate"] = "Bearer"
    return answer


def _has_token(request: HttpRequest) -> bool:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    given, wanted = token.strip().encode(), settings.METRICS_TOKEN.encode()
    return scheme.lower() == "bearer" and hmac.compare_digest(given, wanted)
