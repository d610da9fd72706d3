"""What nodes ran at a moment of the past, from their version intervals.

Intervals know versions and OEM sysexts. What else a node was then - its state, its group, its
labels - nobody wrote down, and nothing here makes it up.
"""

from datetime import datetime

from django.db.models import Q, QuerySet

from oemupdates.domain.access import Reach
from oemupdates.domain.query import PREFIX, VERSIONS, BadQuery, Key, Op, Query, Term, Value
from oemupdates.models import Node, VersionInterval
from oemupdates.services.finding.walking import Slice, walk

COLUMNS = {
    Key.OS: "version",
    Key.OEM: "oem",
    Key.OEM_VERSION: "oem_version",
    Key.OEM_BUILD: "oem_build",
    Key.BASIS: "oem_basis",
}
PAGE_ROWS = 50


def find(at: datetime, query: Query, reach: Reach) -> QuerySet[VersionInterval]:
    """The intervals that a moment is in, one a node, to be read in the order of nodes' keys.

    `reach` is asked about the groups that nodes are in now. Raises `BadQuery` for terms that the
    past does not know.
    """
    found = VersionInterval.objects.filter(_covers(at)).select_related("node__group")
    for term in query.terms:
        condition = _condition(term)
        found = found.exclude(condition) if term.is_negated else found.filter(condition)
    if not reach.is_everywhere:
        found = found.filter(node__group__in=reach.groups)
    return found


def page(
    found: QuerySet[VersionInterval], *, after: int, size: int = PAGE_ROWS
) -> Slice[VersionInterval]:
    """Some of the intervals that were found, of the nodes with the largest keys below `after`."""
    newest = Node.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    return walk(found, after, size, last=newest, key="node_id")


def of(node: Node, at: datetime) -> VersionInterval | None:
    """What a node ran at a moment; None where it was not heard of yet."""
    return node.intervals.filter(_covers(at)).order_by("-started_at", "-pk").first()


def _covers(at: datetime) -> Q:
    return Q(started_at__lte=at) & (Q(ended_at=None) | Q(ended_at__gt=at))


def _condition(term: Term) -> Q:
    if term.key not in COLUMNS:
        names = ", ".join(key.value for key in COLUMNS)
        raise BadQuery(f"Of the past only {names} are known, and not {term.key.value or 'words'}.")
    condition = Q(pk__in=())
    for value in term.values:
        condition |= _means(COLUMNS[term.key], value, is_version=term.key in VERSIONS)
    return condition


def _means(column: str, value: Value, *, is_version: bool) -> Q:
    if value.op is not Op.IS:
        raise BadQuery("Of the past only versions and their beginnings can be asked for.")
    if is_version and PREFIX.fullmatch(value.text):
        return Q((column, value.text)) | Q((f"{column}__startswith", f"{value.text}."))
    return Q((column, value.text))
