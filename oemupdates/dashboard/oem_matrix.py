"""The matrix of OEMs and OS versions, and how much of it was observed; all from the counters."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from oemupdates.dashboard import words
from oemupdates.dashboard.drawing import Cell, HeatMap, Row, Stage, percent
from oemupdates.dashboard.tags import nodes_url
from oemupdates.domain.drift import count, first_of
from oemupdates.domain.drift_facts import Basis, Drift, Severity
from oemupdates.domain.drift_words import APART, severity
from oemupdates.domain.drift_words import label as drift_label
from oemupdates.domain.oem import NO_OEM
from oemupdates.domain.version import sort_key
from oemupdates.models import NodeCount, Oem
from oemupdates.models.count_queries import NodeCountQuerySet
from oemupdates.services import tools

ROWS, COLUMNS = 20, 10
_BASES = (
    (Basis.REPORT.value, "Observed by report", "good"),
    (Basis.BEACON.value, "Observed by beacon", "busy"),
    (Basis.DERIVED.value, "Derived", "wait"),
    ("", "Not measured yet", "calm"),
)
_OBSERVED = (Basis.REPORT.value, Basis.BEACON.value)
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


@dataclass(slots=True)
class Sums:
    """The nodes of one OEM on one OS version: all, those observed, by class, and their builds."""

    nodes: int = 0
    observed: int = 0
    drifts: Counter[str] = field(default_factory=Counter)
    builds: Counter[str] = field(default_factory=Counter)


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


def matrix(cells: NodeCountQuerySet[NodeCount]) -> Matrix | None:
    """What runs where, the most common OEMs and OS versions of it; None without any OEM."""
    sums, bases, drifts = _sum(cells)
    oems: Counter[str] = Counter()
    versions: Counter[str] = Counter()
    for (oem, version), one in sums.items():
        oems[oem] += one.nodes
        versions[version] += one.nodes
    if not oems:
        return None
    shown = [oem for oem, _nodes in oems.most_common(ROWS)]
    columns = sorted(dict(versions.most_common(COLUMNS)), key=sort_key, reverse=True)
    known = list(Oem.objects.filter(kind=Oem.Kind.OEM).exclude(alpha_since=""))
    # Configuration only: what such an image calls itself is no version of a tool.
    agentless = {row.oem_id for row in known if not row.tools}
    told = {row.oem_id for row in known if row.build_tool == row.tools.split(", ")[0]}
    inside = tools.first_versions(columns)
    rows = []
    for oem in shown:
        drawn = []
        for version in columns:
            one, tool = sums.get((oem, version), Sums()), inside.get((oem, version), "")
            drawn.append(_cell(oem, version, one, _build(one, tool, is_tool=oem in told)))
        found = [_without_agent(cell) for cell in drawn] if oem in agentless else drawn
        rows.append(Row(oem, nodes_url(oem=oem), found))
    return Matrix(
        HeatMap("OEM by OS version", [version or "not told" for version in columns], rows),
        [
            Stage(label, bases[basis], tone, nodes_url(drift_basis=basis))
            for basis, label, tone in _BASES
        ],
        percent(sum(bases[basis] for basis in _OBSERVED), bases.total()),
        _lists(drifts),
        len(oems) - len(shown),
        len(versions) - len(columns),
    )


def _sum(
    cells: NodeCountQuerySet[NodeCount],
) -> tuple[dict[tuple[str, str], Sums], Counter[str], Counter[str]]:
    """By OEM and OS version, and all nodes with an OEM by basis and by class of drift."""
    sums: defaultdict[tuple[str, str], Sums] = defaultdict(Sums)
    bases: Counter[str] = Counter()
    drifts: Counter[str] = Counter()
    columns = ("oem", "version", "oem_build", "drift_basis", "drift")
    for oem, version, build, basis, drift, nodes in cells.by(*columns):
        if oem in NO_OEM:
            continue
        one = sums[oem, version]
        one.nodes += nodes
        one.drifts[first_of(drift)] += nodes
        one.observed += nodes * (basis in _OBSERVED)
        bases[basis] += nodes
        drifts.update(count([(drift, nodes)]))
        if build:
            one.builds[build] += nodes
    return sums, bases, drifts


def _lists(drifts: Counter[str]) -> list[tuple[str, int, str]]:
    found = []
    for label, classes in _LISTS:
        nodes = sum(drifts[drift.value] for drift in classes)
        if nodes:
            found.append((label, nodes, nodes_url(drift=[drift.value for drift in classes])))
    return found


def _build(found: Sums, tool: str, *, is_tool: bool) -> str:
    """What nodes run in a cell: the most common build, which need not be a tool's version.

    `tool` is the version that the first tool should have.
    """
    if not found.nodes:
        return ""
    build = max(found.builds, key=found.builds.__getitem__, default="")
    if is_tool or not build:
        return build or tool
    return tool or f"build {build}"


def _cell(oem: str, version: str, found: Sums, build: str) -> Cell:
    """One cell; `build` is what its nodes run."""
    seen = f"{percent(found.observed, found.nodes)} observed" if found.observed else ""
    warnings = {
        drift: nodes for drift, nodes in found.drifts.items() if severity(drift) >= Severity.WARN
    }
    worst = max(warnings, key=lambda drift: (severity(drift), warnings[drift]), default="")
    return Cell(
        found.nodes,
        nodes_url(oem=oem, version=version),
        note=", ".join(filter(None, (build, seen))),
        warning=f"{warnings[worst]:,} {words.within(drift_label(worst))}" if worst else "",
        warning_url=nodes_url(oem=oem, version=version, drift=worst) if worst else "",
    )


def _without_agent(cell: Cell) -> Cell:
    return cell._replace(note="no agent" if cell.number else "")
