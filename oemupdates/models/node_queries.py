"""The pages' questions to the nodes: short at fifty rows and at a million."""

import ipaddress
from collections.abc import Collection, Mapping
from functools import reduce
from operator import or_
from typing import Self, TypeVar

from django.db import connections, models
from django.db.models import F, Q

from oemupdates.models.count_queries import Value, Wanted
from oemupdates.models.lookups import Unindexed
from oemupdates.models.sysext import SYSEXT

# The model that asks; naming it here would lead in a circle.
Row = TypeVar("Row", bound=models.Model)


# A search that finds no more than this is answered from what it found.
FEW = 500
# The columns of the counters under which nodes are indexed, as nodes call them.
INDEXED = {
    "state": "state",
    "group": "group_id",
    "version": "version",
    "oem": "oem",
    "is_dark": "is_dark",
}
NO_GROUP = 0
IPV6 = 6
_BEHIND_ALL = "z" * 64
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class BadSearch(ValueError):
    """A search that cannot be made; its text says why."""


def cheapest(wanted: Wanted, reach: Mapping[str, int], *, matching: int, rows: int) -> str:
    """The indexed column by which `rows` of the matching nodes are found soonest; empty for id.

    `reach` is of `NodeCountQuerySet.reach`. A walk in the order of ids reads on until it has met
    enough matching nodes. Under one value of an index it does the same among fewer nodes; under
    several it must read all of them, to sort.
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

    def having(self, wanted: Wanted, *, by: str = "") -> Self:
        """The nodes with the wanted values, looked up `by` one column's index (none: by id)."""
        found = self
        for name, values in wanted.items():
            column = INDEXED.get(name, name)
            if name != by:
                plain = SYSEXT if name == "sysext" else Unindexed(F(column))
                found = found.alias(**{f"plain_{name}": plain})
                column = f"plain_{name}"
            found = found.filter(_among(column, values))
        return found

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

    def read_for(self, text: str) -> Self:
        """The nodes that a search finds, row by row: for one that finds more than a few."""
        conditions = _conditions(text, _network(text), prefix="plain_")
        plain = {f"plain_{column}": Unindexed(F(column)) for column in conditions}
        return self.alias(**plain).filter(reduce(or_, conditions.values()))


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
