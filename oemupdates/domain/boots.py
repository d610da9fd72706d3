"""What a node's boots, disk image and versions tell of its past: clones, set-ups, migrations."""

from datetime import datetime, timedelta

from oemupdates.domain.checkin import CheckIn
from oemupdates.domain.node import Node
from oemupdates.domain.oem import MIGRATES_BY, Catalogue

# A boot that is over never speaks again. Of clones, each speaks in turn: their boots come back.
_FORMER_BOOTS = 3
BOOTS_RETURN_WITHIN = timedelta(days=1)


def notice_boot(known: Node, said: CheckIn, node: Node, now: datetime) -> None:
    """Remember the boot that is over, and see one come back that was."""
    if said.boot_id in {"", known.boot_id}:
        return
    former = known.former_boots.split()
    if said.boot_id in former:
        is_lately = known.doubled_at is not None and now - known.doubled_at < BOOTS_RETURN_WITHIN
        node.boot_returns = known.boot_returns + 1 if is_lately else 1
        node.doubled_at = now
    others = [boot for boot in former if boot not in {said.boot_id, known.boot_id}]
    node.former_boots = " ".join([known.boot_id, *others][:_FORMER_BOOTS]).strip()


def is_set_up_anew(known: Node, said: CheckIn) -> bool:
    """Whether a machine has another disk image under its former id; clones only take turns."""
    is_other = known.aleph_version != "" and said.aleph_version not in {"", known.aleph_version}
    return is_other and said.boot_id not in known.former_boots.split()


def runs_sysext(node: Node, catalogue: Catalogue) -> bool:
    """Whether a stock node's OEM runs as the sysext of its OS version, as far as can be derived.

    Both its first OS version and its present one must have shipped the OEM as a sysext: an older
    installation keeps its files on the OEM partition until it was migrated by two updates to
    versions with a sysext.
    """
    if not catalogue.is_shipped(node.oem, version=node.version, architecture=node.architecture):
        return False
    return _was_born_ported(node, catalogue) or (
        catalogue.oems[node.oem].migrates and len(node.ported_versions.split()) >= MIGRATES_BY
    )


def _was_born_ported(node: Node, catalogue: Catalogue) -> bool:
    return catalogue.is_shipped(
        node.oem, version=node.aleph_version, architecture=node.architecture
    )


def note_ported_version(node: Node, catalogue: Catalogue) -> None:
    """Count the versions by which a former installation is migrated."""
    seen = node.ported_versions.split()
    if (
        len(seen) < MIGRATES_BY
        and node.version not in seen
        and catalogue.is_shipped(node.oem, version=node.version, architecture=node.architecture)
        and not _was_born_ported(node, catalogue)
    ):
        node.ported_versions = " ".join([*seen, node.version])
