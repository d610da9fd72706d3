"""What a channel's nodes would do if it aimed at another release: asked before it does."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from oemupdates.domain import policy
from oemupdates.domain.access import Reach
from oemupdates.domain.paths import Way, way
from oemupdates.domain.reason import Reason
from oemupdates.models import Channel, Floor, Group, NodeCount, Payload, Release
from oemupdates.services.checkins import snapshot
from oemupdates.services.groups import channels
from oemupdates.services.groups.reported_needs import apart


@dataclass(slots=True)
class GroupPreview:
    """What the nodes of one group would hear: the release, a floor before it, or nothing.

    `there` run the release or a newer one. Whether the group lets its nodes update now is its own
    to say: it changes more often than a target does.
    """

    group: Group
    direct: int = 0
    by_floor: int = 0
    there: int = 0
    stranded: int = 0

    @property
    def gets(self) -> int:
        """The nodes that would come to run the release."""
        return self.direct + self.by_floor

    @property
    def nodes(self) -> int:
        """All nodes of the group."""
        return self.gets + self.there + self.stranded


@dataclass(slots=True)
class FloorPreview:
    """A floor that lies before the release, and the nodes that must still pass it."""

    floor: Floor
    nodes: int = 0


@dataclass(slots=True)
class Stranded:
    """Nodes of one OEM that would never get there for one reason, by version.

    `lacks` are payloads that only these nodes reported to need, others of their version may not.
    """

    oem: str
    reason: Reason
    lacks: str = ""
    versions: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Preview:
    """What would follow a new target, for the groups that somebody may see.

    `obstacle` says why the channel cannot aim at the release at all; empty if it can.
    """

    channel: Channel
    release: Release | None
    obstacle: str = ""
    groups: list[GroupPreview] = field(default_factory=list)
    floors: list[FloorPreview] = field(default_factory=list)
    stranded: list[Stranded] = field(default_factory=list)
    unverified: list[str] = field(default_factory=list)

    @property
    def nodes(self) -> int:
        """All nodes that follow the channel."""
        return sum(group.nodes for group in self.groups)

    @property
    def there(self) -> int:
        """The nodes that run the release or a newer one."""
        return sum(group.there for group in self.groups)

    @property
    def gets(self) -> int:
        """The nodes that would come to run the release."""
        return sum(group.gets for group in self.groups)

    @property
    def stranded_nodes(self) -> int:
        """The nodes that would never get there."""
        return sum(group.stranded for group in self.groups)

    @property
    def is_older(self) -> bool:
        """Whether the release is older than the present target."""
        before = self.channel.target
        return bool(self.release and before and self.release.order < before.order)


def preview(channel: Channel, release: Release | None, reach: Reach) -> Preview:
    """Walk every version that nodes of the channel run, as the decision itself would."""
    found = Preview(channel, release)
    rows = Group.objects.within(reach).filter(channel=channel)
    groups = {row.pk: GroupPreview(row) for row in rows}
    found.groups = list(groups.values())
    cells = NodeCount.objects.of({"group": groups.keys()}).by("group", "version", "oem")
    if release is None:
        for key, _version, _oem, nodes in cells:
            groups[key].stranded += nodes
        return found
    found.obstacle = channels.obstacle(channel, release)
    found.unverified = [one.name for one in release.payloads.all() if not one.is_verified]
    passing = _walk(found, groups, cells)
    floors = channel.floors.select_related("release")
    found.floors = [
        FloorPreview(floor, passing[floor.release.version])
        for floor in floors
        if floor.release.order < release.order
    ]
    return found


def _walk(
    found: Preview, groups: dict[int, GroupPreview], cells: list[tuple[int, str, str, int]]
) -> Counter[str]:
    """Count where every node would get to; the versions that some of them pass on the way."""
    known = snapshot.load()
    passing: Counter[str] = Counter()
    stranded: defaultdict[tuple[str, Reason, str], Counter[str]] = defaultdict(Counter)
    ways: dict[tuple[bool, str, str, str], Way] = {}
    releases = known.releases_for(str(found.channel.application.uuid), found.channel.architecture)
    for (key, version, oem, lacks), nodes in apart(cells, *_on_the_way(found)).items():
        group = _aimed(known.groups_by_id.get(key), found, releases)
        if group is None:
            continue
        same = (group.needs_oem_payload, version, oem, lacks)
        if same not in ways:
            ways[same] = way(version, oem, group, releases, needs=lacks)
        _count(groups[key], ways[same], nodes)
        if (reason := ways[same].stop) is not None:
            stranded[oem, reason, lacks][version] += nodes
        for passed in ways[same].steps[:-1]:
            passing[passed] += nodes
    worst = sorted(stranded.items(), key=lambda pair: -pair[1].total())
    found.stranded = [Stranded(*what, versions) for what, versions in worst]
    return passing


def _on_the_way(found: Preview) -> list[set[str]]:
    """The names of the payloads of every release that nodes may be offered."""
    passed = [floor.release for floor in found.channel.floors.select_related("release")]
    keys = {one.pk for one in (found.release, *passed) if one}
    names: dict[int, set[str]] = {key: set() for key in keys}
    rows = Payload.objects.filter(release__in=keys).values_list("release_id", "name")
    for key, name in rows:
        names[key].add(name)
    return list(names.values())


def _aimed(
    group: policy.Group | None, found: Preview, releases: Mapping[str, policy.Release]
) -> policy.Group | None:
    """A group as it would be; None where somebody changed it between two reads."""
    if group is None or group.channel is None or found.release is None:
        return None
    target = releases.get(found.release.version)
    return replace(group, channel=replace(group.channel, target=target))


def _count(group: GroupPreview, found: Way, nodes: int) -> None:
    if found.is_stranded:
        group.stranded += nodes
    elif not found.steps:
        group.there += nodes
    elif len(found.steps) == 1:
        group.direct += nodes
    else:
        group.by_floor += nodes
