"""Writing down, for all to read, what got out of step and what is back.

A release may move a hundred thousand nodes at once, and activity is one chain: what opened or
closed since the last look is told by group and class, with how many nodes that is and a few names.
"""

from collections import defaultdict
from collections.abc import Iterable

from django.db import transaction
from django.db.models import QuerySet

from oemupdates.domain.drift_facts import Drift
from oemupdates.domain.drift_words import MEANINGS
from oemupdates.models import DriftInterval
from oemupdates.services.shared import activity
from oemupdates.services.shared.activity import Entry, Named

OPENED, CLOSED = "drift.opened", "drift.closed"
# Rows that one look takes, and looks that one round takes.
LOOK, LOOKS = 5000, 40
NAMED = 5


def tell() -> int:
    """Tell what was not told yet; of how many openings and closings that is."""
    rows = DriftInterval.objects.order_by("pk")
    ended = rows.filter(closed_at__isnull=False, is_closing_told=False, is_opening_told=True)
    return _tell(OPENED, rows.filter(is_opening_told=False), "is_opening_told") + _tell(
        CLOSED, ended, "is_closing_told"
    )


def _tell(verb: str, untold: QuerySet[DriftInterval], mark: str) -> int:
    told = 0
    for _ in range(LOOKS):
        with transaction.atomic():
            locked = untold.select_for_update(skip_locked=True, no_key=True, of=("self",))
            rows = list(locked.select_related("node__group")[:LOOK])
            if rows:
                keys = [row.pk for row in rows]
                DriftInterval.objects.filter(pk__in=keys).update(**{mark: True})
                activity.record_all(_entries(verb, rows))
        told += len(rows)
        if len(rows) < LOOK:
            break
    return told


def _entries(verb: str, rows: Iterable[DriftInterval]) -> Iterable[Entry]:
    together: defaultdict[tuple[int | None, str, str], list[DriftInterval]] = defaultdict(list)
    for row in rows:
        together[row.node.group_id, row.drift, row.closed_by].append(row)
    for (_group, drift, cause), found in together.items():
        node = found[0].node
        several = node.group or Named("group", "no group")
        facts: dict[str, activity.Value] = {"drift": drift}
        if len(found) > 1:
            names = [str(row.node) for row in found[:NAMED]]
            facts |= {"nodes": len(found), "such as": names}
        if verb == CLOSED:
            facts["ended by"] = cause
        yield Entry(
            verb,
            several if len(found) > 1 else node,
            None,
            after=facts,
            why=MEANINGS[Drift(drift)].label,
        )
