"""Drift over the last weeks, as a chart of the samples."""

from collections import Counter
from datetime import datetime

from oemupdates.dashboard.frame.drawing import SHADES, Chart, Series
from oemupdates.dashboard.frame.shares import DAYS, FEW, span_of
from oemupdates.dashboard.frame.tags import nodes_url
from oemupdates.domain.access import Reach
from oemupdates.domain.drift import count, first_of
from oemupdates.domain.drift_facts import KEPT, Severity
from oemupdates.domain.drift_words import label, severity
from oemupdates.models import Dimension, Sample
from oemupdates.models.count_queries import Summed
from oemupdates.models.sample import Counts, SampleQuerySet

_TOLD = frozenset(drift for drift in KEPT if severity(drift) >= Severity.WARN)


def drift_chart(
    reach: Reach,
    now: datetime,
    cells: Summed,
    *,
    oem: str = "",
    group: int = 0,
) -> Chart | None:
    """What needs somebody, day by day up to now; by the hour while there are few days.

    None without any history. `cells` are the counters of the nodes it is about: all within reach,
    those of one `oem`, of which the classes of the OEM are known, or those of one `group`.
    """
    points = _points(Sample.objects.daily(), reach, oem, since=now - DAYS, until=now)
    if not points or now - points[0][0] < FEW:
        points = _points(Sample.objects.all(), reach, oem, since=now - FEW, until=now)
    if not points:
        return None
    days_only = points[-1][0] - points[0][0] >= FEW
    points = [*points, (now, _current(cells, oem))]
    only = ({"oem": oem} if oem else {}) | ({"group": group} if group else {})
    return Chart(
        name="drift",
        title="Drift",
        times=[at for at, _counts in points],
        series=[
            Series(
                label(drift),
                [float(counts[drift]) for _at, counts in points],
                nodes_url(drift=drift, **only),
            )
            for drift in _shown(points)
        ],
        summary=_summary(points),
        is_stacked=True,
        days_only=days_only,
    )


def _points(
    samples: SampleQuerySet[Sample], reach: Reach, oem: str, **span: datetime
) -> list[tuple[datetime, Counts]]:
    if not oem:
        return samples.series(Dimension.DRIFT, reach, **span)
    start = f"{oem} "
    return [
        (
            at,
            Counter(
                {
                    name.removeprefix(start): n
                    for name, n in counts.items()
                    if name.startswith(start)
                }
            ),
        )
        for at, counts in samples.series(Dimension.OEM_DRIFT, reach, **span)
    ]


def _current(cells: Summed, oem: str) -> Counts:
    rows = cells.by("drift")
    return count((first_of(drift), nodes) for drift, nodes in rows) if oem else count(rows)


def _shown(points: list[tuple[datetime, Counts]]) -> list[str]:
    """The classes that had the most nodes at any time, the worst first."""
    peaks: Counter[str] = Counter()
    for _at, counts in points:
        for drift in _TOLD:
            peaks[drift] = max(peaks[drift], counts[drift])
    few = [drift for drift, nodes in peaks.most_common(SHADES) if nodes]
    return sorted(few, key=lambda drift: (-severity(drift), drift))


def _summary(points: list[tuple[datetime, Counts]]) -> str:
    (since, before), (now, after) = points[0], points[-1]
    was, is_now = (sum(counts[drift] for drift in _TOLD) for counts in (before, after))
    span = span_of(now - since)
    if was == is_now:
        return f"{is_now:,} findings need somebody, as {span} ago."
    return f"{is_now:,} findings need somebody; {span} ago it was {was:,}."
