"""The matrix of OEMs and OS versions, and how much of it was observed; all from the counters."""

from collections import Counter
from typing import NamedTuple

from oemupdates.dashboard.frame import words
from oemupdates.dashboard.frame.drawing import Cell, HeatMap, Row, Stage, percent
from oemupdates.dashboard.frame.tags import nodes_url
from oemupdates.domain.drift_facts import Basis, Drift, Severity
from oemupdates.domain.drift_words import APART, severity
from oemupdates.domain.drift_words import label as drift_label
from oemupdates.domain.version import sort_key
from oemupdates.models.count_queries import Summed
from oemupdates.services.oem import oem_cells
from oemupdates.services.oem.oem_cells import OBSERVED_BY, FirstTools, Sums

ROWS, COLUMNS = 20, 10
_BASES = (
    (Basis.REPORT.value, "Observed by report", "good"),
    (Basis.BEACON.value, "Observed by beacon", "busy"),
    (Basis.DERIVED.value, "Derived", "wait"),
    ("", "Not measured yet", "calm"),
)
# The lists that somebody looks for behind the matrix: their classes, and their names.
_LISTS: tuple[tuple[str, tuple[Drift, ...]], ...] = (
    ("Out of step", tuple(map(Drift, APART))),
    ("Image missing", (Drift.OEM_MISSING_FOR_OS,)),
    ("Not merged", (Drift.OEM_NOT_MERGED,)),
    ("Legacy files", (Drift.OEM_NOT_MIGRATED, Drift.OEM_NOT_MIGRATABLE)),
    ("Migrating", (Drift.MIGRATION_WAITING, Drift.MIGRATION_PENDING)),
    ("No sysext for their OS", (Drift.OEM_UNPORTED,)),
    ("Unknown OEM", (Drift.OEM_UNKNOWN,)),
    ("Another build", (Drift.OEM_PAYLOAD_STALE, Drift.OEM_INITIAL)),
    ("Extensions amiss", (Drift.EXT_MISSING, Drift.EXT_NOT_MERGED, Drift.EXT_UNSERVED)),
    ("Took payloads elsewhere", (Drift.PUBLIC_FALLBACK,)),
    ("Booted without their OEM", (Drift.BOOT_FETCH,)),
    ("Never reported", (Drift.REPORT_NEVER,)),
    ("Report stale", (Drift.REPORT_STALE,)),
)


class Matrix(NamedTuple):
    """The heat map, the shares by basis with the observed one in words, and what is not shown.

    `lists` are those behind it that are not empty: what they are, how many nodes, and where.
    """

    heat: HeatMap
    bases: list[Stage]
    observed: str
    lists: list[tuple[str, int, str]]
    more_oems: int
    more_versions: int


def matrix(cells: Summed) -> Matrix | None:
    """What runs where, the most common OEMs and OS versions of it; None without any OEM."""
    sums, bases, drifts = oem_cells.read(cells)
    oems: Counter[str] = Counter()
    versions: Counter[str] = Counter()
    for (oem, version), one in sums.items():
        oems[oem] += one.nodes
        versions[version] += one.nodes
    if not oems:
        return None
    shown = [oem for oem, _nodes in oems.most_common(ROWS)]
    columns = sorted(dict(versions.most_common(COLUMNS)), key=sort_key, reverse=True)
    first = FirstTools(columns)
    rows = []
    for oem in shown:
        found = [
            _cell(oem, version, sums.get((oem, version), Sums()), first) for version in columns
        ]
        rows.append(Row(oem, nodes_url(oem=oem), found))
    return Matrix(
        HeatMap("OEM by OS version", [version or "not told" for version in columns], rows),
        [
            Stage(label, bases[basis], tone, nodes_url(drift_basis=basis))
            for basis, label, tone in _BASES
        ],
        percent(sum(bases[basis] for basis in OBSERVED_BY), bases.total()),
        _lists(drifts),
        len(oems) - len(shown),
        len(versions) - len(columns),
    )


def _lists(drifts: Counter[str]) -> list[tuple[str, int, str]]:
    found = []
    for label, classes in _LISTS:
        nodes = sum(drifts[drift.value] for drift in classes)
        if nodes:
            found.append((label, nodes, nodes_url(drift=[drift.value for drift in classes])))
    return found


def _cell(oem: str, version: str, found: Sums, first: FirstTools) -> Cell:
    tool = "no agent" if first.has_none(oem) else first.of(oem, version, found).version
    if not tool and found.build:
        tool = f"build {found.build}"
    seen = f"{percent(found.observed, found.nodes)} observed" if found.observed else ""
    note = tool if first.has_none(oem) else ", ".join(filter(None, (tool, seen)))
    warnings = {
        drift: nodes for drift, nodes in found.drifts.items() if severity(drift) >= Severity.WARN
    }
    worst = max(warnings, key=lambda drift: (severity(drift), warnings[drift]), default="")
    return Cell(
        found.nodes,
        nodes_url(oem=oem, version=version),
        note=note if found.nodes else "",
        warning=f"{warnings[worst]:,} {words.within(drift_label(worst))}" if worst else "",
        warning_url=nodes_url(oem=oem, version=version, drift=worst) if worst else "",
    )
