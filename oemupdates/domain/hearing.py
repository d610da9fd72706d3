"""How a check-in, or a report, changes what is remembered of a node.

The state is derived from what was heard last and never a trap: any event may be missing, and a new
check-in always wins.
"""

from dataclasses import dataclass, field
from datetime import datetime

from oemupdates.domain.boots import (
    is_set_up_anew,
    note_ported_version,
    notice_boot,
    runs_sysext,
)
from oemupdates.domain.checkin import (
    DERIVED,
    NO_BASIS,
    OBSERVED,
    REPORTED,
    CheckIn,
    OemClaim,
    read_oem_version,
)
from oemupdates.domain.event import FIRST_CHECK, POSTINST, Event, Meaning, decode, meaning
from oemupdates.domain.node import UNDER_WAY, Node, State
from oemupdates.domain.oem import NO_OEM, Catalogue
from oemupdates.domain.report import Report
from oemupdates.domain.reported import brief, is_kept_of, observed
from oemupdates.domain.shipped import SHIPPED
from oemupdates.domain.version import BadVersion, parse

# What an owner makes a node report, so that any release is newer.
FORCED_DOWNGRADE = "0.0.0"


@dataclass(frozen=True, slots=True)
class Heard:
    """One event worth a row: what it means now, with its base code and the flags' names."""

    meaning: Meaning
    event: Event
    code: int = 0
    flags: tuple[str, ...] = ()


@dataclass(slots=True)
class Hearing:
    """A node after a check-in, and what of it is worth remembering for good."""

    node: Node
    events: list[Heard] = field(default_factory=list)


def hear(
    known: Node | None, said: CheckIn, now: datetime, catalogue: Catalogue = SHIPPED
) -> Hearing:
    """Take a check-in into what is remembered; `known` itself stays as it was."""
    if known is None:
        node = Node(said.machine_id, said.application, first_seen_at=now)
    else:
        node = known.copy()
    hearing = Hearing(node)
    is_anew = known is not None and _notice_past(known, said, node, now)
    _take_facts(said, node)
    for event in said.events:
        heard = _take_event(known, said, event, node)
        if heard is not None:
            hearing.events.append(heard)
    if is_anew or any(heard.meaning is Meaning.FIRST_BOOT for heard in hearing.events):
        node.ported_versions, node.reset_at = "", now
    note_ported_version(node, catalogue)
    _take_oem(known, said, node, catalogue)
    if known is None or known.state != node.state:
        node.state_at = now
    node.last_seen_at = now
    node.is_dark = False
    node.is_archived = False
    return hearing


def hear_report(known: Node, report: Report) -> Node:
    """Take a report into what is remembered of a node; a beacon, which says so each time, wins."""
    node = known.copy()
    node.needs, node.reported = " ".join(report.needs), brief(report)
    of = {"oem": known.oem, "boot_id": known.boot_id}
    said = OemClaim(known.oem_basis, known.oem_version, known.oem_build)
    has_beacon = said.basis == OBSERVED and said != observed(known.reported, **of)
    seen = observed(node.reported, **of)
    if seen is not None and not has_beacon and known.oem not in NO_OEM:
        node.oem_basis, node.oem_version, node.oem_build = seen
    return node


def _take_facts(said: CheckIn, node: Node) -> None:
    node.track = said.track
    node.version = said.version
    node.boot_id = said.boot_id or node.boot_id
    node.is_pxe = said.is_pxe
    node.address = said.address or node.address
    # An event-only sender may leave these out: silence never clears what is known.
    node.architecture = said.architecture or node.architecture
    node.oem = said.oem or (node.oem if not said.asks else "")
    node.aleph_version = said.aleph_version or node.aleph_version
    node.alias = said.alias if said.asks else said.alias or node.alias
    node.updater = said.updater or node.updater


def _take_oem(known: Node | None, said: CheckIn, node: Node, catalogue: Catalogue) -> None:
    claim = read_oem_version(said.oem_version)
    # A node without an OEM has none to merge: its beacon's "none" is no news.
    if claim.basis == OBSERVED and (claim.version or node.oem not in NO_OEM):
        node.oem_basis, node.oem_version, node.oem_build = OBSERVED, claim.version, claim.build
        return
    if not said.asks and not said.oem_version and node.oem_basis == OBSERVED:
        return
    if claim.basis == REPORTED:
        node.birth_version = claim.build
    seen = _reported(known, node)
    if node.oem in NO_OEM:
        node.oem_basis, node.oem_version, node.oem_build = NO_BASIS, "", ""
    elif seen is not None:
        node.oem_basis, node.oem_version, node.oem_build = seen
    elif runs_sysext(node, catalogue):
        node.oem_basis, node.oem_version, node.oem_build = DERIVED, node.version, ""
    else:
        node.oem_basis, node.oem_version, node.oem_build = REPORTED, "", ""


def _reported(known: Node | None, node: Node) -> OemClaim | None:
    """What a report of this boot saw of its OEM, if one did."""
    # It was taken when it came: each check-in would pay for reading it again.
    if (
        known is not None
        and known.oem_basis == OBSERVED
        and (known.oem, known.boot_id) == (node.oem, node.boot_id)
        and is_kept_of(node.reported, node.boot_id)
    ):
        return OemClaim(OBSERVED, known.oem_version, known.oem_build)
    return observed(node.reported, oem=node.oem, boot_id=node.boot_id)


def _notice_past(known: Node, said: CheckIn, node: Node, now: datetime) -> bool:
    """See what became of a node since it was last heard; whether it was set up anew."""
    if said.asks or known.boot_id != said.boot_id:
        _notice_reboot(known, said, node)
    notice_boot(known, said, node, now)
    is_anew = is_set_up_anew(known, said)
    if is_anew:
        _settle(node)
        node.rolled_back_version = ""
    return is_anew


def _notice_reboot(known: Node, said: CheckIn, node: Node) -> None:
    """See an update arrive, or a rollback that no event told, by version and boot id alone."""
    if not known.version or known.version == said.version:
        _notice_missed_boot(known, said, node)
        return
    order = _compare(known.version, said.version)
    if order < 0:
        if node.state in UNDER_WAY or node.state in {State.FAILED, State.ROLLED_BACK}:
            _settle(node)
        node.rolled_back_version = ""
    elif order > 0 and _is_reinstalled(known, said):
        _settle(node)
        node.rolled_back_version = ""
    elif order > 0 and _may_have_rolled_back(known, said):
        node.state = State.ROLLED_BACK
        node.rolled_back_version = known.version


def _may_have_rolled_back(known: Node, said: CheckIn) -> bool:
    """Whether an older version can come from the other partition: only a boot leads there.

    A diskless node has no other partition, and `0.0.0` is how its owner forces a downgrade.
    """
    booted = said.boot_id == "" or said.boot_id != known.boot_id
    return booted and not said.is_pxe and said.version != FORCED_DOWNGRADE


def _notice_missed_boot(known: Node, said: CheckIn, node: Node) -> None:
    """A node that had applied an update, booted, and came back with its old version."""
    if (
        known.state == State.REBOOT_PENDING
        and said.asks
        and known.applied_boot_id
        and said.boot_id not in {"", known.applied_boot_id}
    ):
        node.state = State.ROLLED_BACK
        node.rolled_back_version = known.target_version


def _is_reinstalled(known: Node, said: CheckIn) -> bool:
    return any(event.previous_version == FIRST_CHECK for event in said.events) or (
        said.aleph_version not in {"", known.aleph_version}
    )


def _settle(node: Node) -> None:
    node.state = State.NEW
    node.target_version = ""
    node.applied_boot_id = ""
    node.download_failures = node.postinst_failures = node.last_error_code = 0


def _take_event(known: Node | None, said: CheckIn, event: Event, node: Node) -> Heard | None:
    """Move the state by one event; None when the event says nothing new."""
    means = meaning(event)
    if means is Meaning.ROUTINE:
        return None
    if means is Meaning.FIRST_BOOT:
        return _take_first_boot(known, said, event, node)
    code, flags = decode(event.error_code)
    # The client also reports 44 after a reset of its status: only a new boot is a rollback.
    if means is Meaning.ROLLED_BACK and known is not None and not _booted_since(known, said):
        means = Meaning.STATUS_RESET
    key = f"{event.type}/{event.result}/{code}/{event.previous_version}/{said.boot_id}"[:160]
    repeated, was = node.last_event == key, node.state
    if not (repeated and means is Meaning.FAILED and was == State.FAILED):
        _move(node, means, code, said)
    if repeated and node.state == was:
        return None
    node.last_event = key
    return Heard(means, event, code, flags)


def _booted_since(known: Node, said: CheckIn) -> bool:
    """Whether a node booted since it applied its update, or since it was last heard."""
    return said.boot_id != (known.applied_boot_id or known.boot_id)


def _take_first_boot(known: Node | None, said: CheckIn, event: Event, node: Node) -> Heard | None:
    """The first check of a root file system: news only of a node that was known before."""
    if known is None or known.boot_id == said.boot_id:
        return None
    _settle(node)
    node.rolled_back_version = ""
    return Heard(Meaning.FIRST_BOOT, event)


_LEADS_TO = {
    Meaning.DOWNLOAD_STARTED: State.DOWNLOADING,
    Meaning.DOWNLOAD_FINISHED: State.DOWNLOADED,
    Meaning.APPLIED: State.REBOOT_PENDING,
    Meaning.DEFERRED: State.DEFERRED,
    Meaning.FAILED: State.FAILED,
    Meaning.ROLLED_BACK: State.ROLLED_BACK,
    Meaning.STATUS_RESET: State.NEW,
}


def _move(node: Node, means: Meaning, code: int, said: CheckIn) -> None:
    was, node.state = node.state, _LEADS_TO.get(means, node.state)
    match means:
        case Meaning.APPLIED:
            node.applied_boot_id = said.boot_id
        case Meaning.FAILED:
            node.last_error_code = code
            if code == POSTINST:
                node.postinst_failures += 1
            else:
                node.download_failures += 1
        case Meaning.ROLLED_BACK:
            node.last_error_code = code
            # Its version may have told already what it came back from.
            if was != State.ROLLED_BACK or not node.rolled_back_version:
                node.rolled_back_version = node.target_version or node.rolled_back_version
        case Meaning.STATUS_RESET:
            node.applied_boot_id = ""


def _compare(one: str, other: str) -> int:
    """-1, 0 or 1 as `one` is older than, as new as, or newer than `other`; 0 if unreadable."""
    try:
        first, second = parse(one), parse(other)
    except BadVersion:
        return 0
    return (first > second) - (first < second)
