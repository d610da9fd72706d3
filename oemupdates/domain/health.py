"""How a part of a server is: fine, worth a look, or in trouble."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Level(StrEnum):
    """How much a part of this server needs somebody."""

    FINE = "fine"
    WARNING = "warning"
    TROUBLE = "trouble"


@dataclass(frozen=True, slots=True)
class Part:
    """One part of this server: how it is in words, and as the number that a script reads.

    `value` is in seconds, bytes or jobs, as `unit` says; None where nothing is known.
    """

    name: str
    level: Level
    words: str
    value: float | None = None
    unit: str = ""
    at: datetime | None = None

    @property
    def label(self) -> str:
        """The part's name as people read it."""
        return self.name.replace("_", " ").capitalize()


def ago(seconds: float) -> str:
    """How long something is past, in the largest unit of which there are two: `3 h`."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size:.0f} {unit}"
    return f"{seconds:.0f} s"
