"""What is in one release and not in another: payloads that came, went, or changed."""

from dataclasses import dataclass
from enum import StrEnum

from oemupdates.models import Payload, Release


class Change(StrEnum):
    """What became of a payload between two releases."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Difference:
    """A payload in two releases; None where a release does not have it."""

    name: str
    before: Payload | None
    after: Payload | None

    @property
    def change(self) -> Change:
        """What became of it: the same bytes are the same payload."""
        if self.before is None:
            return Change.ADDED
        if self.after is None:
            return Change.REMOVED
        return Change.SAME if self.before.sha256 == self.after.sha256 else Change.CHANGED

    @property
    def grown(self) -> int:
        """By how many bytes it grew."""
        return (self.after.size if self.after else 0) - (self.before.size if self.before else 0)


def compare(before: Release, after: Release) -> list[Difference]:
    """Every payload of either release, by name."""
    old = {payload.name: payload for payload in before.payloads.all()}
    new = {payload.name: payload for payload in after.payloads.all()}
    return [Difference(name, old.get(name), new.get(name)) for name in sorted({*old, *new})]
