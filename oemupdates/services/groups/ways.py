"""The ways of a channel's nodes: from every version that they run to its target, or nowhere."""

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import NamedTuple

from oemupdates.domain import policy
from oemupdates.domain.paths import Way, way
from oemupdates.domain.reason import Reason, Why, change, sentence
from oemupdates.domain.version import BadVersion, parse, sort_key
from oemupdates.models import NodeCount
from oemupdates.services.checkins import snapshot


class Stranded(NamedTuple):
    """Nodes of one OEM that never reach the target for one reason, and the way out."""

    versions: list[str]
    oem: str
    nodes: int
    words: str
    change: str
    is_dead_end: bool


@dataclass(slots=True)
class Stop:
    """A version of the graph: who is on it, what it is to the channel, and where it leads."""

    version: str
    nodes: int = 0
    stranded: int = 0
    stranded_oems: set[str] = field(default_factory=set)
    next: str = ""
    floor: str = ""
    dead_end: str = ""
    is_target: bool = False
    hops: set[int] = field(default_factory=set)

    @property
    def is_marked(self) -> bool:
        """Whether the picture may not leave it out."""
        return bool(self.floor or self.dead_end or self.is_target)

    @property
    def distance(self) -> str:
        """How many updates it is from the target."""
        if not self.hops:
            return "no way" if self.stranded else ""
        least, most = min(self.hops), max(self.hops)
        if most == 0:
            return "there"
        return f"{most} update{'s' * (most != 1)}" if least == most else f"{least} to {most}"


class Ways(NamedTuple):
    """The versions of a graph, newest first, and who is stranded, the most nodes first."""

    stops: list[Stop]
    stranded: list[Stranded]


def walk(group_keys: Collection[int]) -> Ways:
    """Every way of the nodes of some groups that follow one channel."""
    known = snapshot.load()
    groups = {group.id: group for group in known.groups.values() if group.id in group_keys}
    applications = {group.id: key[0] for key, group in known.groups.items()}
    cells = NodeCount.objects.of({"group": group_keys}).by("group", "version", "oem")
    ways: dict[tuple[bool, str, str], Way] = {}
    stops: dict[str, Stop] = {}
    stranded: defaultdict[tuple[str, Reason], Counter[str]] = defaultdict(Counter)
    for key, version, oem, nodes in cells:
        group = groups[key]
        same = (group.needs_oem_payload, version, oem)
        if same not in ways:
            releases = known.releases_for(applications[key], group.architecture)
            ways[same] = way(version, oem, group, releases)
        _count(stops, version, ways[same], nodes)
        if ways[same].is_stranded:
            stops[version].stranded_oems.add(oem)
        if (reason := ways[same].stop) is not None:
            stranded[oem, reason][version] += nodes
    channel = next(iter(groups.values())).channel if groups else None
    if channel is not None:
        _mark(stops, channel)
    worst = sorted(stranded, key=lambda what: -stranded[what].total())
    ordered = sorted(stops.values(), key=lambda stop: (sort_key(stop.version), stop.version))
    return Ways(ordered[::-1], [_in_words(*what, stranded[what]) for what in worst])


def _count(stops: dict[str, Stop], version: str, found: Way, nodes: int) -> None:
    """Count nodes on their version, and draw the versions that they pass."""
    stop = stops.setdefault(version, Stop(version))
    stop.nodes += nodes
    for here, there in zip((version, *found.steps), found.steps, strict=False):
        stops.setdefault(here, Stop(here)).next = there
        stops.setdefault(there, Stop(there))
    if found.is_stranded:
        stop.stranded += nodes
    else:
        stop.hops.add(len(found.steps))


def _mark(stops: dict[str, Stop], channel: policy.Channel) -> None:
    """Say what versions are to the channel."""
    if channel.target is not None:
        target = channel.target.version
        stops.setdefault(target, Stop(target)).is_target = True
        for floor in channel.floors:
            if floor.release.order < channel.target.order:
                version = floor.release.version
                stops.setdefault(version, Stop(version)).floor = floor.reason
    for version, reason in channel.dead_ends.items():
        if version in stops or _is_version(version):
            stops.setdefault(version, Stop(version)).dead_end = reason


def _is_version(text: str) -> bool:
    try:
        parse(text)
    except BadVersion:
        return False
    return True


def _in_words(oem: str, reason: Reason, versions: Counter[str]) -> Stranded:
    return Stranded(
        sorted(versions, key=lambda version: (sort_key(version), version), reverse=True),
        oem,
        versions.total(),
        sentence(reason),
        change(reason).words,
        reason.why is Why.DEAD_END,
    )
