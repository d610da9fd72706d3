"""The classes of drift: how far what a node runs stands from what belongs to its OS.

A node has one class of its OEM, and further findings of its extensions and its updates. Each rule
is a line of a table, the first that holds wins; `drift_words` says what each class means.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple

from oemupdates.domain.checkin import ANY, LEVEL, OBSERVED
from oemupdates.domain.drift_facts import UNKEPT, Basis, Drift, Facts, Found, is_version
from oemupdates.domain.ebuild import BadVersion as BadBuild
from oemupdates.domain.ebuild import order as order_builds
from oemupdates.domain.node import Node, State
from oemupdates.domain.oem import NO_OEM, payload_name
from oemupdates.domain.report import Extension, Report, flatcar_name
from oemupdates.domain.sysupdate import order, version_of
from oemupdates.domain.version import BadVersion, parse

INITIAL = "-initial.raw"
REBOOT_DAYS = 7.0


class Measure(NamedTuple):
    """What is remembered of a measurement: the names of its classes, with spaces between.

    The OEM's comes first, and `drift_basis` is how that is known; the others follow in order. How
    the OS stands to its target is not among them: that moves with every release, for all nodes.
    """

    drift: str
    drift_basis: str


# As the classes of a node that nobody measured yet are written.
UNMEASURED = ""


def count(rows: Iterable[tuple[str, int]]) -> Counter[str]:
    """How many nodes each class stands for, given nodes by what is remembered of them."""
    found: Counter[str] = Counter()
    for drift, nodes in rows:
        for name in drift.split() or [UNMEASURED]:
            found[name] += nodes
    return found


def first_of(drift: str) -> str:
    """The OEM's class of what is remembered; empty if nothing was measured."""
    return drift.partition(" ")[0]


def keep(found: Iterable[Found]) -> Measure:
    """Sum up a measurement."""
    first, *others = found
    names = {one.drift.value for one in others if one.drift not in UNKEPT} - {first.drift.value}
    return Measure(" ".join([first.drift.value, *sorted(names)]), first.basis.value)


def measure(facts: Facts) -> list[Found]:
    """Say what is to be said of a node, its OEM first, then the rest as the tables have it."""
    return [
        _oem(facts),
        *(Found(drift, basis) for drift, basis, holds in _ABOUT_REPORTS if holds(facts)),
        *_unserved(facts),
        *_extensions(facts),
        *_components(facts),
        *_downloads(facts),
        *_updates(facts),
    ]


# --- the OEM, by the best that is known of it


def _oem(facts: Facts) -> Found:
    node = facts.node
    report = facts.fresh
    if report is not None:
        drift = _first(_BY_REPORT, facts, report)
        seen = report.oem_extension
        return Found(drift, Basis.REPORT, report.oem or node.oem, seen.version_id if seen else "")
    if node.oem not in NO_OEM and node.oem_basis == OBSERVED:
        drift = _first(_BY_BEACON, facts, None)
        return Found(drift, Basis.BEACON, node.oem, node.oem_version)
    return Found(_first(_DERIVED, facts, None), Basis.DERIVED, node.oem)


Rule = tuple[Drift, Callable[[Facts, Report], bool]]


def _first(rules: Iterable[Rule], facts: Facts, report: Report | None) -> Drift:
    # A rule of check-ins looks at no report.
    said = report or _NO_REPORT
    return next(drift for drift, holds in rules if holds(facts, said))


_NO_REPORT = Report()


def _extension(report: Report) -> Extension:
    return report.oem_extension or Extension("")


def _is_initial(facts: Facts, image: Extension) -> bool:
    is_loose = bool(image.sysext_level) or image.target.endswith(INITIAL)
    return image.merged and is_loose and facts.is_bound


def _is_apart(facts: Facts, image: Extension) -> bool:
    is_loose = bool(image.sysext_level) or not image.version_id
    return image.merged and not is_loose and image.version_id != facts.version_id


def _is_missing(facts: Facts, report: Report) -> bool:
    image = _extension(report)
    dangles = bool(image.target) and not image.target_exists
    stored = report.stores(f"oem-{report.oem_id}", facts.node.version)
    return dangles or (not image.merged and not stored)


_BY_REPORT: tuple[Rule, ...] = (
    (Drift.NO_OEM, lambda f, r: f.node.oem in NO_OEM and r.oem in NO_OEM),
    (Drift.OEM_ID_MISMATCH, lambda f, r: r.oem != f.node.oem or r.oem != r.oem_id),
    (Drift.MIGRATION_PENDING, lambda f, r: r.oem_migration_pending),
    # Without the flag neither the initrd nor the post-install step looks at any image.
    (Drift.OEM_UNKNOWN, lambda f, r: not r.oem_flag_active and not f.is_known),
    (Drift.OEM_UNPORTED, lambda f, r: not r.oem_flag_active and not f.is_ported),
    (
        Drift.MIGRATION_WAITING,
        lambda f, r: not r.oem_flag_active and r.stores(f"oem-{r.oem_id}", f.node.version),
    ),
    (Drift.OEM_NOT_MIGRATED, lambda f, r: not r.oem_flag_active and f.migrates),
    (Drift.OEM_NOT_MIGRATABLE, lambda f, r: not r.oem_flag_active),
    (Drift.OEM_INITIAL, lambda f, r: _is_initial(f, _extension(r))),
    (Drift.OEM_VERSION_MISMATCH, lambda f, r: _is_apart(f, _extension(r))),
    (Drift.OEM_DROPPED_UPSTREAM, lambda f, r: f.is_dropped and not _extension(r).merged),
    (
        Drift.OEM_DOWNGRADED_BELOW_PORT,
        lambda f, r: f.is_known and not f.is_ported and not _extension(r).merged,
    ),
    (Drift.OEM_MISSING_FOR_OS, _is_missing),
    (Drift.OEM_NOT_MERGED, lambda f, r: not _extension(r).merged),
    (Drift.OEM_PAYLOAD_STALE, lambda f, r: f.is_other_build(_extension(r).payload_version)),
    (Drift.IN_SYNC, lambda f, r: True),
)

# What a node without any image merged is, whether that was seen or follows from its past.
_WITHOUT: tuple[Rule, ...] = (
    (Drift.OEM_UNKNOWN, lambda f, r: not f.is_known),
    (Drift.OEM_DROPPED_UPSTREAM, lambda f, r: f.is_dropped),
    (
        Drift.OEM_DOWNGRADED_BELOW_PORT,
        lambda f, r: is_version(f.node.version) and not f.is_ported and f.had_sysext,
    ),
    (Drift.OEM_UNPORTED, lambda f, r: not f.is_ported),
    (Drift.OEM_NOT_MIGRATED, lambda f, r: f.was_born_legacy and f.migrates and not f.had_sysext),
    (Drift.OEM_NOT_MIGRATABLE, lambda f, r: f.was_born_legacy and not f.migrates),
)

_BY_BEACON: tuple[Rule, ...] = (
    (Drift.OEM_INITIAL, lambda f, r: f.node.oem_version.startswith(LEVEL) and f.is_bound),
    (
        Drift.OEM_VERSION_MISMATCH,
        lambda f, r: (
            f.node.oem_version not in {"", ANY, f.node.version, f.version_id}
            and not f.node.oem_version.startswith(LEVEL)
        ),
    ),
    (Drift.OEM_PAYLOAD_STALE, lambda f, r: f.is_other_build(f.node.oem_build)),
    (Drift.IN_SYNC, lambda f, r: bool(f.node.oem_version)),
    *_WITHOUT,
    (Drift.OEM_NOT_MERGED, lambda f, r: True),
)

_DERIVED: tuple[Rule, ...] = (
    (Drift.NO_OEM, lambda f, r: f.node.oem in NO_OEM),
    *_WITHOUT,
    (Drift.ASSUMED_IN_SYNC, lambda f, r: True),
)


def _is_old(facts: Facts) -> bool:
    """Whether what was written at birth is older than what its OS would bring."""
    wanted = facts.runs.oem_build if facts.runs else ""
    born = facts.node.birth_version
    if not wanted or not born or facts.fresh is not None or facts.node.oem_basis == OBSERVED:
        return False
    try:
        return order_builds(born) < order_builds(wanted)
    except BadBuild:
        return False


_ABOUT_REPORTS: tuple[tuple[Drift, Basis, Callable[[Facts], bool]], ...] = (
    (Drift.OEM_INSTALL_AGE, Basis.DERIVED, _is_old),
    (Drift.REPORT_STALE, Basis.REPORT, lambda f: f.is_stale),
    (Drift.REPORT_NEVER, Basis.CHECK_INS, lambda f: f.report is None),
)


# --- what stands between the node and its next release, its extensions, and its updates


def _is_ahead(facts: Facts) -> bool | None:
    """Whether it runs a newer version than its target; None if that cannot be said, or is it."""
    if facts.target is None or facts.target.version == facts.node.version:
        return None
    try:
        return parse(facts.node.version) > parse(facts.target.version)
    except BadVersion:
        return None


def _unserved(facts: Facts) -> list[Found]:
    """That its next release lacks the payload which its OEM needs."""
    target, oem = facts.target, facts.node.oem
    if target is None or _is_ahead(facts) is not False or payload_name(oem) in target.names:
        return []
    if facts.is_dropped:
        return []  # its class says so already
    if facts.migrates and facts.catalogue.is_dropped(oem, target=target.version):
        return [Found(Drift.OEM_DROPPED_UPSTREAM, Basis.DERIVED, oem, target.version)]
    report = facts.fresh
    if report is not None and report.oem_flag_active:
        return [Found(Drift.OEM_CUSTOM_UNSERVED, Basis.REPORT, oem, target.version)]
    return []


def _extensions(facts: Facts) -> list[Found]:
    report = facts.fresh
    if report is None:
        return []
    found = []
    for short in report.extensions_by_update:
        name = flatcar_name(short)
        image = report.extension(name) or Extension(name)
        dangles = bool(image.target) and not image.target_exists
        if dangles or (not image.merged and not report.stores(name, facts.node.version)):
            found.append(Found(Drift.EXT_MISSING, Basis.REPORT, short, facts.node.version))
        elif not image.merged:
            found.append(Found(Drift.EXT_NOT_MERGED, Basis.REPORT, short))
        if _is_ahead(facts) is False and facts.target and f"{name}.gz" not in facts.target.names:
            found.append(Found(Drift.EXT_UNSERVED, Basis.REPORT, short, facts.target.version))
    return found


def _components(facts: Facts) -> list[Found]:
    """How what systemd-sysupdate brings stands to what its group wants."""
    report, found = facts.fresh or _NO_REPORT, []
    for component, wanted in facts.components:
        image = report.extension(component)
        has = version_of(component, image.target) if image else ""
        if has and order(has) != order(wanted):
            is_behind = order(has) < order(wanted)
            drift = Drift.SYSUPDATE_BEHIND if is_behind else Drift.SYSUPDATE_AHEAD
            found.append(Found(drift, Basis.REPORT, component, wanted))
    return found


def _downloads(facts: Facts) -> list[Found]:
    """What payloads that were taken, or were not, tell of where it gets them."""
    node, found = facts.node, []
    if facts.fetched_at_boot:
        found.append(Found(Drift.BOOT_FETCH, Basis.DOWNLOADS, node.oem, node.version))
    if facts.took_elsewhere:
        found.append(Found(Drift.PUBLIC_FALLBACK, Basis.DOWNLOADS, node.version))
    return found


def _updates(facts: Facts) -> list[Found]:
    node, target = facts.node, facts.target
    is_overdue = facts.reboot_days >= REBOOT_DAYS
    reboot = Drift.REBOOT_OVERDUE if is_overdue else Drift.REBOOT_PENDING
    is_ahead = _is_ahead(facts)
    rules = (
        (node.postinst_failures >= facts.max_postinst_failures, Drift.UPDATE_BLOCKED),
        (bool(node.rolled_back_version), Drift.ROLLED_BACK),
        (facts.is_duplicate, Drift.DUPLICATE_MACHINE_ID),
        (facts.was_reset, Drift.NODE_RESET),
        (node.state == State.REBOOT_PENDING, reboot),
        (is_ahead is False, Drift.OS_BEHIND),
        (is_ahead is True, Drift.OS_AHEAD),
        (facts.runs is None, Drift.OS_UNKNOWN),
    )
    return [
        Found(drift, Basis.CHECK_INS, _subject(drift, node), target.version if target else "")
        for holds, drift in rules
        if holds
    ]


def _subject(drift: Drift, node: Node) -> str:
    if drift is Drift.ROLLED_BACK:
        return node.rolled_back_version
    if drift in {Drift.UPDATE_BLOCKED, Drift.REBOOT_PENDING, Drift.REBOOT_OVERDUE}:
        return node.target_version
    return node.version
