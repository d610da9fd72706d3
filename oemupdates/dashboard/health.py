"""Whether this server lives, and whether it can do its work; for probes, without a log-in."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from redis import Redis
from redis.exceptions import RedisError

OK = "ok"
BROKER_SECONDS = 0.5


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
    parts = {"database": _database(), "migrations": OK, "broker": _broker()}
    parts["migrations"] = _migrations() if parts["database"] == OK else "unknown"
    is_ready = parts["database"] == parts["migrations"] == OK
    status = {"status": OK if is_ready else "not ready", "parts": parts}
    return JsonResponse(status, status=200 if is_ready else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        return f"unreachable ({type(error).__name__})"
    return OK


def _migrations() -> str:
    try:
        executor = MigrationExecutor(connection)
        pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        return f"unreadable ({type(error).__name__})"
    return f"{len(pending)} pending" if pending else OK


def _broker() -> str:
    """How the queue of background work is; what it says of itself is for the log, not for all."""
    if not settings.REDIS_URL:
        return OK  # jobs wait in files
    broker = Redis.from_url(
        settings.REDIS_URL, socket_connect_timeout=BROKER_SECONDS, socket_timeout=BROKER_SECONDS
    )
    try:
        broker.ping()
    except (RedisError, OSError) as error:
        return f"unreachable ({type(error).__name__})"
    finally:
        broker.close()
    return OK
