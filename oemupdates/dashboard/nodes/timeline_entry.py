"""One entry of a node's timeline."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened: a title, and lines that say more of it."""

    at: datetime
    icon: str
    tone: str
    title: str
    lines: list[str] = field(default_factory=list)
    badges: list[str] = field(default_factory=list)
