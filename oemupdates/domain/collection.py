"""Whether files that no release names may go: not while a node could still ask for them."""

from dataclasses import dataclass
from datetime import timedelta

# What came just now may be on its way to a release that is not registered yet.
YOUNG = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Wanted:
    """How many nodes ran a version, or were offered it last, within the days that count."""

    ran: int = 0
    offered: int = 0

    def words(self, days: int) -> str:
        """Who wants it, in a sentence; empty if nobody does."""
        said = []
        if self.ran:
            said.append(f"{_nodes(self.ran)} ran it")
        if self.offered:
            said.append(f"{_nodes(self.offered)} {_were(self.offered)} offered it")
        return f"{' and '.join(said)} in the last {days} days." if said else ""


def why_kept(*, is_wanted: bool, age: timedelta, days: int) -> str:
    """Why files that no release names stay, in a sentence; empty if they may go.

    How many nodes want them is not for all who may read it.
    """
    if is_wanted:
        return f"Nodes ran it or were offered it in the last {days} days."
    if age < YOUNG:
        return "It came less than a day ago."
    return ""


def _nodes(number: int) -> str:
    return f"{number:,} node{'s' * (number != 1)}"


def _were(number: int) -> str:
    return "was" if number == 1 else "were"
