"""What was refused lately, summed up: why, and which tracks nodes asked for that no group has."""

from collections import Counter, defaultdict
from datetime import datetime
from typing import NamedTuple

from oemupdates.models import Node, RejectedRequest

# The newest lines, of which the reasons are summed up: as many as are kept for long.
SUMMED = 1000
# Nodes without a group that are looked at for the tracks that they asked for, and those told.
_ASKING, _TRACKS = 500, 10


class Reason(NamedTuple):
    """A reason, how often it was met lately, by how many sources, and when last."""

    reason: str
    times: int
    sources: int
    last_at: datetime


class Track(NamedTuple):
    """A track that no group has, and how many of the newest nodes without a group ask for it."""

    track: str
    architecture: str
    nodes: int


def reasons() -> list[Reason]:
    """Why requests were refused, the most frequent reason first."""
    newest = RejectedRequest.objects.order_by("-last_at", "-pk")
    lines = newest.values_list("reason", "source", "times", "last_at")[:SUMMED]
    times: Counter[str] = Counter()
    sources: defaultdict[str, set[str]] = defaultdict(set)
    last: dict[str, datetime] = {}
    for reason, source, number, at in lines:
        times[reason] += number
        sources[reason].add(source)
        last.setdefault(reason, at)
    return [
        Reason(reason, number, len(sources[reason]), last[reason])
        for reason, number in times.most_common()
    ]


def tracks() -> list[Track]:
    """What nodes without a group asked for, the most nodes first: they were answered, and wait."""
    unassigned = Node.objects.listed().filter(group=None).order_by("-pk")
    found = Counter(unassigned.values_list("track", "architecture")[:_ASKING])
    return [Track(*asked, nodes) for asked, nodes in found.most_common(_TRACKS)]
