"""What the clock does.

Each task looks at facts and no task at what another did: all are safe to run late, twice, or
twice at once, since whoever comes second finds less to do, or nothing.
"""

from celery import shared_task
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from oemupdates.services import counters, history


@shared_task  # type: ignore[untyped-decorator] # Celery has no types
def mark_dark_nodes() -> None:
    """Mark nodes dark that were not heard when they should have been."""
    counters.mark_dark(timezone.now())


@shared_task  # type: ignore[untyped-decorator] # Celery has no types
def repair_counters() -> None:
    """Count all nodes anew, and mend the counters that drifted."""
    counters.repair()


@shared_task  # type: ignore[untyped-decorator] # Celery has no types
def forget_old_history() -> None:
    """Delete what is older than it is kept: events, answers, refused requests, ended sessions."""
    history.forget(timezone.now(), settings.EVENT_RETENTION_DAYS)
    SessionStore.clear_expired()
