"""One thing that needs somebody, as the overview, the bell and the wallboard have it."""

from typing import NamedTuple


class Matter(NamedTuple):
    """How many, of what, and where to go."""

    icon: str
    tone: str
    number: str
    words: str
    url: str
