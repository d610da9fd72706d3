"""Taking samples of the counters, an hour each."""

from collections import Counter, defaultdict
from datetime import datetime

from oemupdates.domain.drift import count, first_of
from oemupdates.models import Dimension, NodeCount, Sample
from oemupdates.models.node_queries import NO_GROUP
from oemupdates.models.sample import ALL, DARK, OTHERS, WHOLE_FLEET, Counts

# How many values a sample keeps apart, and of how many groups beside the fleet one is taken: so
# an hour is never more than a few thousand small rows.
VALUES, VALUES_OF_A_GROUP = 60, 20
GROUPS = 500

_COLUMNS = ("version", "state", "oem", "sysext", "oem_basis", "drift", "is_dark")
Scope = dict[Dimension, Counts]


def take(now: datetime) -> int:
    """Take the sample of this hour unless there is one; how many rows were written.

    It may come late, twice, or twice at once: the first of an hour stays. A fleet that never had
    a node has no samples.
    """
    at = now.replace(minute=0, second=0, microsecond=0)
    if Sample.objects.filter(at=at, group=WHOLE_FLEET).exists():
        return 0
    scopes = _count()
    if not scopes and not Sample.objects.exists():
        return 0
    midnight = at.replace(hour=0)
    is_first = not Sample.objects.filter(at__gte=midnight, at__lt=at, group=WHOLE_FLEET).exists()
    rows = [
        Sample(at=at, group=group, dimension=dimension, counts=counts, is_first_of_day=is_first)
        for group, bounded in _bounded(scopes).items()
        for dimension, counts in bounded.items()
    ]
    return len(Sample.objects.bulk_create(rows, ignore_conflicts=True, batch_size=500))


def now_within(groups: frozenset[int] | None) -> Scope:
    """The counts of the whole fleet (None) or of some groups as they are now: a chart's end."""
    scope = _empty()
    cells = NodeCount.objects.all() if groups is None else NodeCount.objects.of({"group": groups})
    for *values, nodes in cells.by(*_COLUMNS):
        _add(scope, values, nodes)
    return _bound(scope, VALUES)


def _empty() -> Scope:
    return {dimension: Counter() for dimension in Dimension} | {
        Dimension.NODES: Counter({ALL: 0, DARK: 0})
    }


def _count() -> dict[int, Scope]:
    """Every group's counts and the fleet's, by one statement and so of one moment."""
    scopes: defaultdict[int, Scope] = defaultdict(_empty)
    for group, *values, nodes in NodeCount.objects.by("group", *_COLUMNS):
        _add(scopes[WHOLE_FLEET], values, nodes)
        if group != NO_GROUP:
            _add(scopes[group], values, nodes)
    return scopes


def _add(scope: Scope, values: list[str], nodes: int) -> None:
    version, state, oem, sysext, basis, drift, is_dark = values
    scope[Dimension.VERSION][version] += nodes
    scope[Dimension.STATE][state] += nodes
    scope[Dimension.OEM][f"{oem} {sysext}"] += nodes
    scope[Dimension.BASIS][basis] += nodes
    scope[Dimension.DRIFT].update(count([(drift, nodes)]))
    scope[Dimension.OEM_DRIFT][f"{oem} {first_of(drift)}"] += nodes
    scope[Dimension.NODES][ALL] += nodes
    scope[Dimension.NODES][DARK] += nodes if is_dark else 0


def _bounded(scopes: dict[int, Scope]) -> dict[int, Scope]:
    """The fleet and its biggest groups, each with its most common values."""
    fleet = scopes.pop(WHOLE_FLEET, _empty())
    biggest = sorted(scopes, key=lambda group: (-scopes[group][Dimension.NODES][ALL], group))
    kept = {group: _bound(scopes[group], VALUES_OF_A_GROUP) for group in biggest[:GROUPS]}
    return {WHOLE_FLEET: _bound(fleet, VALUES), **kept}


def _bound(scope: Scope, most: int) -> Scope:
    return {dimension: _few(counts, most) for dimension, counts in scope.items()}


def _few(counts: Counts, most: int) -> Counts:
    """The most common values, and all others as one."""
    few = Counter(dict(counts.most_common(most)))
    rest = counts.total() - few.total()
    if rest:
        few[OTHERS] += rest
    return few
