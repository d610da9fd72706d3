"""The pages' questions to the nodes: short at fifty rows and at a million."""

import ipaddress
from collections.abc import Collection, Mapping
from functools import reduce
from operator import or_
from typing import Self, TypeVar

from django.db import connection, connections, models
from django.db.models import F, Q

from oemupdates.models.count_queries import Value, Wanted
from oemupdates.models.lookups import Unindexed
from oemupdates.models.ran import RAN
from oemupdates.models.sysext import SYSEXT

# The model that asks; naming it here would lead in a circle.
Row = TypeVar("Row", bound=models.Model)


# A search that finds no more than this is answered from what it found.
FEW = 500
# Nodes that are looked through for somebody who sees some groups alone.
LOOKED_THROUGH = 20_000
# The columns of the counters under which nodes are indexed, as nodes call them.
INDEXED = {
    "state": "state",
    "group": "group_id",
    "version": "version",
    "oem": "oem",
    "is_dark": "is_dark",
    "drift": "drift",
}
_COMPUTED = {"sysext": SYSEXT, "ran": RAN}
NO_GROUP = 0
IPV6 = 6
_BEHIND_ALL = "z" * 64
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class BadSearch(ValueError):
    """A search that cannot be made; its text says why."""


def cheapest(wanted: Wanted, reach: Mapping[str, int], *, matching: int, rows: int) -> str:
    """The indexed column by which `rows` of the matching nodes are found soonest; empty for id.

    `reach` is how many nodes have the wanted values of each column, and all nodes by ''. A walk in
    the order of ids reads on until it has met enough matching nodes. Under one value of an index
    it does the same among fewer nodes; under several it must read all of them, to sort.
    """
    share_read = min(1.0, rows / matching) if matching else 1.0
    costs = {"": reach[""] * share_read}
    for name, values in wanted.items():
        if name in INDEXED:
            costs[name] = reach[name] * (share_read if len(values) == 1 else 1.0)
    return min(costs, key=costs.__getitem__)


class NodeQuerySet(models.QuerySet[Row]):
    """Nodes, as lists show them: newest first, found by an index, never counted."""

    def listed(self) -> Self:
        """The nodes that are not archived."""
        return self.filter(is_archived=False)

    def held(self, groups: Collection[int] | None = None) -> Self:
        """The held nodes that are listed, of all groups or of some: found among the held alone."""
        found = self.listed().filter(is_held=True)
        if groups is None:
            return found
        found, group = found.plain("group")
        return found.filter(**{f"{group}__in": groups})

    def having(self, wanted: Wanted, *, by: str = "", unwanted: Wanted | None = None) -> Self:
        """The nodes with the wanted values and none of the unwanted ones.

        They are looked up `by` one column's index (none: by id).
        """
        found = self
        for name, values in wanted.items():
            column = INDEXED.get(name, name)
            if name != by:
                found, column = found.plain(name)
            found = found.filter(_among(column, values))
        for name, values in (unwanted or {}).items():
            found, column = found.plain(name)
            found = found.filter(_not_among(column, values))
        return found

    def plain(self, name: str) -> tuple[Self, str]:
        """A column of the counters as one that no index is looked for, and what it is called."""
        plain = _COMPUTED.get(name) or Unindexed(F(INDEXED.get(name, name)))
        return self.alias(**{f"plain_{name}": plain}), f"plain_{name}"

    def keys_found_by(self, text: str) -> set[int] | None:
        """The keys of the nodes that a search finds; None if they are more than a few.

        `text` is the beginning of a machine id, an alias or a name, an address, or a network.
        `BadSearch` if it is a network that this database cannot find.
        """
        network = _network(text)
        if network is not None:
            _check(network, connections[self.db].vendor)
        keys: set[int] = set()
        for condition in _conditions(text, network).values():
            found = self.filter(condition).order_by().values_list("pk", flat=True)
            keys.update(found[: FEW + 1])
            if len(keys) > FEW:
                return None
        return keys

    def first_found_by(self, text: str, *, groups: Collection[int] | None, rows: int) -> list[Row]:
        """The few nodes that a search finds first, the closest names before the others.

        `groups` are the only ones to look at, None for all. Who is called just so comes first;
        nodes beyond the first `FEW` that begin with the text are not looked at, so it costs the
        same among a million.
        """
        network = _network(text)
        try:
            if network is not None:
                _check(network, connections[self.db].vendor)
        except BadSearch:
            network = None
        keys: set[int] = set()
        for condition in [*_exactly(text), *_conditions(text, network).values()]:
            found = self.filter(condition)._within(groups)  # noqa: SLF001 - our own
            keys.update(found.order_by().values_list("pk", flat=True)[: FEW - len(keys)])
        if groups is not None:
            # Theirs may be few among many that begin so: they are looked through by themselves.
            newest = self.filter(group__in=groups).order_by("-pk").values("pk")[:LOOKED_THROUGH]
            mine = (
                self.filter(pk__in=newest).read_for(text).order_by().values_list("pk", flat=True)
            )
            keys.update(mine[: FEW - len(keys)])
        names = self.filter(pk__in=keys).order_by("pk").only("pk", "name", "alias", "machine_id")
        return sorted(names, key=lambda node: (len(str(node)), str(node)))[:rows]

    def _within(self, groups: Collection[int] | None) -> Self:
        """Those of some groups, from no more rows than can be looked through at once."""
        if groups is None:
            return self
        first = self.order_by().values("pk")[:LOOKED_THROUGH]
        return self.filter(pk__in=first, group__in=groups)

    def read_for(self, text: str, *, is_negated: bool = False) -> Self:
        """The nodes that a search finds, or those it does not, row by row.

        This is for a search that finds more than a few.
        """
        network = _network(text)
        if network is not None:
            _check(network, connections[self.db].vendor)
        conditions = _conditions(text, network, prefix="plain_")
        plain = {f"plain_{column}": Unindexed(F(column)) for column in conditions}
        found = self.alias(**plain)
        if not is_negated:
            return found.filter(reduce(or_, conditions.values()))
        for column, condition in conditions.items():
            found = found.filter(~condition | Q(**{f"plain_{column}__isnull": True}))
        return found


def _among(column: str, values: Collection[Value]) -> Q:
    """A condition on a node's column for values of the counters, where no group is 0."""
    found = Q()
    if column in {"group_id", "plain_group"} and NO_GROUP in values:
        found = Q(**{f"{column}__isnull": True})
        values = [value for value in values if value != NO_GROUP]
    if len(values) == 1:
        # A partial index is found by `is_dark`, not by `is_dark IN (TRUE)`.
        return found | Q(**{column: next(iter(values))})
    return found | Q(**{f"{column}__in": values}) if values or not found else found


def _not_among(column: str, values: Collection[Value]) -> Q:
    """The opposite of `_among`: of no group, SQL does not know that it is none of some."""
    if column != "plain_group":
        return ~Q(**{f"{column}__in": values}) if values else Q()
    some = [value for value in values if value != NO_GROUP]
    is_none = Q(**{f"{column}__isnull": True})
    if len(some) < len(values):
        return ~is_none & ~Q(**{f"{column}__in": some}) if some else ~is_none
    return is_none | ~Q(**{f"{column}__in": some}) if some else Q()


def distinct_versions() -> set[str]:
    """The OS versions of all nodes, archived or not: a step down the index for each of them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE seen(version) AS (SELECT MIN(version) FROM oemupdates_node"
            " UNION ALL SELECT (SELECT MIN(version) FROM oemupdates_node"
            " WHERE version > seen.version) FROM seen WHERE seen.version IS NOT NULL)"
            " SELECT version FROM seen WHERE version IS NOT NULL"
        )
        return {version for (version,) in cursor.fetchall()}


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _check(network: Network, vendor: str) -> None:
    if network.prefixlen == 0:
        raise BadSearch(f"{network} is every address: leave it out.")
    if network.version == IPV6 and network.num_addresses > 1 and vendor == "sqlite":
        raise BadSearch("IPv6 networks can be searched on PostgreSQL only; search one address.")


def _conditions(text: str, network: Network | None, *, prefix: str = "") -> dict[str, Q]:
    """What a search means for each column that it looks at, each column `prefix`ed."""
    conditions = {
        "machine_id": _machine_ids(f"{prefix}machine_id", {text, text.lower()}),
        "alias": _begins(f"{prefix}alias", _spellings(text)),
        "name": _begins(f"{prefix}name", _spellings(text)) & ~Q(name=""),
    }
    if network is not None:
        single = network.num_addresses == 1
        lookup, value = ("exact", network.network_address) if single else ("within", network)
        conditions["address"] = Q(**{f"{prefix}address__{lookup}": str(value)})
    return conditions


def _exactly(text: str) -> list[Q]:
    """The nodes that are called just so, a condition for each index."""
    spelt = _spellings(text)
    names = [Q(machine_id__in={text, text.lower()}), Q(alias__in=spelt), Q(name__in=spelt)]
    return [names[0], names[1], names[2] & ~Q(name="")]


def _spellings(text: str) -> set[str]:
    """The usual spellings of a name, as an index can only be searched with the case known."""
    return {text, text.lower(), text.upper(), text.capitalize()}


def _machine_ids(column: str, texts: set[str]) -> Q:
    """Machine ids that begin with a text; on PostgreSQL their unique index finds ranges only.

    Nothing that a machine id may hold sorts behind `z`, in any collation.
    """
    ranges = [
        Q(**{f"{column}__gte": text, f"{column}__lte": text + _BEHIND_ALL})
        for text in sorted(texts)
    ]
    return reduce(or_, ranges) & _begins(column, texts)


def _begins(column: str, texts: set[str]) -> Q:
    return reduce(or_, [Q(**{f"{column}__begins": text}) for text in sorted(texts)])
