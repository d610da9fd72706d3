"""Whether nodes arrive: a line that turns green by itself, and what was turned away meanwhile."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from django.http import HttpRequest
from django.urls import reverse

from oemupdates.dashboard.frame import rejected_words
from oemupdates.dashboard.frame.acting import where
from oemupdates.domain.access import Permission, Reach
from oemupdates.models import Group, Node, RejectedRequest, TrackAlias

# How many of the newest rejected requests and unassigned nodes are looked through.
LOOKED_THROUGH = 100
MOST_SHOWN = 5
_ASKED_TRACK = re.compile(r"""\btrack\s*=\s*["']?([^"'\s>]*)""")


@dataclass(frozen=True, slots=True)
class Arrival:
    """The line: which node came, if any did, and where its news are.

    `is_first` is false where others came before. `rejected` was turned away meanwhile.
    """

    topic: str
    url: str
    node: Node | None
    is_first: bool = True
    rejected: RejectedRequest | None = None


class TurnedAway(NamedTuple):
    """A rejected request that asked for a group, in words."""

    request: RejectedRequest
    what: str
    how: str


def of_fleet(reach: Reach) -> Arrival:
    """The first node that somebody can see, or what was rejected meanwhile."""
    nodes = Node.objects.listed().order_by("pk")
    if not reach.is_everywhere:
        nodes = nodes.filter(group__in=reach.groups)
    first = nodes.first()
    rejected = None
    if first is None and reach.is_everywhere:
        rejected = RejectedRequest.objects.order_by("-last_at").first()
    return Arrival("overview", reverse("dashboard:start_arrived"), first, rejected=rejected)


def of_group(group: Group) -> Arrival:
    """The newest node of a group."""
    newest = list(Node.objects.listed().filter(group=group).order_by("-pk")[:2])
    url = reverse("dashboard:group_arrived", args=[group.pk])
    return Arrival(f"group:{group.pk}", url, next(iter(newest), None), len(newest) == 1)


def names(group: Group, aliases: Iterable[TrackAlias]) -> set[str]:
    """All words by which nodes ask for a group."""
    return {group.track, str(group.uuid), *(one.alias for one in aliases)}


def turned_away(request: HttpRequest, group: Group, asked: set[str]) -> list[TurnedAway]:
    """The newest rejected requests that asked for a group, for those who may see such."""
    if not where(request, Permission.READ_RAW).covers(group.pk):
        return []
    newest = RejectedRequest.objects.order_by("-last_at", "-pk")[:LOOKED_THROUGH]
    found = [one for one in newest if asked & set(_ASKED_TRACK.findall(one.sample))]
    return [TurnedAway(one, *rejected_words.rejected(one.reason)) for one in found[:MOST_SHOWN]]


def astray(request: HttpRequest, asked: set[str]) -> list[Node]:
    """The newest nodes that ask for a group and are in none: of another architecture, mostly."""
    if not where(request, Permission.READ_FLEET).is_everywhere:
        return []
    newest = Node.objects.listed().filter(group=None).order_by("-pk")[:LOOKED_THROUGH]
    return [node for node in newest if node.track in asked][:MOST_SHOWN]
