"""What a group's policy means to its nodes, as it is or as it would be: from the counters."""

from collections import Counter
from dataclasses import dataclass, field

from oemupdates.domain.paths import way
from oemupdates.domain.reason import Reason
from oemupdates.models import Group, NodeCount
from oemupdates.services.checkins import snapshot


@dataclass(frozen=True, slots=True)
class Effect:
    """How many nodes would get which version next, are there, or would stay, and for what.

    Switches, limits, holds and failures are left out: they come and go.
    """

    offers: Counter[str] = field(default_factory=Counter)
    stays: Counter[Reason] = field(default_factory=Counter)
    there: int = 0

    @property
    def nodes(self) -> int:
        """All nodes of the group."""
        return self.offers.total() + self.stays.total() + self.there


def effect(group: Group) -> Effect:
    """What a group with these values, saved or not, would do with the nodes that it has."""
    if group.pk is None:
        return Effect()
    policy, releases = snapshot.of_group(group)
    offers: Counter[str] = Counter()
    stays: Counter[Reason] = Counter()
    there = 0
    for version, oem, nodes in NodeCount.objects.of({"group": [group.pk]}).by("version", "oem"):
        found = way(version, oem, policy, releases)
        if found.steps:
            offers[found.steps[0]] += nodes
        elif found.stop is not None:
            stays[found.stop] += nodes
        else:
            there += nodes
    return Effect(offers, stays, there)
