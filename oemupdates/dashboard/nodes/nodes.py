"""The list of nodes: the whole fleet, filtered by what stands in the URL."""

from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from oemupdates.dashboard.frame import facets, node_columns, paging, words
from oemupdates.dashboard.frame.acting import needs, operator, where
from oemupdates.dashboard.nodes.nodes_then import nodes_then
from oemupdates.domain.access import Permission, Reach
from oemupdates.domain.query import BadQuery, Flag, Key, Query
from oemupdates.domain.query_parameters import read_parameters
from oemupdates.models import Label, Node, SavedView
from oemupdates.models.node_queries import BadSearch
from oemupdates.services.access import operators
from oemupdates.services.finding.finding import Found, find
from oemupdates.services.finding.walking import Slice

BAD_REQUEST = 400
_OTHERS = {"after", "all", "at", "go", "view"}
# Labels that the facet shows; the query box finds the others.
_LABELS = 50
_BULK = ("hold", "release", "label", "unlabel", "move", "retry", "archive")


@require_safe
@needs(Permission.READ_FLEET)
def nodes(request: HttpRequest) -> HttpResponse:
    """Show a page of the nodes that the URL asks for, with the facets to ask for others."""
    if request.GET.get("at"):
        return nodes_then(request)
    views = list(SavedView.objects.all().shown_to(operator(request)))
    default = next((view for view in views if _is_opened(view, request)), None)
    if default is not None:
        return redirect(f"{reverse('dashboard:nodes')}?{urlencode({'q': default.query})}")
    query, problems = read_parameters(dict(request.GET.lists()), others=_OTHERS)
    reach = where(request, Permission.READ_FLEET)
    found = find(query, reach, now=timezone.now())
    columns = node_columns.picked(operator(request), query)
    page: Slice[Node] = Slice([])
    after = request.GET.get("after", "")
    if not problems:
        try:
            key = paging.read_id(after) if after else 0
            page = found.page(key, also=node_columns.related(columns))
        except (BadQuery, BadSearch, paging.BadToken) as problem:
            problems.append(str(problem))
    if "go" in request.GET and not after and not page.last and len(page.rows) == 1:
        return redirect("dashboard:node", page.rows[0].pk)  # who looks for one wants to see it
    if problems:
        found = find(Query(), reach, now=found.now)
    for problem_words in problems:
        messages.error(request, problem_words)
    matching = _matching(found, page, after)
    text = str(query) or request.GET.get("q", "")
    context = {
        "page": paging.of(page, after),
        "slice": page,
        "problems": problems,
        "has_archived": not page.rows and not query and _has_archived(reach, found.now),
        "matching": matching,
        "facets": [*facets.facets(found), facets.labels(found, _labels(reach))],
        "flags": facets.flags(found),
        "chosen": facets.chosen(found),
        "query": text,
        "columns": columns,
        "every_column": node_columns.ALL.values(),
        "views": [(view, view.query == str(query)) for view in views],
        "bulk": [(verb, words.BULK[verb]) for verb in _BULK],
        "keys": [key.value for key in Key if key],
        "export": urlencode({"q": str(query)}),
    }
    status = BAD_REQUEST if problems else None
    return render(request, "dashboard/nodes.html", context, status=status)


@require_POST
@needs(Permission.READ_FLEET)
def pick_columns(request: HttpRequest) -> HttpResponse:
    """Remember which columns somebody wants to see, and go back to the list."""
    names = request.POST.getlist("column")
    if any(name not in node_columns.ALL for name in names):
        return HttpResponseBadRequest("There is no such column.")
    picked = names if "usual" not in request.POST else list(node_columns.USUAL)
    operators.prefer(operator(request), {node_columns.PREFERENCE: picked})
    query = urlencode({"q": request.POST.get("q", "")})
    return redirect(f"{reverse('dashboard:nodes')}?{query}")


def _is_opened(view: SavedView, request: HttpRequest) -> bool:
    """Whether the list opens with a view: its owner's default, where nothing else is asked for."""
    is_mine = view.is_default and view.owner_id == operator(request).pk
    return is_mine and not request.GET and bool(view.query)


def _has_archived(reach: Reach, now: datetime) -> bool:
    """Whether there are nodes that the list shows only to who asks for them."""
    archived = Query().toggled(Key.IS, Flag.ARCHIVED)
    return bool(find(archived, reach, now=now).page(size=1).rows)


def _labels(reach: Reach) -> list[Label]:
    return list(Label.objects.all().common(reach)[:_LABELS])


def _matching(found: Found, page: Slice[Node], after: str) -> int | None:
    """How many nodes are meant; None when only a count of their rows could tell."""
    if found.is_counted:
        return found.matching
    return len(page.rows) if not after and not page.last else None
