"""What a node is measured by, and what may be said of it."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import NamedTuple

from oemupdates.domain.node import Node
from oemupdates.domain.oem import MIGRATES_BY, Before, Catalogue
from oemupdates.domain.report import Report
from oemupdates.domain.version import BadVersion, parse

# The first release whose images are bound to its version.
BOUND_SINCE = parse("3732.0.0")


class Drift(StrEnum):
    """What may be said of a node's OEM, its extensions and its updates."""

    IN_SYNC = "in_sync"
    ASSUMED_IN_SYNC = "assumed_in_sync"
    NO_OEM = "no_oem"
    OEM_UNPORTED = "oem_unported"
    OEM_UNKNOWN = "oem_unknown"
    OEM_CUSTOM_UNSERVED = "oem_custom_unserved"
    OEM_NOT_MIGRATED = "oem_not_migrated"
    OEM_NOT_MIGRATABLE = "oem_not_migratable"
    MIGRATION_WAITING = "migration_waiting"
    MIGRATION_PENDING = "migration_pending"
    OEM_INITIAL = "oem_initial"
    OEM_MISSING_FOR_OS = "oem_missing_for_os"
    OEM_NOT_MERGED = "oem_not_merged"
    OEM_VERSION_MISMATCH = "oem_version_mismatch"
    OEM_PAYLOAD_STALE = "oem_payload_stale"
    OEM_ID_MISMATCH = "oem_id_mismatch"
    OEM_INSTALL_AGE = "oem_install_age"
    OEM_DROPPED_UPSTREAM = "oem_dropped_upstream"
    OEM_DOWNGRADED_BELOW_PORT = "oem_downgraded_below_port"
    EXT_MISSING = "ext_missing"
    EXT_NOT_MERGED = "ext_not_merged"
    EXT_UNSERVED = "ext_unserved"
    SYSUPDATE_BEHIND = "sysupdate_behind"
    SYSUPDATE_AHEAD = "sysupdate_ahead"
    REBOOT_PENDING = "reboot_pending"
    REBOOT_OVERDUE = "reboot_overdue"
    UPDATE_BLOCKED = "update_blocked"
    ROLLED_BACK = "rolled_back"
    DUPLICATE_MACHINE_ID = "duplicate_machine_id"
    NODE_RESET = "node_reset"
    BOOT_FETCH = "boot_fetch"
    PUBLIC_FALLBACK = "public_fallback"
    OS_BEHIND = "os_behind"
    OS_AHEAD = "os_ahead"
    OS_UNKNOWN = "os_unknown"
    REPORT_STALE = "report_stale"
    REPORT_NEVER = "report_never"


# What moves with every release for all nodes at once: it is not kept, and not asked for by class.
UNKEPT = frozenset({Drift.OS_BEHIND, Drift.OS_AHEAD, Drift.OS_UNKNOWN})
KEPT = tuple(drift.value for drift in Drift if drift not in UNKEPT)


class Severity(IntEnum):
    """How bad it is, the worst last; `BLOCK` is what no update should be offered over."""

    OK = 0
    INFO = 1
    WARN = 2
    ERROR = 3
    BLOCK = 4


class Basis(StrEnum):
    """How it is known."""

    REPORT = "report"
    BEACON = "beacon"
    CHECK_INS = "check_ins"
    DOWNLOADS = "downloads"
    DERIVED = "derived"


class Found(NamedTuple):
    """One finding: its class, how it is known, and what its sentence is about."""

    drift: Drift
    basis: Basis
    subject: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Shipped:
    """What a release has: the names of its payloads, and the build of the OEM's.

    The image tells that, or its list of packages, which names the OEM's own package.
    """

    version: str
    names: frozenset[str] = frozenset()
    oem_build: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a node is measured by.

    `runs` is the release of its OS version, `target` its channel's; None where it is not known
    here. `reboot_days` is for how long an update has waited for its reboot. `is_duplicate` says
    that former boots of it came back again lately, `was_reset` that it began anew lately,
    `fetched_at_boot` that it booted without its OEM, and `took_elsewhere` that it took a payload
    of its last update from another host, though it was sent here. `components` are what its group
    wants of those, each with the version that its list begins with.
    """

    node: Node
    catalogue: Catalogue
    report: Report | None = None
    runs: Shipped | None = None
    target: Shipped | None = None
    max_postinst_failures: int = 3
    reboot_days: float = 0.0
    is_duplicate: bool = False
    was_reset: bool = False
    fetched_at_boot: bool = False
    took_elsewhere: bool = False
    components: tuple[tuple[str, str], ...] = ()

    @property
    def is_stale(self) -> bool:
        """Whether there is a report, of another boot than the last check-in's."""
        return self.report is not None and not self.report.is_of_boot(self.node.boot_id)

    @property
    def fresh(self) -> Report | None:
        """The report, unless it is stale."""
        return None if self.is_stale else self.report

    @property
    def version_id(self) -> str:
        """Its OS version as images of that version name it: without what tells builds apart."""
        return self.node.version.partition("+")[0]

    @property
    def is_ported(self) -> bool:
        """Whether there is a sysext of its OEM for the OS version that it runs."""
        return self.is_shipped(self.node.version)

    @property
    def was_born_ported(self) -> bool:
        """Whether its disk image had its OEM as a sysext, which sets the flag for good."""
        return self.is_shipped(self.node.aleph_version)

    @property
    def had_sysext(self) -> bool:
        """Whether it ran its OEM as a sysext: since it was made, or since updates migrated it.

        The first update to a version with a sysext stores its image, the second switches it on.
        """
        is_migrated = self.migrates and len(self.node.ported_versions.split()) >= MIGRATES_BY
        return self.was_born_ported or is_migrated

    @property
    def was_born_legacy(self) -> bool:
        """Whether its disk image had its OEM as files, as far as its birth is told."""
        node = self.node
        return (
            self.is_known
            and self.catalogue.oems[node.oem].before is not Before.NOTHING
            and is_version(node.aleph_version)
            and not self.was_born_ported
        )

    def is_shipped(self, version: str) -> bool:
        """Whether there is a sysext of its OEM for an OS version."""
        node = self.node
        return self.catalogue.is_shipped(node.oem, version=version, architecture=node.architecture)

    @property
    def is_known(self) -> bool:
        """Whether its OEM is in the catalogue."""
        return self.node.oem in self.catalogue.oems

    @property
    def migrates(self) -> bool:
        """Whether OS images move a former installation of its OEM over."""
        return self.is_known and self.catalogue.oems[self.node.oem].migrates

    @property
    def is_dropped(self) -> bool:
        """Whether its OEM is no longer built for the OS version that it runs."""
        return self.catalogue.is_dropped(self.node.oem, target=self.node.version)

    def is_other_build(self, build: str) -> bool:
        """Whether tools are of another version than those of its OS, if both are known."""
        wanted = self.runs.oem_build if self.runs else ""
        return bool(build and wanted) and build != wanted

    @property
    def is_bound(self) -> bool:
        """Whether images of its OS version are bound to it; the first ones were not."""
        return not is_version(self.node.version) or parse(self.node.version) >= BOUND_SINCE


def is_version(text: str) -> bool:
    """Whether a text is a version of Flatcar."""
    try:
        parse(text)
    except BadVersion:
        return False
    return True
