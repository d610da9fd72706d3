"""What a request for an OEM payload tells that names no node: an update, or a boot without one.

The initrd asks the release file server for the OEM of the version that it boots when the disk has
it not: post-install had not staged it, or the disk was reset. It says not which node it is. But
the node's address is known from its check-ins, and so is what it runs.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from oemupdates.domain.node import State

# Between offer and the end of post-install, which takes the OEM payload.
_TAKING = frozenset({State.OFFERED, State.DOWNLOADING, State.DOWNLOADED, State.DEFERRED})


class Neighbour(NamedTuple):
    """A node of that OEM that was last heard from the address that asked."""

    id: int
    version: str
    state: str
    target_version: str
    applied_at: datetime | None


class Boot(NamedTuple):
    """A boot that lacked its OEM, and of which node, if only one can have been it."""

    node: int | None


def boot(neighbours: Iterable[Neighbour], version: str, asked_at: datetime) -> Boot | None:
    """Whether a request for the OEM payload of a version was that of an initrd."""
    booting: list[int] = []
    for one in neighbours:
        is_target = one.target_version == version
        if one.version != version and is_target and one.state in _TAKING:
            return None
        # Who applied it reboots into it next; what it took before that was for post-install.
        is_next = is_target and one.state == State.REBOOT_PENDING
        if is_next and (one.applied_at is None or asked_at <= one.applied_at):
            return None
        if one.version == version or is_next:
            booting.append(one.id)
    if not booting:
        return None
    return Boot(booting[0] if len(booting) == 1 else None)
