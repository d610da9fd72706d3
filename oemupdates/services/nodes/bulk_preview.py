"""How many nodes a change of many would meet, before it is begun."""

import time

from oemupdates.services.finding.finding import Found

# How long somebody waits for a number that no counter knows.
COUNTING_SECONDS = 0.4
COUNTED_AT_ONCE = 2000


def count(found: Found) -> tuple[int, bool]:
    """How many nodes are meant, and whether they are all of them: some must be counted by row."""
    if found.matching is not None:
        return found.matching, True
    until, number, after = time.monotonic() + COUNTING_SECONDS, 0, 0
    while True:
        part = found.page(after, size=COUNTED_AT_ONCE)
        number, after = number + len(part.rows), part.last
        if not after:
            return number, True
        if time.monotonic() > until:
            return number, False
