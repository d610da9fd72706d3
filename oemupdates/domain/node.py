"""What the server remembers of a node."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from oemupdates.domain.checkin import NO_BASIS


class State(StrEnum):
    """Where a node stands with its update."""

    NEW = "new"  # seen, and has not asked for an update yet
    UP_TO_DATE = "up_to_date"
    WAITING = "waiting"  # something newer exists, and is withheld for a reason
    OFFERED = "offered"
    DOWNLOADING = "downloading"
    DOWNLOADED = "downloaded"
    REBOOT_PENDING = "reboot_pending"
    DEFERRED = "deferred"  # the node's own back-off
    FAILED = "failed"
    ROLLED_BACK = "rolled_back"
    UNASSIGNED = "unassigned"  # no group is known for what it asked


# Between offer and reboot: the node holds one of its group's places.
UNDER_WAY = frozenset(
    {State.OFFERED, State.DOWNLOADING, State.DOWNLOADED, State.REBOOT_PENDING, State.DEFERRED}
)


@dataclass
class Node:
    """A node as remembered. Texts are empty where nothing is known; times are aware.

    `oem_version` is the OS version that the OEM sysext in use was built for, and `oem_build` its
    own version where known; `oem_basis` says whether they are observed or derived. What a stock
    node reports is its `birth_version` and never the current one.
    `needs` are the names of the payloads that an update must bring, as it last reported, and
    `reported` what else of that report matters to it (`reported.brief`).

    `drift` and `drift_basis` are how far it is out of step (`drift.Measure`), and `drift_at` is
    since when its OEM is; `state_at` is since when it stands as it does.

    `ported_versions` are the OS versions with a sysext of its OEM that it was seen on, as many as
    matter. `former_boots` are the ids of its last boots; `boot_returns` is how often one of them
    came back, the last time at `doubled_at`. `reset_at` is when it last began anew.

    `fallback_at` is when its last update was applied, if it took a payload elsewhere than from
    here; `boot_fetched_at` is when it last booted without its OEM, and asked here for it.
    """

    machine_id: str
    application: str
    id: int = 0
    group_id: int | None = None
    track: str = ""
    version: str = ""
    architecture: str = ""
    oem: str = ""
    oem_version: str = ""
    oem_build: str = ""
    oem_basis: str = NO_BASIS
    birth_version: str = ""
    aleph_version: str = ""
    alias: str = ""
    boot_id: str = ""
    updater: str = ""
    address: str | None = None
    is_pxe: bool = False
    is_dark: bool = False
    is_archived: bool = False
    state: str = State.NEW
    target_version: str = ""
    offered_at: datetime | None = None
    applied_boot_id: str = ""
    rolled_back_version: str = ""
    download_failures: int = 0
    postinst_failures: int = 0
    last_error_code: int = 0
    last_event: str = ""
    answer: str = ""
    reasons: str = ""
    held_because: str = ""
    held_until: datetime | None = None
    is_held: bool = False
    moved_to_id: int | None = None
    moved_until: datetime | None = None
    needs: str = ""
    reported: str = ""
    drift: str = ""
    drift_basis: str = ""
    drift_at: datetime | None = None
    state_at: datetime | None = None
    ported_versions: str = ""
    former_boots: str = ""
    boot_returns: int = 0
    doubled_at: datetime | None = None
    reset_at: datetime | None = None
    fallback_at: datetime | None = None
    boot_fetched_at: datetime | None = None
    first_seen_at: datetime | None = None
    last_seen_at: datetime | None = None

    def moved_to(self, now: datetime) -> int | None:
        """The group that an operator put the node into, as long as that holds."""
        if self.moved_until is not None and self.moved_until <= now:
            return None
        return self.moved_to_id

    def copy(self) -> "Node":
        """Give a node with the same values."""
        # One of these is made for every check-in; the copy module costs ten times as much.
        twin = object.__new__(Node)
        twin.__dict__.update(self.__dict__)
        return twin


# What a version interval holds: a change of any part ends one and begins the next.
RAN = ("version", "oem", "oem_version", "oem_build", "oem_basis")


def ran(node: Node) -> tuple[str, ...]:
    """What a node runs, in the order of `RAN`."""
    return node.version, node.oem, node.oem_version, node.oem_build, node.oem_basis


def starts_interval(before: Node | None, after: Node) -> bool:
    """Whether a node runs something else than it did."""
    return before is None or ran(before) != ran(after)
