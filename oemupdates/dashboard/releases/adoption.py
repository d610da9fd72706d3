"""How many nodes came to run a version, as a chart of the samples."""

from datetime import datetime, timedelta

from oemupdates.dashboard.frame.drawing import Chart, Series
from oemupdates.dashboard.frame.tags import nodes_url
from oemupdates.domain.access import Reach
from oemupdates.models import Dimension, Sample
from oemupdates.models.sample import OTHERS, Counts

DAYS = timedelta(days=30)
# With fewer days of history than these, hours are shown.
FEW = timedelta(days=3)


def adoption_chart(reach: Reach, now: datetime, version: str, current: int) -> Chart | None:
    """The nodes of a version over the last weeks, up to now; None without a sample of any.

    A sample keeps the most common versions apart: of one that is not among them and not gone
    either, the number is not known.
    """
    dimension, until = Dimension.VERSION, now
    points = Sample.objects.daily().series(dimension, reach, since=now - DAYS, until=until)
    if not points or now - points[0][0] < FEW:
        points = Sample.objects.series(dimension, reach, since=now - FEW, until=until)
    values = [_value(counts, version) for _at, counts in points]
    if not any(values):
        return None
    return Chart(
        name="adoption",
        title=f"Nodes on {version}",
        times=[*(at for at, _counts in points), now],
        series=[Series(version, [*values, float(current)], nodes_url(version=version))],
        summary=_summary(values, points, version, current, now),
        is_stacked=False,
        days_only=points[-1][0] - points[0][0] >= FEW,
    )


def _value(counts: Counts, version: str) -> float | None:
    if version in counts or not counts[OTHERS]:
        return float(counts[version])
    return None


def _summary(
    values: list[float | None],
    points: list[tuple[datetime, Counts]],
    version: str,
    current: int,
    now: datetime,
) -> str:
    """What became of the number since it was first known, in a sentence."""
    first = next(index for index, value in enumerate(values) if value is not None)
    before, since = int(values[first] or 0), now - points[first][0]
    span = (
        f"{since.days} days"
        if since.days > 1
        else f"{max(round(since.total_seconds() / 3600), 1)} h"
    )
    nodes = f"{current:,} node{'s' * (current != 1)} run{'s' * (current == 1)} {version}"
    if before == current:
        return f"{nodes} on any architecture, as {span} ago."
    return f"{nodes} on any architecture; {span} ago it was {before:,}."
