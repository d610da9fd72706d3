"""Nodes as they were at a moment of the past: the list, and one of them."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from oemupdates.dashboard.frame import explaining, moments, paging
from oemupdates.dashboard.frame.acting import where
from oemupdates.dashboard.nodes import tracing
from oemupdates.dashboard.nodes.timeline import timeline
from oemupdates.domain.access import Permission
from oemupdates.domain.query import BadQuery
from oemupdates.domain.query_parameters import read_parameters
from oemupdates.models import Node, VersionInterval
from oemupdates.services.finding.walking import Slice
from oemupdates.services.nodes import looking_back

BAD_REQUEST = 400
_OTHERS = {"after", "all", "go", "view", "at"}


def nodes_then(request: HttpRequest) -> HttpResponse:
    """Show a page of what nodes ran at the moment of the URL."""
    query, problems = read_parameters(dict(request.GET.lists()), others=_OTHERS)
    page: Slice[VersionInterval] = Slice([])
    after = request.GET.get("after", "")
    context: dict[str, object] = {"query": str(query), "at": request.GET["at"]}
    try:
        moment = moments.past(request.GET["at"])
        context["moment"] = moment
        key = paging.read_id(after) if after else 0
        if not problems:
            reach = where(request, Permission.READ_FLEET)
            page = looking_back.page(looking_back.find(moment, query, reach), after=key)
    except (BadQuery, paging.BadToken, moments.BadMoment) as bad:
        problems.append(str(bad))
    context |= {"page": paging.of(page, after), "slice": page, "problems": problems}
    status = BAD_REQUEST if problems else None
    return render(request, "dashboard/nodes_then.html", context, status=status)


def node_then(request: HttpRequest, node: Node) -> HttpResponse:
    """Show what a node ran, and what it heard and why, at the moment of the URL."""
    context: dict[str, object] = {"node": node, "at": request.GET["at"]}
    try:
        moment = moments.past(request.GET["at"])
    except moments.BadMoment as bad:
        context["problem"] = str(bad)
        return render(request, "dashboard/node_then.html", context, status=BAD_REQUEST)
    heard = node.answers.filter(at__lte=moment).order_by("-at", "-pk").first()
    context |= {
        "moment": moment,
        "ran": looking_back.of(node, moment),
        "heard": heard,
        "reasons": explaining.reasons(heard.reasons) if heard else [],
        "steps": tracing.steps(heard.reasons) if heard else [],
        "timeline": timeline(node, before=moment),
    }
    return render(request, "dashboard/node_then.html", context)
