"""Exposed node-days: on how many nodes each hole was, day by day."""

from collections.abc import Collection
from datetime import date, datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import Max, Min, OuterRef, Subquery, Sum

from oemupdates.models import Exposure
from oemupdates.services import exposure


class Days(NamedTuple):
    """What was counted of an advisory: the node-days, and the first day of this exposure."""

    node_days: int = 0
    since: date | None = None


def count(now: datetime) -> int:
    """Write down today's exposure, at its worst hour so far; how many advisories there are."""
    found, today = exposure.look(), now.date()
    with transaction.atomic():
        locked = Exposure.objects.select_for_update().filter(day=today)
        before = {row.advisory_id: (row.nodes, row.unknown) for row in locked}
        rows = []
        for one in found:
            nodes, unknown = before.get(one.row.pk, (0, 0))
            worst = {
                "nodes": max(nodes, one.nodes),
                "unknown": max(unknown, one.unknown_nodes),
            }
            rows.append(Exposure(advisory=one.row, day=today, **worst))
        Exposure.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["advisory", "day"],
            update_fields=["nodes", "unknown"],
        )
    return len(found)


def days(keys: Collection[int]) -> dict[int, Days]:
    """By advisory, the node-days since this server counts, and since when there is exposure."""
    rows = Exposure.objects.filter(advisory__in=keys).order_by()
    sums = dict(rows.values_list("advisory").annotate(sum=Sum("nodes")))
    last_clear = (
        Exposure.objects.filter(advisory=OuterRef("advisory"), nodes=0)
        .order_by()
        .values("advisory")
        .annotate(last=Max("day"))
        .values("last")
    )
    open_now = rows.filter(nodes__gt=0).alias(clear=Subquery(last_clear))
    since = dict(
        (open_now.filter(clear=None) | open_now.filter(day__gt=Subquery(last_clear)))
        .values_list("advisory")
        .annotate(first=Min("day"))
    )
    return {key: Days(sums.get(key, 0), since.get(key)) for key in keys}
