"""OS versions: as shares of some nodes, and over the last weeks as a chart of the samples."""

from collections import Counter
from datetime import datetime, timedelta
from typing import NamedTuple

from oemupdates.dashboard.frame.drawing import SHADES, Chart, Series, percent
from oemupdates.dashboard.frame.tags import nodes_url
from oemupdates.domain.access import Reach
from oemupdates.domain.version import sort_key
from oemupdates.models import Dimension, Sample
from oemupdates.models.sample import OTHERS, Counts

DAYS = timedelta(days=30)
# With fewer days of history than these, hours are shown.
FEW = timedelta(days=3)
_OTHER = "other versions"

Points = list[tuple[datetime, Counts]]


class Share(NamedTuple):
    """The nodes of one version, and how it is drawn; the list behind it."""

    version: str
    nodes: int
    percent: str
    tone: str
    is_target: bool
    url: str


def shares(versions: Counts, *, target: str, group: int) -> list[Share]:
    """The versions of a group's nodes, newest first; the target is drawn in green."""
    whole = versions.total()
    found, shade = [], 0
    for version in sorted(versions, key=lambda one: (sort_key(one), one), reverse=True):
        nodes = versions[version]
        is_target = version == target != ""
        tone = "good" if is_target else f"shade-{shade % SHADES}"
        shade += not is_target
        url = nodes_url(group=group, version=version)
        found.append(Share(version, nodes, percent(nodes, whole), tone, is_target, url))
    return found


def version_chart(
    reach: Reach, now: datetime, current: Counts, *, group: int | None = None
) -> Chart | None:
    """OS versions day by day up to now; by the hour while there are few days, None without any.

    `current` are the nodes of each version at `now`. Of one `group`, its lists are behind it.
    """
    series = Sample.objects.daily().series
    points = series(Dimension.VERSION, reach, since=now - DAYS, until=now)
    if not points or now - points[0][0] < FEW:
        hourly = Sample.objects.series
        points = hourly(Dimension.VERSION, reach, since=now - FEW, until=now)
    if not points:
        return None
    days_only = points[-1][0] - points[0][0] >= FEW
    points = [*points, (now, current)]
    shown = _shown(points)
    return Chart(
        name="versions",
        title="OS versions",
        times=[at for at, _counts in points],
        series=[*_lines(points, shown, group), *_others(points, shown)],
        summary=_summary(points, shown),
        is_stacked=True,
        days_only=days_only,
    )


def span_of(time: timedelta) -> str:
    """How long a chart is, in words: `30 days`, or `5 h` of its first two."""
    return (
        f"{time.days} days" if time.days > 1 else f"{max(round(time / timedelta(hours=1)), 1)} h"
    )


def _shown(points: Points) -> list[str]:
    """The versions that had the most nodes at any time, newest first; as many as have colours."""
    peaks: Counter[str] = Counter()
    for _at, counts in points:
        for version, nodes in counts.items():
            if version != OTHERS:
                peaks[version] = max(peaks[version], nodes)
    few = [version for version, _nodes in peaks.most_common(SHADES - 1)]
    return sorted(few, key=lambda version: (sort_key(version), version), reverse=True)


def _lines(points: Points, shown: list[str], group: int | None) -> list[Series]:
    only = {} if group is None else {"group": group}
    return [
        Series(
            version or "unknown",
            [float(counts[version]) for _at, counts in points],
            nodes_url(version=version, **only),
        )
        for version in shown
    ]


def _others(points: Points, shown: list[str]) -> list[Series]:
    rest: list[float | None] = [
        float(counts.total() - sum(counts[version] for version in shown)) for _at, counts in points
    ]
    return [Series(_OTHER, rest)] if any(rest) else []


def _summary(points: Points, shown: list[str]) -> str:
    """What became of the most common version, in a sentence."""
    (since, before), (now, after) = points[0], points[-1]
    if not after.total() or not shown:
        return "No node is left."
    version = max(shown, key=lambda one: after[one])
    span = span_of(now - since)
    name = version or "an unknown version"
    share = f"{after[version]:,} of {after.total():,} nodes run {name}"
    was = f"{before[version]:,} of {before.total():,}"
    if (before[version], before.total()) == (after[version], after.total()):
        return f"{share}, as {span} ago."
    return f"{share}; {span} ago it was {was}."
