"""Answers as bytes: JSON with an ETag, some of its fields, or a whole list as CSV."""

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import orjson
from django.http import HttpResponse, StreamingHttpResponse
from rest_framework import serializers

from oemupdates.api.frame.problems import Fault, Invalid, Unprocessable
from oemupdates.domain.spreadsheet import guarded

JSON = "application/json"
CSV = "text/csv"
_ETAG_LENGTH = 20


def dump(data: Any) -> bytes:
    """A value as JSON."""
    return orjson.dumps(data, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS)


def digest(data: bytes) -> str:
    """Bytes as one short word."""
    return hashlib.sha256(data).hexdigest()[:_ETAG_LENGTH]


def picked(
    shape: type[serializers.Serializer[Any]],
    fields: str,
    *,
    other: type[serializers.Serializer[Any]] | None = None,
) -> list[str]:
    """The names of the fields that `fields=` asks for, all without it.

    Raises `Invalid` for unknown ones, `Unprocessable` for those of what might be shown instead.
    """
    known = list(shape().get_fields())
    if not fields:
        return known
    names = list(dict.fromkeys(fields.split(",")))
    if unknown := [name for name in names if name not in known]:
        faults = [Fault("fields", f"There is no field {name!r}.") for name in unknown]
        elsewhere = set(other().get_fields()) if other else set()
        refusal = Unprocessable if elsewhere.issuperset(unknown) else Invalid
        raise refusal("See errors for what is wrong.", faults=faults)
    return names


def shaped(
    shape: type[serializers.Serializer[Any]], thing: Any, names: list[str] | None = None
) -> dict[str, Any]:
    """How a thing is shown, or some fields of that."""
    return next(shapes(shape, [thing], names))


def shapes(
    shape: type[serializers.Serializer[Any]],
    things: Iterable[Any],
    names: list[str] | None = None,
) -> Iterator[dict[str, Any]]:
    """How things are shown, by one serializer for all of them."""
    serializer = shape()
    if names is not None:
        for name in set(serializer.fields) - set(names):
            del serializer.fields[name]
    for thing in things:
        shown = dict(serializer.to_representation(thing))
        yield {name: shown[name] for name in names} if names is not None else shown


def json(
    data: Any, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> HttpResponse:
    """A value as a response of its own."""
    response = HttpResponse(dump(data), status=status, content_type=JSON)
    for header, value in (headers or {}).items():
        response[header] = value
    return response


def table(
    rows: Iterable[Mapping[str, Any]], *, columns: list[str], name: str
) -> StreamingHttpResponse:
    """Rows as CSV, sent as they are read; what a spreadsheet would run as a formula is defused."""
    response = StreamingHttpResponse(_lines(rows, columns), content_type=f"{CSV}; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    response["Cache-Control"] = "no-store"
    return response


def _lines(rows: Iterable[Mapping[str, Any]], columns: list[str]) -> Iterator[str]:
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([cell(row[name]) for name in columns])
        if buffer.tell() > io.DEFAULT_BUFFER_SIZE:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def cell(value: Any) -> str:
    """A value in a table: a text that looks like a formula stays a text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return guarded(value if isinstance(value, str) else dump(value).decode())
