"""One request to one operation, in words that the frame and the operation share."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from django.db import models, transaction
from rest_framework import serializers
from rest_framework.request import Request

from oemupdates.api.frame import answering, paging, versions
from oemupdates.api.frame.fields import Asked, Body
from oemupdates.api.frame.negotiation import Csv
from oemupdates.api.frame.parameters import AT, FIELDS, LISTED
from oemupdates.domain.access import Permission, Reach
from oemupdates.models import Operator
from oemupdates.services.access import access

Row = TypeVar("Row", bound=models.Model)
ShapeType = type[serializers.Serializer[Any]]


class Pages(Protocol):
    """A list, as the frame needs it: page by page, or all of it."""

    def page(self, *, scope: str, cursor: str, limit: int) -> paging.Page[Any]:
        """One page."""

    def chunks(self) -> Iterator[list[Any]]:
        """Every row, some at a time."""


@dataclass(frozen=True, slots=True)
class Listed(Generic[Row]):
    """The rows of a list, their order, and what is added to the rows of each page."""

    rows: models.QuerySet[Row]
    order: paging.Order = paging.NEWEST_FIRST
    complete: Callable[[list[Row]], None] | None = None

    def page(self, *, scope: str, cursor: str, limit: int) -> paging.Page[Row]:
        """One page."""
        found = paging.page(self.rows, self.order, scope=scope, cursor=cursor, limit=limit)
        if self.complete:
            self.complete(found.rows)
        return found

    def chunks(self) -> Iterator[list[Row]]:
        """Every row, some at a time."""
        for chunk in paging.chunks(self.rows, self.order):
            if self.complete:
                self.complete(chunk)
            yield chunk


@dataclass(frozen=True, slots=True)
class Known:
    """What somebody brought, and was here already: where new things are 201, it is 200."""

    thing: Any


@dataclass(frozen=True, slots=True)
class Operation:
    """What one method of an address is called, needs, takes and gives.

    `needs` is None where it is enough to be somebody. `within` opens the transaction of a change.
    What `takes_file` has a body of that media type, which it reads itself.
    A change that `is_conditional` is refused without If-Match. What `is_secret` no cache keeps.
    What `is_dangerous` takes a token, or a session of somebody who proved lately who they are.
    Who asks for a moment of the past is shown `gives_then`, where that is something else.
    """

    name: str
    needs: Permission | None
    gives: ShapeType | None
    takes: type[Body] | None = None
    takes_file: str = ""
    asks: type[Asked] = Asked
    gives_then: ShapeType | None = None
    lists: bool = False
    is_conditional: bool = False
    is_secret: bool = False
    is_dangerous: bool = False
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

    @property
    def gives(self) -> ShapeType | None:
        """How what is asked for is shown."""
        spec = self.operation
        return spec.gives_then if spec.gives_then and AT in self.asked else spec.gives

    def picked(self, shape: ShapeType) -> list[str]:
        """The fields that are asked for of what is shown, now or then."""
        spec = self.operation
        other = spec.gives if shape is spec.gives_then else spec.gives_then
        return answering.picked(shape, self.asked.get("fields", ""), other=other)

    def where(self, permission: Permission = Permission.READ_FLEET) -> Reach:
        """Where whoever asks has a permission."""
        return access.where(self.by, permission)

    def require(self, permission: Permission, *, group: int | None = None) -> None:
        """Refuse unless whoever asks has a permission for a group."""
        access.require(self.by, permission, group=group)

    def check_version(self, thing: Any, shape: ShapeType | None = None) -> None:
        """Refuse a change of a thing that is not any more what whoever asks read.

        Call it inside the transaction of the change. Who says nothing of what they read is let
        pass, where the operation is not conditional.
        """
        if self.request.headers.get("If-Match", "").strip():
            of = shape or self.operation.gives
            assert of is not None, "a version is one of a shape"  # noqa: S101 - for mypy
            versions.check(self.request, of, thing)

    def chosen(self, *names: str) -> dict[str, Any]:
        """Those of some parameters that were asked for, as a filter takes them."""
        return {name: self.asked[name] for name in names if name in self.asked}

    @property
    def is_csv(self) -> bool:
        """Whether a table is asked for."""
        return bool(self.request.accepted_renderer.format == Csv.format)
