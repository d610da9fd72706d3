"""The fleet in sums: what overviews, wallboards and scripts are told of it, now and then."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from oemupdates.domain.node import UNDER_WAY, State
from oemupdates.models import Dimension
from oemupdates.models.node_queries import NO_GROUP
from oemupdates.models.sample import DARK, OTHERS, Counts

# `NodeCount` summed by group, state and darkness.
Sums = Iterable[tuple[int, str, bool, int]]


@dataclass(frozen=True, slots=True)
class Fleet:
    """How many nodes there are by state, and how many of them are dark or in no group."""

    states: Counter[str]
    dark: int
    unassigned: int = 0

    @property
    def nodes(self) -> int:
        """All nodes that are not archived."""
        return self.states.total()

    @property
    def reporting(self) -> int:
        """The nodes that are heard when they should be."""
        return self.nodes - self.dark

    @property
    def under_way(self) -> int:
        """The nodes between offer and reboot."""
        return sum(self.states[state] for state in UNDER_WAY)

    @property
    def failing(self) -> int:
        """The nodes that failed to update or went back."""
        return self.states[State.FAILED] + self.states[State.ROLLED_BACK]

    @property
    def sentence(self) -> str:
        """The fleet in words, without its full stop."""
        if not self.nodes:
            return "No node"
        up = self.states[State.UP_TO_DATE]
        total = f"{self.nodes:,} node{'s' * (self.nodes != 1)}"
        reports = "all report" if not self.dark else f"{self.reporting:,} report"
        if up == self.nodes:
            return f"{total}: {reports}, {'all' if self.nodes != 1 else 'it'} up to date"
        parts = [
            (up, f"{up:,} up to date"),
            (self.under_way, f"{self.under_way:,} under way"),
            (self.states[State.WAITING], f"{self.states[State.WAITING]:,} waiting"),
            (self.failing, f"{self.failing:,} failing"),
        ]
        return ", ".join([f"{total}: {reports}", *(words for number, words in parts if number)])


def of_sums(sums: Sums) -> Fleet:
    """The fleet of the counters."""
    states: Counter[str] = Counter()
    dark = unassigned = 0
    for group, state, is_dark, nodes in sums:
        states[state] += nodes
        dark += nodes if is_dark else 0
        unassigned += nodes if group == NO_GROUP else 0
    return Fleet(states, dark, unassigned)


def of_sample(sample: dict[str, Counts]) -> Fleet:
    """The fleet of a sample."""
    states = sample[Dimension.STATE]
    return Fleet(states, sample[Dimension.NODES][DARK], states[State.UNASSIGNED])


def oems_of_sample(sample: dict[str, Counts]) -> list[tuple[str, Counter[str]]]:
    """OEMs by how their sysexts stood to the OS, the most common first."""
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for value, nodes in sample[Dimension.OEM].items():
        oem, _, sysext = value.rpartition(" ") if value != OTHERS else (OTHERS, "", "")
        found[oem][sysext] += nodes
    return sorted(found.items(), key=lambda row: -row[1].total())
