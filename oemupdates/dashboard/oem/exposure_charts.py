"""How many nodes had known holes, day by day, as charts of what was counted."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from oemupdates.dashboard.frame.drawing import SHADES, Chart, Series
from oemupdates.dashboard.frame.tags import nodes_url
from oemupdates.domain.access import Reach
from oemupdates.models import Advisory
from oemupdates.services.security import exposure_days
from oemupdates.services.security.exposure_days import Day

SHOWN = timedelta(days=90)


def chart_of(advisory: Advisory, days: Sequence[Day]) -> Chart:
    """The nodes with one hole, and those of which nobody could say."""
    every = _every_day([day.day for day in days])
    by_day = {day.day: day for day in days}
    found = [by_day.get(one) for one in every]
    return Chart(
        name="exposure",
        title=f"Nodes with {advisory}",
        times=[_noon(one) for one in every],
        series=[
            Series("Exposed", _numbers(found, "nodes"), nodes_url(exposed=advisory)),
            Series("Not known", _numbers(found, "unknown"), nodes_url(exposure_unknown=advisory)),
        ],
        summary=_summary(days),
        days_only=True,
    )


def chart_of_worst(reach: Reach, today: date) -> Chart | None:
    """The nodes with each of the holes that most node-days are of; None where there are none."""
    worst = exposure_days.worst(reach, since=today - SHOWN, most=SHADES)
    if not worst:
        return None
    every = _every_day([day.day for days in worst.values() for day in days])
    lines = []
    for advisory, days in worst.items():
        by_day = {day.day: day for day in days}
        values = _numbers([by_day.get(one) for one in every], "nodes")
        lines.append(Series(str(advisory), values, nodes_url(exposed=advisory)))
    first, days = next(iter(worst.items()))
    node_days = sum(day.nodes for day in days)
    return Chart(
        name="exposure",
        title="Nodes by hole",
        times=[_noon(one) for one in every],
        series=lines,
        summary=f"Of the last {SHOWN.days} days, {first} has the most node-days: {node_days:,}.",
        days_only=True,
    )


def _every_day(counted: Sequence[date]) -> list[date]:
    """All days from the first that was counted to the last."""
    first, last = min(counted), max(counted)
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _noon(day: date) -> datetime:
    return datetime.combine(day, time(12), tzinfo=UTC)


def _numbers(days: Sequence[Day | None], name: str) -> list[float | None]:
    """A number a day; none of a day on which this server did not count."""
    return [None if day is None else float(getattr(day, name)) for day in days]


def _summary(days: Sequence[Day]) -> str:
    """What became of the exposure, in a sentence."""
    last, worst = days[-1], max(days, key=lambda day: day.nodes)
    nodes = f"{last.nodes:,} node{'s' * (last.nodes != 1)} exposed on {last.day}"
    if worst.nodes == last.nodes:
        return f"{nodes}, and never more since {days[0].day}."
    return f"{nodes}; at the worst, on {worst.day}, {worst.nodes:,}."
