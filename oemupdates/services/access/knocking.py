"""How often somebody may try to log in: from an address, and with one name from there.

A name alone has no limit, or a stranger could keep its owner out by trying it.
"""

import hashlib
from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings

from oemupdates.services.shared import rates

TRIES_A_NAME = 5
# What one customer of a provider has at least: all of its addresses are one.
_IPV6_PREFIX = 64


def seconds_to_wait(username: str, address: str) -> int:
    """Take one try of a name from an address; for how many seconds it must wait, 0 if it may."""
    size: int = settings.LOG_INS_A_MINUTE
    if not size:
        return 0
    place = _place(address)
    # What is typed as a name may be a password: no store keeps it.
    name = hashlib.sha256(username.encode()).hexdigest()
    for who, most in ((f"log-in:{place}", size), (f"log-in:{place}:{name}", TRIES_A_NAME)):
        taken = rates.take(who, min(size, most))
        if not taken.is_let_in:
            return taken.wait_seconds
    return 0


def seconds_to_wait_at(address: str) -> int:
    """Take one try from an address, of whom nobody knows yet who they are."""
    size: int = settings.LOG_INS_A_MINUTE
    if not size:
        return 0
    taken = rates.take(f"log-in:{_place(address)}", size)
    return 0 if taken.is_let_in else taken.wait_seconds


def _place(address: str) -> str:
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, IPv6Address):
        return str(ip_network((found, _IPV6_PREFIX), strict=False))
    return str(found)
