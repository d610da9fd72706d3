"""What an operation gave back, as a response."""

from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from oemupdates.api.frame import answering, paging, versions
from oemupdates.api.frame.call import Call, Known, Pages, ShapeType
from oemupdates.api.frame.parameters import LISTED

OK, NO_CONTENT, NOT_MODIFIED = 200, 204, 304
_LIST = "list"


def changed(call: Call, done: Any) -> HttpResponse:
    """What has become of something, with its new ETag."""
    spec = call.operation
    if spec.gives is None:
        return HttpResponse(status=spec.status)
    status, thing = (OK, done.thing) if isinstance(done, Known) else (spec.status, done)
    body, version = _shown(call, spec.gives, thing)
    response = HttpResponse(body, status=status, content_type=answering.JSON)
    response["ETag"] = versions.tag(version, body)
    return _kept(call, response)


def shown(call: Call, found: Any) -> HttpResponseBase:
    """A thing or a list, unless the client has it already."""
    if isinstance(found, HttpResponseBase):
        return found
    gives = call.gives
    assert gives is not None, "what is read is shown"  # noqa: S101 - for mypy
    if call.operation.lists:
        if call.is_csv:
            return _table(call, gives, found)
        body, version = _page(call, gives, found), _LIST
    else:
        body, version = _shown(call, gives, found)
    etag = versions.tag(version, body)
    if versions.is_known(call.request, etag):
        response = HttpResponse(status=NOT_MODIFIED)
        del response["Content-Type"]
    else:
        response = HttpResponse(body, content_type=answering.JSON)
    response["ETag"] = etag
    return _kept(call, response)


def _kept(call: Call, response: HttpResponse) -> HttpResponse:
    if call.operation.is_secret:
        response["Cache-Control"] = "no-store"
    return response


def _shown(call: Call, gives: ShapeType, thing: Any) -> tuple[bytes, str]:
    """The chosen fields of a thing, and the version of the whole of it."""
    whole = answering.shaped(gives, thing)
    names = call.picked(gives)
    body = answering.dump({name: whole[name] for name in names})
    return body, versions.version(gives, whole)


def _page(call: Call, gives: ShapeType, found: Pages) -> bytes:
    request = call.request
    names = call.picked(gives)
    own = [
        (name, value)
        for name, values in request.query_params.lists()
        for value in values
        if name not in LISTED
    ]
    page = found.page(
        scope=paging.scope(request.path, own),
        cursor=call.asked.get("cursor", ""),
        limit=call.asked["limit"],
    )
    return answering.dump(
        {
            "items": list(answering.shapes(gives, page.rows, names)),
            "next": _link(request, page.following),
            "previous": _link(request, page.preceding),
        }
    )


def _link(request: Request, cursor: str) -> str | None:
    """The address of another page of the same list."""
    if not cursor:
        return None
    parameters = request.query_params.copy()
    parameters["cursor"] = cursor
    return f"{request.path}?{parameters.urlencode()}"


def _table(call: Call, gives: ShapeType, found: Pages) -> HttpResponseBase:
    """The whole list, not a page of it, as CSV."""
    names = call.picked(gives)
    rows = answering.shapes(gives, (row for chunk in found.chunks() for row in chunk), names)
    return answering.table(rows, columns=names, name=call.operation.name.removeprefix("list_"))
