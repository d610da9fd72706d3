"""How many nodes each class of drift stands for: from the counters alone."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from oemupdates.domain.access import Reach
from oemupdates.domain.drift import first_of
from oemupdates.domain.drift_facts import Drift
from oemupdates.domain.version import BadVersion, parse
from oemupdates.models import Group, NodeCount, Release
from oemupdates.models.count_queries import Wanted


@dataclass(slots=True)
class Counts:
    """The nodes of each class, and for those of an OEM by how that is known.

    `unmeasured` are nodes that nobody measured yet.
    """

    nodes: Counter[str] = field(default_factory=Counter)
    bases: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    unmeasured: int = 0


def count(reach: Reach, wanted: Wanted) -> Counts:
    """Count the nodes within a reach that have one of the wanted values in every column."""
    cells = NodeCount.objects.within(reach).of(wanted)
    found = Counts()
    targets, known = _targets(), set(Release.objects.values_list("version", "architecture"))
    columns = ("drift", "drift_basis", "group", "version", "architecture")
    for drift, basis, group_id, version, architecture, nodes in cells.by(*columns):
        if not drift:
            found.unmeasured += nodes
        for name in drift.split():
            found.nodes[name] += nodes
        if drift:
            found.bases[first_of(drift)][basis] += nodes
        standing = _standing(version, targets.get(group_id, ""))
        if standing is not None:
            found.nodes[standing.value] += nodes
        if (version, architecture) not in known:
            found.nodes[Drift.OS_UNKNOWN.value] += nodes
    return found


def _targets() -> Mapping[int, str]:
    rows = Group.objects.filter(channel__target__isnull=False)
    return dict(rows.values_list("pk", "channel__target__version"))


def _standing(version: str, target: str) -> Drift | None:
    """How an OS version stands to its target; None where it runs that, or none can be told."""
    try:
        runs, wanted = parse(version), parse(target)
    except BadVersion:
        return None
    if runs == wanted:
        return None
    return Drift.OS_AHEAD if runs > wanted else Drift.OS_BEHIND
