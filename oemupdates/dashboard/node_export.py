"""Exports of the node list: what the screen shows, however many rows it is."""

import csv
import json
from collections.abc import Iterator, Sequence

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from oemupdates.dashboard import node_columns
from oemupdates.dashboard.acting import needs, operator, where
from oemupdates.dashboard.node_columns import Column
from oemupdates.domain.access import Permission
from oemupdates.domain.query import BadQuery
from oemupdates.domain.query_parameters import read_parameters
from oemupdates.models import Node
from oemupdates.models.node_queries import BadSearch
from oemupdates.services.finding import Found, find

BAD_REQUEST = 400
CHUNK = 1000
# With these a spreadsheet takes a cell for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text


@require_safe
@needs(Permission.READ_FLEET)
def export(request: HttpRequest) -> HttpResponseBase:
    """Stream the nodes that the URL asks for, with the columns that the screen shows."""
    query, problems = read_parameters(
        dict(request.GET.lists()), others={"after", "format", "all", "view"}
    )
    kind = request.GET.get("format", "csv")
    if kind not in _TYPES:
        problems.append(f"There is no export as {kind!r}: csv or json.")
    found = find(query, where(request, Permission.READ_FLEET), now=timezone.now())
    columns = [*node_columns.NAMING, *node_columns.picked(operator(request))]
    try:
        first = [] if problems else _first(found)
    except (BadQuery, BadSearch) as problem:
        problems.append(str(problem))
    if problems:
        return HttpResponse("\n".join(problems), "text/plain; charset=utf-8", BAD_REQUEST)
    del first
    rows = _rows(found, columns)
    body = _csv(rows, columns) if kind == "csv" else _json(rows, columns)
    response = StreamingHttpResponse(body, content_type=_TYPES[kind])
    at = found.now.strftime("%Y-%m-%d-%H%M")
    response["Content-Disposition"] = f'attachment; filename="nodes-{at}.{kind}"'
    return response


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


def guarded(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _csv(rows: Iterator[list[str]], columns: Sequence[Column]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow([column.label for column in columns])
    for row in rows:
        yield writer.writerow([guarded(cell) for cell in row])


def _json(rows: Iterator[list[str]], columns: Sequence[Column]) -> Iterator[str]:
    names = [column.name for column in columns]
    separator = "["
    for row in rows:
        yield separator + json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False)
        separator = ",\n"
    yield "[]\n" if separator == "[" else "]\n"
