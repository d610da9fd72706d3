"""Addresses from which too many tokens came that nobody has: they wait, before anything is asked.

What is left to an address is kept for all processes (`rates`); that nothing is left, each process
remembers for itself, so that a good token costs a look into memory.
"""

import time

from django.conf import settings

from oemupdates.services.shared import rates

_MOST = 10_000
# Until when on this process's clock each address waits.
_waiting: dict[str, float] = {}


def seconds_to_wait(address: str) -> int:
    """For how many seconds an address must wait; 0 for most."""
    until = _waiting.get(address)
    if until is None:
        return 0
    left = until - time.monotonic()
    if left <= 0:
        _waiting.pop(address, None)
        return 0
    return int(left) + 1


def came(address: str) -> None:
    """Note that a token came from an address that nobody has."""
    size: int = settings.API_UNKNOWN_TOKENS_A_MINUTE
    if not size:
        return
    taken = rates.take(f"stranger:{address}", size)
    if not taken.is_let_in:
        if len(_waiting) >= _MOST:
            _waiting.clear()
        _waiting[address] = time.monotonic() + taken.wait_seconds
