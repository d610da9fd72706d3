"""The way from a version to its channel's target, by the rules of the decision itself."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from oemupdates.domain.decision import decide
from oemupdates.domain.node import Node, State
from oemupdates.domain.policy import Group, Release
from oemupdates.domain.reason import Reason, Why

# A decision weighs the time only against holds and offers, and a node on paper has neither.
_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
# What is no obstacle on the way: the node is there.
_ARRIVED = {Why.UP_TO_DATE, Why.AHEAD}


@dataclass(frozen=True, slots=True)
class Way:
    """The versions that a node is offered one after the other, and what stops it, if anything.

    `stops_at` is the version that the node cannot leave; empty where it arrives.
    """

    steps: tuple[str, ...]
    stop: Reason | None = None
    stops_at: str = ""

    @property
    def is_stranded(self) -> bool:
        """Whether the node never reaches the target unless somebody does something."""
        return self.stop is not None


def way(
    version: str, oem: str, group: Group, releases: Mapping[str, Release], *, needs: str = ""
) -> Way:
    """Walk from a version as a node of that OEM would, one decision after the other.

    `needs` are the payloads that it reported to need at each step.

    Only versions matter here: switches, limits and holds come and go, so that a group is taken as
    if its updates were on and nobody else on the way.
    """
    open_group = replace(group, updates_enabled=True, max_under_way=None)
    steps: list[str] = []
    now_on = version
    while True:
        node = Node(
            machine_id="",
            application="",
            version=now_on,
            architecture=group.architecture,
            oem=oem,
            needs=needs,
            state=State.WAITING,
        )
        found = decide(node, open_group, releases=releases, places_left=None, now=_ANY_TIME)
        if found.release is None:
            reason = found.reasons[0]
            if reason.why in _ARRIVED:
                return Way(tuple(steps))
            return Way(tuple(steps), reason, now_on)
        # Each offer is newer than the version before it: the walk ends.
        now_on = found.release.version
        steps.append(now_on)
