"""Exports of lists: streamed, so that they may be of any length."""

import csv
import json
from collections.abc import Iterator, Mapping
from datetime import datetime

from django.http import StreamingHttpResponse

from oemupdates.domain.spreadsheet import guarded

TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
# Rows in memory at a time.
CHUNK = 1000


class _Echo:
    """A file that gives back what is written to it."""

    def write(self, text: str) -> str:
        return text


def no_such(kind: str) -> str:
    """What is said of an export in a format that there is not."""
    return f"There is no export as {kind!r}: csv or json."


def streamed(
    what: str, kind: str, columns: Mapping[str, str], rows: Iterator[list[str]], *, at: datetime
) -> StreamingHttpResponse:
    """Rows as a file of a kind of `TYPES`; `columns` are names with the labels of a table."""
    body = _csv(rows, columns) if kind == "csv" else _json(rows, columns)
    response = StreamingHttpResponse(body, content_type=TYPES[kind])
    name = f"{what}-{at:%Y-%m-%d-%H%M}.{kind}"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _csv(rows: Iterator[list[str]], columns: Mapping[str, str]) -> Iterator[str]:
    writer = csv.writer(_Echo())
    yield writer.writerow(columns.values())
    for row in rows:
        yield writer.writerow([guarded(cell) for cell in row])


def _json(rows: Iterator[list[str]], columns: Mapping[str, str]) -> Iterator[str]:
    separator = "["
    for row in rows:
        yield separator + json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False)
        separator = ",\n"
    yield "[]\n" if separator == "[" else "]\n"
