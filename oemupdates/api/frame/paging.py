"""Pages of lists by key, in both directions; a cursor is signed, and good for its list alone."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any, Generic, NamedTuple, TypeVar

from django.core import signing
from django.db import models
from django.db.models import Q

from oemupdates.api.frame.problems import Unprocessable

Row = TypeVar("Row", bound=models.Model)
FORWARD, BACKWARD = "f", "b"
_MAX_CURSOR = 1000
_SALT = "oemupdates.api.cursor"
# The first rows of a table are on their way at once; what follows is read in bigger parts.
FIRST_ROWS, STREAM_ROWS = 100, 1000


@dataclass(frozen=True, slots=True)
class Order:
    """By which columns a list is ordered; the last one tells any two rows apart."""

    columns: tuple[str, ...] = ("pk",)
    is_descending: bool = True

    def by(self, *, reverse: bool = False) -> list[str]:
        """The columns as `order_by` takes them."""
        sign = "-" if self.is_descending is not reverse else ""
        return [f"{sign}{column}" for column in self.columns]

    def beyond(self, key: Sequence[Any], *, reverse: bool = False) -> Q:
        """The rows behind a key in the order, or before it."""
        compare = "lt" if self.is_descending is not reverse else "gt"
        ways = []
        for number, column in enumerate(self.columns):
            same = dict(zip(self.columns[:number], key, strict=False))
            ways.append(Q(**same, **{f"{column}__{compare}": key[number]}))
        # Said once more of the first column alone, so that its index is used.
        first = Q(**{f"{self.columns[0]}__{compare}e": key[0]})
        return first & reduce(or_, ways) if len(ways) > 1 else ways[0]

    def key(self, row: models.Model) -> list[Any]:
        """The values of a row by which it has its place."""
        return [_value(row, column) for column in self.columns]


NEWEST_FIRST = Order()


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows of a list, with the cursors of the pages around it; empty where there are none."""

    rows: list[Row]
    following: str = ""
    preceding: str = ""


class Start(NamedTuple):
    """Where a page of a list begins, and in which direction; without a key, at the list's."""

    key: list[Any]
    is_back: bool


def start(cursor: str, order: Order, model: type[models.Model], *, scope: str) -> Start:
    """Where a cursor lets a page begin; `Unprocessable` if it is none of this list."""
    direction, key = read(cursor, order, model, scope=scope) if cursor else (FORWARD, [])
    return Start(key, direction == BACKWARD)


def page(
    rows: models.QuerySet[Row], order: Order, *, scope: str, cursor: str, limit: int
) -> Page[Row]:
    """A page of a list; `Unprocessable` if the cursor is none of this list."""
    begins = start(cursor, order, rows.model, scope=scope)
    if begins.key:
        rows = rows.filter(order.beyond(begins.key, reverse=begins.is_back))
    found = list(rows.order_by(*order.by(reverse=begins.is_back))[: limit + 1])
    return cut(found, order, begins, scope=scope, limit=limit)


def cut(rows: list[Row], order: Order, start: Start, *, scope: str, limit: int) -> Page[Row]:
    """A page of the rows behind a start, in its direction; one beyond the limit is enough."""
    has_more = len(rows) > limit
    found = rows[:limit]
    if start.is_back:
        found.reverse()
    if not found:
        return Page([])
    has_next, has_previous = (True, has_more) if start.is_back else (has_more, bool(start.key))
    return Page(
        found,
        write(FORWARD, order.key(found[-1]), scope=scope) if has_next else "",
        write(BACKWARD, order.key(found[0]), scope=scope) if has_previous else "",
    )


def chunks(rows: models.QuerySet[Row], order: Order) -> Iterator[list[Row]]:
    """Every row of a list, some at a time, so that no transaction lasts as long as the reader."""
    ordered = rows.order_by(*order.by())
    size, found = FIRST_ROWS, list(ordered[:FIRST_ROWS])
    while found:
        yield found
        if len(found) < size:
            return
        size = STREAM_ROWS
        found = list(ordered.filter(order.beyond(order.key(found[-1])))[:size])


def scope(path: str, parameters: Sequence[tuple[str, str]]) -> str:
    """A list as a short word: its address and what it was asked for."""
    text = repr((path, sorted(parameters)))
    return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()[:12]


def write(direction: str, key: list[Any], *, scope: str) -> str:
    """A place in a list as one signed word."""
    plain = [part.isoformat() if isinstance(part, datetime) else part for part in key]
    return signing.Signer(salt=f"{_SALT}:{scope}").sign_object([direction, *plain])


def read(
    text: str, order: Order, model: type[models.Model], *, scope: str
) -> tuple[str, list[Any]]:
    """The place that a cursor names; `Unprocessable` if nobody gave it out for this list."""
    try:
        direction, *key = signing.Signer(salt=f"{_SALT}:{scope}").unsign_object(text[:_MAX_CURSOR])
    except (signing.BadSignature, ValueError) as error:
        raise Unprocessable("The cursor is none of this list; ask without one.") from error
    return direction, [
        _field(model, column).to_python(part)
        for column, part in zip(order.columns, key, strict=True)
    ]


def _field(model: type[models.Model], column: str) -> "models.Field[Any, Any]":
    """The field of a column, also of a related row's."""
    *path, name = column.split("__")
    for step in path:
        related = model._meta.get_field(step).related_model  # noqa: SLF001 - Django's own way
        assert isinstance(related, type), "a list is ordered by columns of rows that exist"  # noqa: S101
        model = related
    meta = model._meta  # noqa: SLF001 - Django's own way
    field = meta.pk if name == "pk" else meta.get_field(name)
    assert isinstance(field, models.Field), "a list is ordered by columns"  # noqa: S101
    return field


def _value(row: models.Model, column: str) -> Any:
    value: Any = row
    for step in column.split("__"):
        value = getattr(value, step)
    return value
