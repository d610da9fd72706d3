"""Pages of long lists, by key: the thousandth page is as fast as the first."""

import base64
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from django.db import models
from django.db.models import Q

from oemupdates.models import Release
from oemupdates.services.finding.walking import Slice

Row = TypeVar("Row", bound=models.Model)
PAGE_ROWS = 50
# The longest user name, as JSON writes it, in base64.
_MAX_TOKEN = 1300
_BIGGEST_KEY = 2**63 - 1
# Nothing here happened outside of them, and no database stumbles over them.
_YEARS = range(2000, 9000)
_DAMAGED = "This link to a further page is damaged; the list starts anew without it."


class BadToken(ValueError):
    """An `after` that no page gave out."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows of a list, and the token by which the next page is asked for; empty at the end."""

    rows: Sequence[Row]
    after: str = ""
    is_first: bool = True


def token(*key: int | str) -> str:
    """A key as one opaque word of a URL."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def read_token(text: str) -> list[int | str]:
    """The key of a token; `BadToken` if it is none."""
    text = text[:_MAX_TOKEN]
    try:
        key = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except ValueError as error:
        raise BadToken(_DAMAGED) from error
    if not isinstance(key, list) or not all(type(part) in {int, str} for part in key):
        raise BadToken(_DAMAGED)
    return key


def read_id(text: str) -> int:
    """The key of a list that is ordered by id; `BadToken` if it is none."""
    match read_token(text):
        case [int(key)] if 0 <= key <= _BIGGEST_KEY:
            return key
    raise BadToken(_DAMAGED)


def by_id(rows: models.QuerySet[Row], after: str, *, size: int = PAGE_ROWS) -> Page[Row]:
    """A page of a list, newest first; `BadToken` if `after` is none of ours."""
    if after:
        rows = rows.filter(pk__lt=read_id(after))
    found = list(rows.order_by("-pk")[: size + 1])
    more = len(found) > size
    found = found[:size]
    return Page(found, token(found[-1].pk) if more else "", not after)


def by_name(
    rows: models.QuerySet[Row], column: str, after: str, *, size: int = PAGE_ROWS
) -> Page[Row]:
    """A page of a list in the order of a unique name; `BadToken` if `after` is none of ours."""
    if after:
        rows = rows.filter(**{f"{column}__gt": _read_name(after)})
    found = list(rows.order_by(column)[: size + 1])
    more = len(found) > size
    found = found[:size]
    return Page(found, token(getattr(found[-1], column)) if more else "", not after)


def of(part: Slice[Row], after: str) -> Page[Row]:
    """A page of rows that were found, with the token by which the search goes on."""
    return Page(part.rows, token(part.last) if part.last else "", not after)


def by_time(
    rows: models.QuerySet[Row], column: str, after: str, *, size: int = PAGE_ROWS
) -> Page[Row]:
    """A page of a list that is ordered by a time, newest first, and by id where times agree."""
    if after:
        moment, key = _read_moment(after)
        rows = rows.filter(
            Q(**{f"{column}__lt": moment}) | Q(**{column: moment, "pk__lt": key}),
            **{f"{column}__lte": moment},
        )
    found = list(rows.order_by(f"-{column}", "-pk")[: size + 1])
    more = len(found) > size
    found = found[:size]
    last = token(getattr(found[-1], column).isoformat(), found[-1].pk) if more else ""
    return Page(found, last, not after)


def by_version(
    rows: models.QuerySet[Release], after: str, *, size: int = PAGE_ROWS
) -> Page[Release]:
    """A page of releases, the newest version first, its architectures by name."""
    if after:
        order, architecture, key = _read_version(after)
        same = Q(order=order, architecture__gt=architecture)
        same |= Q(order=order, architecture=architecture, pk__gt=key)
        rows = rows.filter(Q(order__lt=order) | same, order__lte=order)
    found = list(rows.order_by("-order", "architecture", "pk")[: size + 1])
    more = len(found) > size
    found = found[:size]
    last = token(found[-1].order, found[-1].architecture, found[-1].pk) if more else ""
    return Page(found, last, not after)


def read_time(text: str) -> datetime:
    """A time out of a URL; `BadToken` if it is none, or far from any that things happen at."""
    with suppress(ValueError):
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None and at.year in _YEARS:
            return at
    raise BadToken(_DAMAGED)


def _read_name(text: str) -> str:
    match read_token(text):
        case [str(name)] if "\x00" not in name:
            return name
    raise BadToken(_DAMAGED)


def _read_version(text: str) -> tuple[str, str, int]:
    match read_token(text):
        case [str(order), str(architecture), int(key)] if (
            0 <= key <= _BIGGEST_KEY and "\x00" not in order + architecture
        ):
            return order, architecture, key
    raise BadToken(_DAMAGED)


def _read_moment(text: str) -> tuple[datetime, int]:
    match read_token(text):
        case [str(moment), int(key)] if 0 <= key <= _BIGGEST_KEY:
            return read_time(moment), key
    raise BadToken(_DAMAGED)
