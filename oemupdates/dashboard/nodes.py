"""The list of nodes: the whole fleet, filtered by what stands in the URL."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from oemupdates.dashboard import facets, filters, paging
from oemupdates.models import Group, Node, NodeCount
from oemupdates.models.count_queries import Wanted
from oemupdates.models.node_queries import INDEXED, BadSearch, NodeQuerySet, cheapest

# A facet with more values than this leads nowhere quickly.
_MANY_VALUES = 200
BAD_REQUEST = 400


@require_safe
def nodes(request: HttpRequest) -> HttpResponse:
    """Show a page of the nodes that the URL asks for, with the facets to ask for others."""
    wanted = filters.read(request.GET)
    counts = facets.count(wanted)
    groups = {group.pk: str(group) for group in Group.objects.all()}
    page: paging.Page[Node] = paging.Page([])
    if not wanted.problems:
        try:
            page = paging.by_id(_found(wanted, counts), request.GET.get("after", ""))
        except (BadSearch, paging.BadToken) as problem:
            wanted.problems.append(str(problem))
    for words in wanted.problems:
        messages.error(request, words)
    context = {
        "page": page,
        "filters": wanted,
        "matching": _matching(wanted, counts, page),
        "facets": facets.facets(request.GET, wanted, counts, groups),
        "flags": facets.flags(request.GET, wanted, counts),
        "chosen": facets.chosen(request.GET, wanted, counts, groups),
        "search": wanted.search,
    }
    status = BAD_REQUEST if wanted.problems else None
    return render(request, "dashboard/nodes.html", context, status=status)


def _found(wanted: filters.Filters, counts: facets.Counts) -> NodeQuerySet[Node]:
    """The nodes that are meant; an archived one is found by a search alone."""
    values = wanted.wanted()
    found = Node.objects.select_related("group")
    if wanted.is_held:
        found = found.filter(is_held=True)
    if not wanted.search:
        found = found.listed()
    else:
        keys = Node.objects.keys_found_by(wanted.search)
        if keys is not None:
            return found.filter(pk__in=keys).having(values)
        found = found.read_for(wanted.search)
    if wanted.is_held or not values:
        return found.having(values)
    ways = _ways(values, counts)
    reach = NodeCount.objects.reach(ways)
    by = cheapest(ways, reach, matching=counts.matching, rows=paging.PAGE_ROWS)
    return found.having({**values, by: ways[by]} if by else values, by=by)


def _ways(wanted: Wanted, counts: facets.Counts) -> Wanted:
    """The values of each indexed column that matching nodes have, asked for or not."""
    ways = {name: values for name, values in wanted.items() if name in INDEXED}
    for name, (_label, column, _others) in facets.LISTS.items():
        values = counts.values[name]
        if column in INDEXED and column not in ways and len(values) < _MANY_VALUES:
            ways[column] = list(values)
    return ways


def _matching(
    wanted: filters.Filters, counts: facets.Counts, page: paging.Page[Node]
) -> int | None:
    """How many nodes are meant; None when only a count of their rows could tell."""
    if wanted.is_counted:
        return counts.matching
    return len(page.rows) if page.is_first and not page.after else None
