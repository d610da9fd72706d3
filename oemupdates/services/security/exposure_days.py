"""Exposed node-days: on how many nodes each hole was, day by day."""

from collections.abc import Collection
from datetime import date, datetime
from typing import NamedTuple

from django.db import transaction
from django.db.models import Max, Min, OuterRef, Subquery, Sum

from oemupdates.domain.access import Reach
from oemupdates.models import Advisory, Exposure
from oemupdates.services.security import exposure

SHOWN_DAYS = 366


class Day(NamedTuple):
    """One day: how many nodes had a hole at its worst hour, and of how many nobody could say."""

    day: date
    nodes: int
    unknown: int


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


def days(keys: Collection[int], reach: Reach) -> dict[int, Days] | None:
    """By advisory, the node-days since this server counts, and since when there is exposure.

    None for who sees some groups alone: the whole fleet was counted, and not each group.
    """
    if not reach.is_everywhere:
        return None
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


def worst(reach: Reach, *, since: date, most: int) -> dict[Advisory, list[Day]]:
    """The advisories with the most node-days since a day, the worst first, each with its days.

    None for who sees some groups alone, as of `days`.
    """
    if not reach.is_everywhere:
        return {}
    rows = Exposure.objects.filter(day__gte=since).order_by()
    sums = rows.values_list("advisory").annotate(sum=Sum("nodes")).filter(sum__gt=0)
    keys = [key for key, _sum in sums.order_by("-sum", "advisory")[:most]]
    found = Advisory.objects.in_bulk(keys)
    counted: dict[Advisory, list[Day]] = {found[key]: [] for key in keys}
    for row in rows.filter(advisory__in=keys).order_by("day"):
        counted[found[row.advisory_id]].append(Day(row.day, row.nodes, row.unknown))
    return counted


def history(advisory: Advisory, reach: Reach) -> list[Day] | None:
    """The days of an advisory that were counted, the oldest first, for a year at most.

    None for who sees some groups alone, as of `days`.
    """
    if not reach.is_everywhere:
        return None
    rows = Exposure.objects.filter(advisory=advisory).order_by("-day")
    newest = rows.values_list("day", "nodes", "unknown")[:SHOWN_DAYS]
    return [Day(*row) for row in newest][::-1]
