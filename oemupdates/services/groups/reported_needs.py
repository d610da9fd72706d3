"""Nodes that reported to need a payload which releases lack: no counter knows of them."""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import NamedTuple

from django.db.models import Count

from oemupdates.models import Node
from oemupdates.models.needs import BEGINNING, INDEXED, beginnings


class Alike(NamedTuple):
    """Nodes of a group, by their version and OEM, and by what they need that is not there."""

    group: int
    version: str
    oem: str
    lacks: str = ""


def apart(
    cells: Iterable[tuple[int, str, str, int]], *releases: Collection[str]
) -> Counter[Alike]:
    """The nodes of some cells, those apart that reported a need which a release lacks.

    `cells` are nodes by group, version and OEM; a release is given by its payloads' names. Nodes
    are read only where there is such a need.
    """
    found: Counter[Alike] = Counter()
    for group, version, oem, nodes in cells:
        found[Alike(group, version, oem)] += nodes
    known = beginnings()
    unmet = None if known is None else [text for text in known if _may_lack(text, releases)]
    if unmet == []:
        return found
    rows = Node.objects.listed().exclude(needs="").alias(beginning=BEGINNING)
    rows = rows.filter(group__in={one.group for one in found})
    if unmet is not None:
        rows = rows.filter(beginning__in=unmet)
    by = rows.order_by().values_list("group", "version", "oem", "needs")
    for group, version, oem, needs, nodes in by.annotate(nodes=Count("pk")):
        if lacks := _lacking(needs, releases):
            found[Alike(group or 0, version, oem)] -= nodes
            found[Alike(group or 0, version, oem, lacks)] += nodes
    return +found


def _may_lack(beginning: str, releases: Iterable[Collection[str]]) -> bool:
    return len(beginning) >= INDEXED or bool(_lacking(beginning, releases))


def _lacking(needs: str, releases: Iterable[Collection[str]]) -> str:
    """The names that any of the releases lacks."""
    return " ".join(name for name in needs.split() if any(name not in names for names in releases))
