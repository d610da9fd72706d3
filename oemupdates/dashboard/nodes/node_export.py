"""Exports of the node list: what the screen shows, however many rows it is."""

from collections.abc import Iterator, Sequence

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_safe

from oemupdates.dashboard.frame import exporting, node_columns
from oemupdates.dashboard.frame.acting import needs, operator, where
from oemupdates.dashboard.frame.exporting import CHUNK
from oemupdates.dashboard.frame.node_columns import Column
from oemupdates.domain.access import Permission
from oemupdates.domain.query import BadQuery
from oemupdates.domain.query_parameters import read_parameters
from oemupdates.models import Node
from oemupdates.models.node_queries import BadSearch
from oemupdates.services.finding.finding import Found, find

BAD_REQUEST = 400


@require_safe
@needs(Permission.READ_FLEET)
def export(request: HttpRequest) -> HttpResponseBase:
    """Stream the nodes that the URL asks for, with the columns that the screen shows."""
    query, problems = read_parameters(
        dict(request.GET.lists()), others={"after", "format", "all", "view"}
    )
    kind = request.GET.get("format", "csv")
    if kind not in exporting.TYPES:
        problems.append(exporting.no_such(kind))
    found = find(query, where(request, Permission.READ_FLEET), now=timezone.now())
    columns = [*node_columns.NAMING, *node_columns.picked(operator(request), query)]
    try:
        first = [] if problems else _first(found)
    except (BadQuery, BadSearch) as problem:
        problems.append(str(problem))
    if problems:
        return HttpResponse("\n".join(problems), "text/plain; charset=utf-8", BAD_REQUEST)
    del first
    labels = {column.name: column.label for column in columns}
    return exporting.streamed("nodes", kind, labels, _rows(found, columns), at=found.now)


def _first(found: Found) -> list[Node]:
    """The newest node, so that what cannot be searched for is said before anything is sent."""
    return found.page(size=1).rows


def _rows(found: Found, columns: Sequence[Column]) -> Iterator[list[str]]:
    """The cells of every node, a chunk of nodes in memory at a time."""
    after = 0
    while True:
        part = found.page(after, size=CHUNK, also=node_columns.related(columns))
        for node in part.rows:
            yield [column.text(node) for column in columns]
        after = part.last
        if not after:
            return
