"""The frame: what every operation of the API shares, from the request's words to the answer's."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, ClassVar, Concatenate, Generic, NoReturn, ParamSpec, TypeVar

from django.db import models, transaction
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from rest_framework import serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from oemupdates.api import answering, paging, problems, reading, refusing, versions
from oemupdates.api.authentication import Allowed, Session
from oemupdates.api.fields import Asked, Body
from oemupdates.api.negotiation import Csv, Json, Negotiation
from oemupdates.api.parameters import FIELDS, LISTED
from oemupdates.api.schema import Schema
from oemupdates.domain.access import Permission, Reach
from oemupdates.models import Operator
from oemupdates.services import access

Params = ParamSpec("Params")
Row = TypeVar("Row", bound=models.Model)
View = TypeVar("View", bound="Resource")
SAFE = {"GET", "HEAD"}
NO_CONTENT = 204


@dataclass(frozen=True, slots=True)
class Listed(Generic[Row]):
    """The rows of a list, their order, and what is added to the rows of each page."""

    rows: models.QuerySet[Row]
    order: paging.Order = paging.NEWEST_FIRST
    complete: Callable[[list[Row]], None] | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """What one method of an address is called, needs, takes and gives.

    `needs` is None where it is enough to be somebody. `within` opens the transaction of a change.
    A change that `is_conditional` is refused without If-Match.
    """

    name: str
    needs: Permission | None
    gives: type[serializers.Serializer[Any]] | None
    takes: type[Body] | None = None
    asks: type[Asked] = Asked
    lists: bool = False
    is_conditional: bool = False
    status: int = 200
    within: Callable[[], AbstractContextManager[Any]] = transaction.atomic

    def parameters(self) -> serializers.Serializer[Any]:
        """The parameters that the URL may have: its own, and those of every list."""
        asked = self.asks()
        more = LISTED if self.lists else FIELDS if self.gives else {}
        for name, make in more.items():
            asked.fields[name] = make()
        return asked


@dataclass(frozen=True, slots=True)
class Call:
    """One request as an operation sees it: who asks, and what was said and asked."""

    request: Request
    operation: Operation
    by: Operator
    said: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, Any] = field(default_factory=dict)

    def where(self, permission: Permission = Permission.READ_FLEET) -> Reach:
        """Where whoever asks has a permission."""
        return access.where(self.by, permission)

    def require(self, permission: Permission, *, group: int | None = None) -> None:
        """Refuse unless whoever asks has a permission for a group."""
        access.require(self.by, permission, group=group)

    def unchanged(self, thing: Any, shape: type[serializers.Serializer[Any]]) -> None:
        """Refuse unless a thing is what whoever asks read; they may have said nothing of it."""
        if self.request.headers.get("If-Match", "").strip():
            versions.check(self.request, shape, thing)

    def chosen(self, *names: str) -> dict[str, Any]:
        """Those of some parameters that were asked for, as a filter takes them."""
        return {name: self.asked[name] for name in names if name in self.asked}

    @property
    def is_csv(self) -> bool:
        """Whether a table is asked for."""
        return bool(self.request.accepted_renderer.format == Csv.format)


Method = Callable[Concatenate[View, Call, Params], Any]
Handler = Callable[Concatenate[View, Request, Params], HttpResponseBase]


def operation(
    name: str,
    *,
    needs: Permission | None,
    gives: type[serializers.Serializer[Any]] | None = None,
    **more: Any,
) -> Callable[[Method[View, Params]], Handler[View, Params]]:
    """Make a method of an address out of a function from a call to a thing, or to a list.

    What the function raises becomes a problem document; what it returns is shown as `gives`.
    """
    spec = Operation(name, needs, gives, **more)

    def decorate(method: Method[View, Params]) -> Handler[View, Params]:
        @wraps(method)
        def handle(
            self: View, request: Request, /, *args: Params.args, **kwargs: Params.kwargs
        ) -> HttpResponseBase:
            call = _read(request, spec)
            if request.method in SAFE:
                return _show(call, method(self, call, *args, **kwargs))
            return _change(call, lambda: method(self, call, *args, **kwargs))

        handle.operation = spec  # type: ignore[attr-defined]
        return handle

    return decorate


class Resource(APIView):
    """An address of the API; its methods are operations."""

    authentication_classes: Sequence[type[BaseAuthentication]] = (Session,)
    permission_classes: Sequence[type[BasePermission]] = (Allowed,)
    renderer_classes = (Json,)
    parser_classes = ()
    content_negotiation_class = Negotiation
    metadata_class = None
    schema = Schema()
    http_method_names = [  # noqa: RUF012 - as Django declares it
        "get",
        "head",
        "post",
        "put",
        "patch",
        "delete",
    ]
    tag: ClassVar[str] = ""

    @classmethod
    def operation(cls, method: str) -> Operation | None:
        """What a method of this address is; None if there is no such method."""
        handler = getattr(cls, "get" if method == "HEAD" else method.lower(), None)
        found: Operation | None = getattr(handler, "operation", None)
        return found

    def needed(self, method: str) -> Permission | None:
        """The permission that a method needs."""
        found = self.operation(method)
        if found is None:
            raise problems.WrongMethod(
                f"There is no {method} here.", headers={"Allow": ", ".join(self.allowed_methods)}
            )
        return found.needs

    def get_renderers(self) -> list[Any]:
        """JSON, and tables where there are lists."""
        found = self.operation(str(self.request.method))
        return [Json(), Csv()] if found is not None and found.lists else [Json()]

    def permission_denied(
        self, request: Request, message: str | None = None, code: str | None = None
    ) -> NoReturn:
        """Tell a stranger from somebody who may not."""
        if request.user.is_authenticated:
            raise PermissionDenied
        super().permission_denied(request, message, code)

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], HttpResponse]:
        """Every exception is a problem document."""
        return refusing.answer

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Say that no two callers may share an answer."""
        final = super().finalize_response(request, response, *args, **kwargs)
        patch_vary_headers(final, ("Accept", "Authorization", "Cookie"))
        if not final.has_header("Cache-Control"):
            final["Cache-Control"] = "private, no-cache"
        return final


def _read(request: Request, spec: Operation) -> Call:
    """What a request says, as far as it can be understood without the database."""
    asked = reading.parameters(dict(request.query_params.lists()), spec.parameters())
    said: dict[str, Any] = {}
    if spec.takes is not None:
        said = reading.valid(spec.takes(data=reading.body(request)))
    if spec.is_conditional:
        versions.require(request)
    operator = request.user
    if not isinstance(operator, Operator):
        raise PermissionDenied
    return Call(request, spec, operator, said, asked)


def _change(call: Call, act: Callable[[], Any]) -> HttpResponse:
    """Do something, in one transaction, and show what has become of it."""
    with call.operation.within():
        done = act()
        return _changed(call, done)


def _changed(call: Call, done: Any) -> HttpResponse:
    spec = call.operation
    if spec.gives is None:
        return HttpResponse(status=NO_CONTENT)
    shown = answering.shaped(spec.gives, done)
    names = answering.picked(spec.gives, call.asked.get("fields", ""))
    body = answering.dump({name: shown[name] for name in names})
    response = HttpResponse(body, status=spec.status, content_type=answering.JSON)
    response["ETag"] = versions.tag(versions.version(spec.gives, shown), body)
    return response


def _show(call: Call, found: Any) -> HttpResponseBase:
    """A thing or a list, unless the client has it already."""
    if isinstance(found, HttpResponseBase):
        return found
    if isinstance(found, Listed):
        if call.is_csv:
            return _table(call, found)
        body, version = _page(call, found), "list"
    else:
        spec = call.operation
        assert spec.gives is not None, "what is read is shown"  # noqa: S101
        shown = answering.shaped(spec.gives, found)
        names = answering.picked(spec.gives, call.asked.get("fields", ""))
        body = answering.dump({name: shown[name] for name in names})
        version = versions.version(spec.gives, shown)
    etag = versions.tag(version, body)
    if versions.is_known(call.request, etag):
        response = HttpResponse(status=304)
        del response["Content-Type"]
    else:
        response = HttpResponse(body, content_type=answering.JSON)
    response["ETag"] = etag
    return response


def _page(call: Call, found: Listed[Any]) -> bytes:
    request, spec = call.request, call.operation
    assert spec.gives is not None, "what is listed is shown"  # noqa: S101
    names = answering.picked(spec.gives, call.asked.get("fields", ""))
    own = [
        (name, value)
        for name, values in request.query_params.lists()
        for value in values
        if name not in LISTED
    ]
    page = paging.page(
        found.rows,
        found.order,
        scope=paging.scope(request.path, own),
        cursor=call.asked.get("cursor", ""),
        limit=call.asked["limit"],
    )
    if found.complete:
        found.complete(page.rows)
    return answering.dump(
        {
            "items": list(answering.shapes(spec.gives, page.rows, names)),
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


def _table(call: Call, found: Listed[Any]) -> HttpResponseBase:
    """The whole list, not a page of it, as CSV."""
    spec = call.operation
    assert spec.gives is not None, "what is listed is shown"  # noqa: S101
    names = answering.picked(spec.gives, call.asked.get("fields", ""))
    rows = answering.shapes(spec.gives, _chunks(found), names)
    return answering.table(rows, columns=names, name=spec.name.removeprefix("list_"))


def _chunks(found: Listed[Any]) -> Iterator[Any]:
    for chunk in paging.chunks(found.rows, found.order):
        if found.complete:
            found.complete(chunk)
        yield from chunk
