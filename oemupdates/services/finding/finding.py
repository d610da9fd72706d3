"""Finding nodes: a query and whoever asks it, turned into rows, pages and counts.

Pages, API, exports and bulk changes all ask here, so that they all mean the same nodes. The
counters are read once for a query; from them come every number, the versions that a range holds,
and the index by which the rows are found soonest.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.db.models import QuerySet, Sum

from oemupdates.domain.access import Reach
from oemupdates.domain.drift import UNMEASURED
from oemupdates.domain.query import (
    EXPOSURES,
    TIMES,
    VERSIONS,
    Flag,
    Key,
    Op,
    Query,
    Term,
    meets,
)
from oemupdates.models import Group, Node, NodeLabel
from oemupdates.models.cells import Cells, Tally, Test, read_cells
from oemupdates.models.count_queries import Value, Wanted
from oemupdates.models.node_queries import (
    INDEXED,
    NO_GROUP,
    NodeQuerySet,
    cheapest,
    distinct_versions,
)
from oemupdates.services.finding.finding_exposed import exposed
from oemupdates.services.finding.finding_groups import Names, group_keys, names_of, standing
from oemupdates.services.finding.finding_rows import (
    by_column,
    carrying,
    labels,
    uncounted,
)
from oemupdates.services.finding.walking import Slice, cut, walk, walk_carriers

COLUMNS = {
    Key.STATE: "state",
    Key.GROUP: "group",
    Key.OS: "version",
    Key.OEM: "oem",
    Key.BASIS: "oem_basis",
    Key.SYSEXT: "sysext",
    Key.ARCH: "architecture",
    Key.OEM_VERSION: "oem_version",
    Key.OEM_BUILD: "oem_build",
    Key.DRIFT: "drift",
    Key.DRIFT_BASIS: "drift_basis",
}
_COUNTED = COLUMNS | dict.fromkeys(EXPOSURES, "ran")
PAGE_ROWS = 50
# A lookup of more values than this is no shorter than a walk.
_MANY_VALUES = 200
# Rows that are read at once where no index helps.
_FEW_ROWS = 20_000


@dataclass
class Found:
    """The nodes that a query means to whoever has a reach; nothing is asked before it is used."""

    query: Query
    reach: Reach
    now: datetime

    @cached_property
    def cells(self) -> Cells:
        """The counters, beyond the reach too: what rows cost to find depends on them all."""
        return read_cells(
            also={_COUNTED[term.key] for term in self.query.terms if term.key in _COUNTED}
        )

    @cached_property
    def groups(self) -> dict[int, str]:
        """The groups within reach, as they are shown, by key."""
        rows = Group.objects.all()
        return {row.pk: str(row) for row in rows if self.reach.covers(row.pk)}

    @cached_property
    def names(self) -> Names:
        """These groups by what queries call them."""
        return names_of(self.groups)

    @cached_property
    def tests(self) -> list[Test]:
        """What the reach and the query say about the counters' columns."""
        tests = [test for term in self.query.terms for test in self._tests(term)]
        if self.reach.is_everywhere:
            return tests
        return [Test("reach", "group", self.reach.groups), *tests]

    @cached_property
    def tally(self) -> Tally:
        """The numbers; of a query that is not counted, as if its other terms were not there."""
        return self.cells.tally(self.tests)

    @property
    def is_counted(self) -> bool:
        """Whether the counters know how many nodes are meant."""
        counted = {*_COUNTED, Key.STANDING}
        return all(
            term.key in counted
            or (term.key is Key.IS and term.values[0].text in {Flag.DARK, Flag.UNASSIGNED})
            for term in self.query.terms
        )

    @property
    def matching(self) -> int | None:
        """How many nodes are meant; None when only a count of their rows could tell."""
        return self.tally.matching if self.is_counted else None

    @cached_property
    def nodes(self) -> NodeQuerySet[Node]:
        """The nodes that are meant, to be read in the order of their keys; `BadSearch`."""
        found = self._flagged(Node.objects.select_related("group"))
        for condition in uncounted(self.query, self.now):
            found = found.filter(condition)
        keys, unread = self._searched
        for term in unread:
            found = found.read_for(term.values[0].text, is_negated=term.is_negated)
        if keys is not None:
            return self._having(found.filter(pk__in=keys), by="")
        return self._having(found, by=self._by)

    def page(
        self, after: int = 0, *, size: int = PAGE_ROWS, also: Collection[str] = ()
    ) -> Slice[Node]:
        """The nodes below a key, newest first, as many as a page holds or a moment finds.

        `also` names what else is read with them, as `prefetch_related` does.
        """
        if self._is_empty:
            return Slice([])
        nodes = self.nodes.prefetch_related(*also)
        carriers = self._carriers
        if carriers is not None:
            return walk_carriers(nodes, carriers, after, size)
        if self._must_read_on:
            return walk(nodes, after, size)
        found = nodes.filter(pk__lt=after) if after else nodes
        return cut(list(found.order_by("-pk")[: size + 1]), size)

    @cached_property
    def _searched(self) -> tuple[set[int] | None, list[Term]]:
        """The keys that the words find, if they are few, and the words that rows must tell."""
        keys: set[int] | None = None
        unread: list[Term] = []
        for term in self.query.about(Key.WORD):
            few = None if term.is_negated else Node.objects.keys_found_by(term.values[0].text)
            if few is None:
                unread.append(term)
            else:
                keys = few if keys is None else keys & few
        return keys, unread

    @property
    def _carriers(self) -> QuerySet[NodeLabel] | None:
        """The rows of the rarest label that is asked for, by which nodes are found soonest."""
        terms = [term for term in self.query.about(Key.LABEL) if not term.is_negated]
        if not terms or self._searched[0] is not None:
            return None
        numbers = [labels(term).aggregate(sum=Sum("nodes", default=0))["sum"] for term in terms]
        return carrying(terms[numbers.index(min(numbers))])

    def _tests(self, term: Term) -> list[Test]:
        if term.key in COLUMNS:
            column = COLUMNS[term.key]
            return [Test(column, column, self._values(term), term.is_negated)]
        if term.key is Key.IS:
            match Flag(term.values[0].text):
                case Flag.DARK:
                    return [Test("is_dark", "is_dark", [True], term.is_negated)]
                case Flag.UNASSIGNED:
                    return [Test("group", "group", [NO_GROUP], term.is_negated)]
        if term.key in EXPOSURES:
            return [exposed(term, self.cells)]
        if term.key is Key.STANDING:
            wanted = self._standing(term)
            return [Test("standing", column, values) for column, values in wanted.items()]
        return []

    def _values(self, term: Term) -> Collection[Value]:
        """The values of a counters' column that a term means."""
        if term.key is Key.GROUP:
            return self.keys(term)
        if term.key is Key.DRIFT:
            return self._drifts(set(term.texts))
        if term.key not in VERSIONS:
            return set(term.texts)
        known = {str(version) for version in self.cells.distinct(COLUMNS[term.key])}
        if self._may_be_archived:
            known |= distinct_versions()
        exact = {value.text for value in term.values if value.op is Op.IS}
        return exact | {
            version for version in known if any(meets(version, value) for value in term.values)
        }

    def _drifts(self, wanted: set[str]) -> set[Value]:
        """What is remembered of nodes for which one of some classes stands."""
        known = {str(drift) for drift in self.cells.distinct("drift")}
        if self._may_be_archived:
            known |= set(Node.objects.order_by().values_list("drift", flat=True).distinct())
        return {drift for drift in known if wanted.intersection(drift.split() or [UNMEASURED])}

    def keys(self, term: Term) -> list[int]:
        """The groups that a term names, by key; raises `BadQuery` for one that there is not."""
        return [key for text in term.texts for key in group_keys(text, self.names)]

    def _standing(self, term: Term) -> Wanted:
        groups = [test for other in self.query.about(Key.GROUP) for test in self._tests(other)]
        return standing(
            term, [int(key) for test in groups for key in test.values if not test.is_negated]
        )

    @property
    def _may_be_archived(self) -> bool:
        """Whether archived nodes are meant too: by a search, or when they are asked for."""
        if self.query.about(*EXPOSURES):
            return False
        if any(Flag.ARCHIVED in term.texts for term in self.query.about(Key.IS)):
            return True
        return any(not term.is_negated for term in self.query.about(Key.WORD))

    def _flagged(self, found: NodeQuerySet[Node]) -> NodeQuerySet[Node]:
        flags = self.query.about(Key.IS)
        for term in flags:
            if Flag.HELD in term.texts:
                found = found.filter(is_held=not term.is_negated)
            elif Flag.ARCHIVED in term.texts:
                found = found.filter(is_archived=not term.is_negated)
        return found if self._may_be_archived else found.listed()

    @property
    def _has_short_index(self) -> bool:
        """Whether an index holds the few nodes that are meant, whatever else is asked."""
        return any(
            term.key is Key.HOLD_ENDS or term.values[0].text in {Flag.HELD, Flag.ARCHIVED}
            for term in self.query.about(Key.IS, Key.HOLD_ENDS)
            if not term.is_negated
        )

    @cached_property
    def _by(self) -> str:
        """The column by whose index the rows are found soonest; empty for the keys' order."""
        if self._has_short_index or not self.tests or self._may_be_archived:
            return ""
        reach = {name: self.cells.nodes(name, values) for name, values in self._ways.items()}
        fleet = {"": self.cells.nodes()}
        return cheapest(self._ways, fleet | reach, matching=self.tally.matching, rows=PAGE_ROWS)

    @cached_property
    def _ways(self) -> dict[str, list[Value]]:
        """The values that matching nodes have of each indexed column, asked for or not."""
        return {
            name: list(values)
            for name in INDEXED
            if len(values := self.tally.matching_values[name]) <= _MANY_VALUES
        }

    @property
    def _is_empty(self) -> bool:
        """Whether the counters rule every node out, so that no row needs to be looked at."""
        return bool(self.tests) and not self._may_be_archived and not self.tally.matching

    @property
    def _must_read_on(self) -> bool:
        """Whether many rows may have to be read that are not meant."""
        keys, unread = self._searched
        is_tested = bool(unread or self.query.about(*TIMES, Key.LABEL))
        if keys is not None or not (is_tested or self.tests):
            return False
        if self._has_short_index:
            return True
        rows = self.cells.nodes(self._by, self._ways[self._by] if self._by else ())
        return rows - (0 if is_tested else self.tally.matching) > _FEW_ROWS

    def _having(self, found: NodeQuerySet[Node], *, by: str) -> NodeQuerySet[Node]:
        wanted, unwanted = by_column(self.tests)
        if by:
            wanted[by] = self._ways[by]
        return found.having(wanted, by=by, unwanted=unwanted)


def find(query: Query, reach: Reach, *, now: datetime) -> Found:
    """The nodes that a query means within a reach.

    Using what comes back raises `BadQuery` if the query names what there is not, and `BadSearch`
    if this database cannot search for it.
    """
    return Found(query, reach, now)
