"""What needs an operator: each matter in words, with the way to it."""

from collections import Counter
from datetime import timedelta
from typing import NamedTuple

from django.db.models import Q, Sum
from django.urls import reverse
from django.utils import timezone

from oemupdates.dashboard.incomplete import lacking
from oemupdates.domain.node import State
from oemupdates.domain.oem import payload_name
from oemupdates.models import Channel, Group, Node, RejectedRequest
from oemupdates.models.node_queries import NO_GROUP

# Held nodes are not counted by the counters: they are counted one by one, up to here.
MANY = 1000
REJECTED_WITHIN = timedelta(hours=24)
_GROUPS_NAMED = 3


class Matter(NamedTuple):
    """One thing that needs somebody: how many, of what, and where to go."""

    icon: str
    tone: str
    number: str
    words: str
    url: str


def matters(by_group: list[tuple[int, str, bool, int]], *, different: int) -> list[Matter]:
    """Everything that needs somebody, the worst first.

    `by_group` are nodes by group, state and darkness; `different` is how many nodes run an OEM
    sysext that is not their OS's.
    """
    states: Counter[str] = Counter()
    groups: Counter[int] = Counter()
    dark = 0
    for group, state, is_dark, nodes in by_group:
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
    if different:
        found.append(
            Matter(
                "puzzle",
                "bad",
                f"{different:,}",
                f"{_nodes(different)} whose OEM sysext is not their OS's",
                f"{nodes_page}?sysext=different&sysext=not_merged",
            )
        )
    found += [_held(nodes_page), *_configuration(groups), *_incomplete(groups), _rejected()]
    return [matter for matter in found if matter is not None]


def _nodes(number: int) -> str:
    return "node" if number == 1 else "nodes"


def _matter(icon: str, tone: str, number: int, words: str, query: str) -> Matter | None:
    if not number:
        return None
    url = f"{reverse('dashboard:nodes')}?{query}"
    return Matter(icon, tone, f"{number:,}", f"{_nodes(number)} {words}", url)


def _held(page: str) -> Matter | None:
    held = len(Node.objects.listed().filter(is_held=True).values_list("pk")[: MANY + 1])
    if not held:
        return None
    number = f"{MANY:,}+" if held > MANY else f"{held:,}"
    return Matter(
        "player-pause", "wait", number, f"{_nodes(held)} held by operators", f"{page}?held=1"
    )


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


def _incomplete(groups: Counter[int]) -> list[Matter]:
    """Targets that lack what some of their nodes cannot update without."""
    found = []
    for channel, nodes in lacking(group for group in groups if group != NO_GROUP).items():
        for oem, number in sorted(nodes.items()):
            need = f"{_nodes(number)} need{'s' * (number == 1)}"
            words = f"{need} what {channel}'s target lacks: {payload_name(oem)}"
            url = reverse("dashboard:channel", args=[channel.pk])
            found.append(Matter("puzzle", "bad", f"{number:,}", words, url))
    return found


def _rejected() -> Matter | None:
    since = timezone.now() - REJECTED_WITHIN
    times = RejectedRequest.objects.filter(last_at__gte=since).aggregate(sum=Sum("times"))["sum"]
    if not times:
        return None
    words = f"request{'s' * (times != 1)} rejected, the last within a day"
    return Matter("ban", "wait", f"{times:,}", words, reverse("dashboard:rejected"))
