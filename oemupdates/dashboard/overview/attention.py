"""What needs an operator: each matter in words, with the way to it."""

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from oemupdates.dashboard.frame import words
from oemupdates.dashboard.frame.acting import operator, where
from oemupdates.dashboard.frame.matter import Matter
from oemupdates.dashboard.overview import ending
from oemupdates.dashboard.releases.incomplete import CARRIED, Lack, lacking
from oemupdates.domain import drift_words
from oemupdates.domain.access import Permission, Reach
from oemupdates.domain.drift import count
from oemupdates.domain.drift_facts import Drift, Severity
from oemupdates.domain.health import Level, Part
from oemupdates.domain.node import State
from oemupdates.domain.oem import payload_name
from oemupdates.models import Channel, Group, Node, RejectedRequest
from oemupdates.models.cells import Cells
from oemupdates.models.node_queries import NO_GROUP

# Held nodes are not counted by the counters: they are counted one by one, up to here.
MANY = 1000
REJECTED_WITHIN = HOLD_ENDS_WITHIN = timedelta(hours=24)
# Fewer rejected requests than these are no rise, whatever yesterday was.
FEW_REJECTED = 10
_GROUPS_NAMED = 3
_GROUPS_IN_ADDRESS = 50


_NEED_SOMEBODY = {
    drift for drift, meaning in drift_words.MEANINGS.items() if meaning.severity >= Severity.ERROR
} - {Drift.UPDATE_BLOCKED} | {
    Drift.OEM_NOT_MIGRATABLE,
    Drift.REBOOT_OVERDUE,
    Drift.PUBLIC_FALLBACK,
    Drift.BOOT_FETCH,
}


@dataclass(frozen=True, slots=True)
class Look:
    """Who looks, and when: of what part of the fleet, and at what else.

    `own_tokens` of theirs end soon; who reads security hears of all that do.
    """

    reach: Reach
    reads_rejected: bool
    reads_security: bool
    now: datetime
    own_tokens: int = 0

    @property
    def key(self) -> str:
        """The same for all who see the same."""
        groups = (
            "all" if self.reach.is_everywhere else ",".join(map(str, sorted(self.reach.groups)))
        )
        digest = hashlib.sha256(groups.encode()).hexdigest()
        return f"{digest}:{self.reads_rejected:d}{self.reads_security:d}:{self.own_tokens}"


def look(request: HttpRequest) -> Look:
    """What whoever is logged in may see now."""
    reads_security = where(request, Permission.READ_SECURITY).is_everywhere
    return Look(
        where(request, Permission.READ_FLEET),
        where(request, Permission.READ_RAW).is_everywhere,
        reads_security,
        timezone.now(),
        0 if reads_security else ending.own_tokens(operator(request)),
    )


def matters(cells: Cells, look: Look, *, parts: Iterable[Part]) -> list[Matter]:
    """Everything that needs somebody, the worst first.

    `cells` are within the reach of who looks, and `parts` are of this server.
    """
    drifts = count(cells.drifts())
    states: Counter[str] = Counter()
    groups: Counter[int] = Counter()
    dark = 0
    for group, state, is_dark, nodes in cells.by("group", "state", "is_dark"):
        states[state] += nodes
        groups[group] += nodes
        dark += nodes * is_dark
    nodes_page = reverse("dashboard:nodes")
    found = [
        _matter("alert-triangle", "bad", states[State.FAILED], "failed to update", "state=failed"),
        _matter(
            "arrow-back-up",
            "bad",
            states[State.ROLLED_BACK],
            "rolled back to the version before",
            "state=rolled_back",
        ),
        _matter("plug-connected-x", "bad", dark, "dark: not heard for too long", "dark=1"),
        _matter(
            "help-circle", "wait", groups[NO_GROUP], "unassigned to any group", "unassigned=1"
        ),
    ]
    found += [_drift(drift, drifts[drift]) for drift in _DRIFTS]
    found += [*_server(parts, look), *_held(nodes_page, look)]
    found += [*_configuration(groups), *_incomplete(cells)]
    if look.reads_rejected:
        found.append(_rejected(look.now))
    if look.reads_security:
        found += ending.of_all(look.now)
    found += ending.of_own(look.own_tokens)
    return [matter for matter in found if matter is not None]


# A line for each class that needs somebody, the worst first; failures have lines of their own.
_DRIFTS = sorted(
    (drift.value for drift in _NEED_SOMEBODY), key=lambda drift: -drift_words.severity(drift)
)


def _drift(drift: str, nodes: int) -> Matter | None:
    word = words.drift(drift)
    return _matter(word.icon, word.tone, nodes, f"with drift: {word.label}", f"drift={drift}")


def _nodes(number: int) -> str:
    return "node" if number == 1 else "nodes"


def _matter(icon: str, tone: str, number: int, words: str, query: str) -> Matter | None:
    if not number:
        return None
    url = f"{reverse('dashboard:nodes')}?{query}"
    return Matter(icon, tone, f"{number:,}", f"{_nodes(number)} {words}", url)


def _server(parts: Iterable[Part], look: Look) -> list[Matter]:
    """What this server itself needs; told to all, since it is why nothing moves."""
    url = reverse("dashboard:admin_system" if look.reads_security else "dashboard:overview")
    tones = {Level.WARNING: "wait", Level.TROUBLE: "bad"}
    return [
        Matter("server", tones[part.level], "", part.words, url)
        for part in parts
        if part.level in tones
    ]


def _held(page: str, look: Look) -> list[Matter]:
    nodes = Node.objects.held(None if look.reach.is_everywhere else look.reach.groups)
    ends = list(nodes.values_list("held_until", flat=True)[: MANY + 1])
    if not ends:
        return []
    more = "+" if len(ends) > MANY else ""
    number = f"{min(len(ends), MANY):,}{more}"
    words = f"{_nodes(len(ends))} held by operators"
    found = [Matter("player-pause", "wait", number, words, f"{page}?held=1")]
    ended = sum(1 for end in ends if end is not None and end <= look.now)
    soon = sum(1 for end in ends if end and look.now < end <= look.now + HOLD_ENDS_WITHIN)
    if ended:
        words = f"{_nodes(ended)} whose hold has ended, and who may update again"
        url = f"{page}?{urlencode({'q': 'hold_ends:<0s'})}"
        found.append(Matter("clock-pause", "wait", f"{ended:,}{more}", words, url))
    if soon:
        words = f"{_nodes(soon)} whose hold ends within a day"
        url = f"{page}?{urlencode({'q': 'hold_ends:0s..24h'})}"
        found.append(Matter("clock-pause", "wait", f"{soon:,}{more}", words, url))
    return found


def _configuration(groups: Counter[int]) -> list[Matter]:
    """Groups and channels that keep their nodes from updating."""
    found = []
    used = [group for group in groups if group != NO_GROUP]
    off = list(Group.objects.filter(pk__in=used, updates_enabled=False))
    if off:
        names = ", ".join(str(group) for group in off[:_GROUPS_NAMED])
        rest = f" and {len(off) - _GROUPS_NAMED} more" if len(off) > _GROUPS_NAMED else ""
        words = f"group{'s' * (len(off) != 1)} with updates off: {names}{rest}"
        url = (
            reverse("dashboard:group", args=[off[0].pk])
            if len(off) == 1
            else reverse("dashboard:groups")
        )
        found.append(Matter("power", "wait", str(len(off)), words, url))
    stuck = Channel.objects.filter(
        Q(target=None) | Q(target__blocked_at__isnull=False), groups__in=used
    ).distinct()
    for channel in stuck.select_related("target"):
        words = (
            f"channel {channel} aims at {channel.target.version}, which is blocked"
            if channel.target
            else f"channel {channel} has nodes and no target"
        )
        url = reverse("dashboard:channel", args=[channel.pk])
        found.append(Matter("git-branch", "wait", "1", words, url))
    return found


def _incomplete(cells: Cells) -> list[Matter]:
    """Targets that lack what some of their nodes cannot update without."""
    return [
        Matter("puzzle", "bad", f"{one.nodes:,}", _lack(one), _behind(one))
        for one in lacking(cells.by(*CARRIED))
    ]


def _lack(one: Lack) -> str:
    need = f"{_nodes(one.nodes)} need{'s' * (one.nodes == 1)}"
    words = f"{need} what {one.channel}'s target lacks: {payload_name(one.oem)}"
    return f"{words}, which Flatcar no longer builds" if one.is_dropped else words


def _behind(one: Lack) -> str:
    """The nodes themselves; where an address cannot name all their groups, their channel."""
    if len(one.groups) > _GROUPS_IN_ADDRESS:
        return reverse("dashboard:channel", args=[one.channel.pk])
    groups = ",".join(f"#{key}" for key in one.groups)
    query = f"oem:{one.oem} os:<{one.target.version} group:{groups}"
    return f"{reverse('dashboard:nodes')}?{urlencode({'q': query})}"


def _rejected(now: datetime) -> Matter | None:
    recent = RejectedRequest.objects.filter(last_at__gte=now - 2 * REJECTED_WITHIN)
    since = now - REJECTED_WITHIN
    sums = recent.aggregate(
        last=Sum("times", filter=Q(last_at__gte=since), default=0),
        before=Sum("times", filter=Q(last_at__lt=since), default=0),
    )
    times, before = sums["last"], sums["before"]
    if not times:
        return None
    is_rising = times >= FEW_REJECTED and times > 2 * before
    words = f"request{'s' * (times != 1)} rejected, the last within a day"
    if is_rising:
        than = f"more than twice the {before:,}" if before else "and none"
        words += f", {than} the day before"
    tone = "bad" if is_rising else "wait"
    return Matter("ban", tone, f"{times:,}", words, reverse("dashboard:rejected"))
