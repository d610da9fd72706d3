"""The overview: how the fleet is, in one glance, from sums over the counters alone."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from oemupdates.dashboard import attention
from oemupdates.dashboard.connecting import secret_for
from oemupdates.domain.checkin import DERIVED, OBSERVED
from oemupdates.domain.node import UNDER_WAY, State
from oemupdates.domain.oem import NO_OEM
from oemupdates.domain.version import sort_key
from oemupdates.models import Channel, NodeCount
from oemupdates.models.node_queries import NO_GROUP
from oemupdates.models.sysext import Sysext

VERSIONS_SHOWN = 12
DIFFERENCES_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Fleet:
    """How many nodes there are by state, and how many of them are dark."""

    states: Counter[str]
    dark: int

    @property
    def nodes(self) -> int:
        """All nodes that are not archived."""
        return self.states.total()

    @property
    def under_way(self) -> int:
        """The nodes between offer and reboot."""
        return sum(self.states[state] for state in UNDER_WAY)


@dataclass(slots=True)
class OemRow:
    """The nodes of one OEM: by basis, and how their sysext stands to their OS."""

    oem: str
    bases: Counter[str] = field(default_factory=Counter)
    same: int = 0
    different: int = 0
    not_merged: int = 0

    @property
    def nodes(self) -> int:
        """All nodes of the OEM."""
        return self.bases.total()

    @property
    def has_sysext(self) -> bool:
        """Whether its nodes run anything of an OEM; those booted over the network do not."""
        return self.oem not in NO_OEM


@dataclass(frozen=True, slots=True)
class Difference:
    """Nodes whose OEM sysext was built for another OS version than they run; empty: not merged."""

    oem: str
    oem_version: str
    version: str
    nodes: int

    @property
    def sysext(self) -> Sysext:
        """By which filter these nodes are found."""
        return Sysext.DIFFERENT if self.oem_version else Sysext.NOT_MERGED


@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Show the fleet in one glance, or how to start while there is none."""
    by_group = NodeCount.objects.by("group", "state", "is_dark")
    fleet = _fleet(by_group)
    if not fleet.nodes:
        context = {"secret": secret_for(request), "channels": Channel.objects.count()}
        return render(request, "dashboard/start.html", context)
    by_oem = NodeCount.objects.by("oem", "oem_basis", "oem_version", "version")
    oems, differences = _oems(by_oem)
    matters = attention.matters(by_group, different=sum(row.nodes for row in differences))
    versions = _versions(by_oem)
    context = {
        "fleet": fleet,
        "unassigned": sum(nodes for group, *_, nodes in by_group if group == NO_GROUP),
        "sentence": _sentence(fleet, len(matters)),
        "under_way": [state.value for state in State if state in UNDER_WAY],
        "matters": matters,
        "versions": versions[:VERSIONS_SHOWN],
        "more_versions": versions[VERSIONS_SHOWN:],
        "most": max(nodes for _version, nodes, _targets in versions),
        "oems": oems,
        "differences": differences[:DIFFERENCES_SHOWN],
        "more_differences": len(differences[DIFFERENCES_SHOWN:]),
    }
    return render(request, "dashboard/overview.html", context)


def _fleet(by_group: list[tuple[int, str, bool, int]]) -> Fleet:
    states: Counter[str] = Counter()
    for _group, state, _is_dark, nodes in by_group:
        states[state] += nodes
    return Fleet(states, sum(nodes for *_, is_dark, nodes in by_group if is_dark))


def _sentence(fleet: Fleet, matters: int) -> str:
    """The state of the fleet in words."""
    up = fleet.states[State.UP_TO_DATE]
    if up == fleet.nodes:
        parts = ["all are up to date"]
    else:
        parts = [f"{up:,} are up to date"]
        if fleet.under_way:
            parts.append(f"{fleet.under_way:,} on their way")
        if fleet.states[State.WAITING]:
            parts.append(f"{fleet.states[State.WAITING]:,} waiting")
    total = f"{fleet.nodes:,} node{'s' * (fleet.nodes != 1)}"
    needs = f"{matters} thing{'s need' if matters != 1 else ' needs'} you" if matters else ""
    return f"{total}: {', '.join(parts)}. {needs or 'Nothing needs you'}."


def _versions(
    by_oem: list[tuple[str, str, str, str, int]],
) -> list[tuple[str, int, list[str]]]:
    """OS versions, newest first, with their nodes and the channels that aim at them."""
    versions: Counter[str] = Counter()
    for *_, version, nodes in by_oem:
        versions[version] += nodes
    targets: dict[str, list[str]] = defaultdict(list)
    aims = Channel.objects.exclude(target=None).values_list("target__version", "name")
    for target, channel in aims.order_by("name").distinct():
        targets[target].append(channel)
    newest_first = sorted(versions, key=lambda version: (sort_key(version), version), reverse=True)
    return [(version, versions[version], targets[version]) for version in newest_first]


def _oems(
    by_oem: list[tuple[str, str, str, str, int]],
) -> tuple[list[OemRow], list[Difference]]:
    """A row an OEM, and the sysexts that do not match their OS, both the most common first."""
    rows: dict[str, OemRow] = {}
    differences = []
    for oem, basis, oem_version, version, nodes in by_oem:
        row = rows.setdefault(oem, OemRow(oem))
        row.bases[basis] += nodes
        if basis not in {OBSERVED, DERIVED}:
            continue
        if oem_version == version and version:
            row.same += nodes
            continue
        differences.append(Difference(oem, oem_version, version, nodes))
        if oem_version:
            row.different += nodes
        else:
            row.not_merged += nodes
    return sorted(rows.values(), key=lambda row: -row.nodes), differences
