"""The list of nodes: the whole fleet, filtered by what stands in the URL."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from oemupdates.dashboard import facets, paging
from oemupdates.dashboard.acting import needs, where
from oemupdates.domain.access import Permission
from oemupdates.domain.query import BadQuery, Query
from oemupdates.domain.query_parameters import read_parameters
from oemupdates.models.node_queries import BadSearch
from oemupdates.services.finding import Found, find
from oemupdates.services.walking import Slice

BAD_REQUEST = 400
_OTHERS = {"after"}


@require_safe
@needs(Permission.READ_FLEET)
def nodes(request: HttpRequest) -> HttpResponse:
    """Show a page of the nodes that the URL asks for, with the facets to ask for others."""
    query, problems = read_parameters(dict(request.GET.lists()), others=_OTHERS)
    reach = where(request, Permission.READ_FLEET)
    found = find(query, reach, now=timezone.now())
    page = Slice([])
    after = request.GET.get("after", "")
    if not problems:
        try:
            page = found.page(paging.read_id(after) if after else 0)
        except (BadQuery, BadSearch, paging.BadToken) as problem:
            problems.append(str(problem))
    if problems:
        found = find(Query(), reach, now=found.now)
    for words in problems:
        messages.error(request, words)
    context = {
        "page": paging.of(page, after),
        "slice": page,
        "problems": problems,
        "matching": _matching(found, page, after),
        "facets": facets.facets(found),
        "flags": facets.flags(found),
        "chosen": facets.chosen(found),
        "search": str(query) or request.GET.get("q", ""),
    }
    return render(
        request, "dashboard/nodes.html", context, status=BAD_REQUEST if problems else None
    )


def _matching(found: Found, page: Slice, after: str) -> int | None:
    """How many nodes are meant; None when only a count of their rows could tell."""
    if found.is_counted:
        return found.matching
    return len(page.rows) if not after and not page.last else None
