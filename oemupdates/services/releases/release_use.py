"""Who a version is still of use to: nodes that run it, may fall back to it, or are fetching it.

One that ran it may start it again from its other partition, and ask for its OEM payload then.
"""

from datetime import timedelta

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from oemupdates.domain.collection import Wanted
from oemupdates.models import Node, VersionInterval


def wanted(version: str, architecture: str) -> Wanted:
    """How many nodes ran a version, or were offered it last, in the days of the settings."""
    ran, offered = _recent(version, architecture)
    return Wanted(ran.values("node").distinct().count(), offered.count())


def is_wanted(version: str, architecture: str) -> bool:
    """Whether there are any."""
    ran, offered = _recent(version, architecture)
    return offered.exists() or ran.exists()


def _recent(version: str, architecture: str) -> tuple[QuerySet[VersionInterval], QuerySet[Node]]:
    since = timezone.now() - timedelta(days=settings.PAYLOAD_KEEP_DAYS)
    ran = VersionInterval.objects.filter(
        Q(ended_at=None) | Q(ended_at__gte=since),
        version=version,
        node__architecture=architecture,
        node__is_archived=False,
    )
    offered = Node.objects.filter(
        target_version=version,
        architecture=architecture,
        is_archived=False,
        offered_at__gte=since,
    )
    return ran, offered
