"""What a request says: its JSON body and its parameters, bounded and strict."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
from rest_framework import serializers
from rest_framework.request import Request

from oemupdates.api.frame.problems import (
    BadJson,
    Fault,
    Invalid,
    LengthRequired,
    TooLarge,
    Unprocessable,
    UnsupportedMediaType,
    faults_of,
)

MAX_BODY_BYTES = 256 * 1024
MAX_DEPTH = 8
_PIECE = 1024 * 1024


def body(request: Request) -> Any:
    """The JSON of a request's body; an empty body is an empty object."""
    meta = request.META
    if "HTTP_TRANSFER_ENCODING" in meta:
        raise LengthRequired("Send the body with its Content-Length.")
    stated = str(meta.get("CONTENT_LENGTH") or "0")
    length = int(stated) if stated.isdecimal() else 0
    if not length:
        return {}
    if length > MAX_BODY_BYTES:
        raise TooLarge(f"A body is at most {MAX_BODY_BYTES} bytes long.")
    media_type, _, rest = str(meta.get("CONTENT_TYPE", "")).partition(";")
    charset = rest.replace(" ", "").replace('"', "").lower()
    if media_type.strip().lower() != "application/json" or charset not in {"", "charset=utf-8"}:
        raise UnsupportedMediaType("Send the body as Content-Type: application/json.")
    if meta.get("HTTP_CONTENT_ENCODING", "identity") != "identity":
        raise UnsupportedMediaType("Send the body as it is, not compressed.")
    return parse(request._request.body)  # noqa: SLF001 - Django's request


def length_of(request: Request, media_type: str) -> int:
    """How long a file in the body is; refuses one of unknown length, of another kind, or none."""
    meta = request.META
    if "HTTP_TRANSFER_ENCODING" in meta:
        raise LengthRequired("Send the file with its Content-Length.")
    stated = str(meta.get("CONTENT_LENGTH") or "0")
    if not stated.isdecimal() or not int(stated):
        raise Unprocessable("Send the file as the body: there is none.")
    said = str(meta.get("CONTENT_TYPE", "")).partition(";")[0].strip().lower()
    if said != media_type or meta.get("HTTP_CONTENT_ENCODING", "identity") != "identity":
        raise UnsupportedMediaType(f"Send the file as Content-Type: {media_type}, as it is.")
    return int(stated)


def keep(request: Request, length: int, path: Path) -> None:
    """Write a file in the body to the disk, piece by piece and no further than it was to go."""
    with path.open("xb") as file:
        while length and (piece := request._request.read(min(length, _PIECE))):  # noqa: SLF001 - Django's request
            file.write(piece)
            length -= len(piece)


def parse(raw: bytes) -> Any:
    """JSON as RFC 8259 has it, no name twice in an object, nested no deeper than `MAX_DEPTH`."""
    try:
        read = orjson.loads(raw)
        _check_depth(read, MAX_DEPTH)
        # Which of two equal names counts is every parser's own choice: neither does.
        json.loads(raw, object_pairs_hook=_once)
    except orjson.JSONDecodeError as error:
        raise BadJson(f"The body is not JSON: {error}.") from error
    return read


def _check_depth(value: Any, left: int) -> None:
    if not isinstance(value, dict | list):
        return
    if not left:
        raise BadJson(f"The body is nested deeper than {MAX_DEPTH}.")
    for part in value.values() if isinstance(value, dict) else value:
        _check_depth(part, left - 1)


def _once(pairs: list[tuple[str, Any]]) -> None:
    names = [name for name, _value in pairs]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise BadJson(f"The body says {twice!r} twice.")


def valid(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    """What a body says; `Invalid` names every fault."""
    if not serializer.is_valid():
        faults = [
            fault if fault.where else Fault("", fault.detail)
            for fault in faults_of(serializer.errors)
        ]
        raise Invalid("See errors for what is wrong.", faults=faults)
    return dict(serializer.validated_data)


def parameters(
    given: Mapping[str, list[str]],
    asked: serializers.Serializer[Any],
) -> dict[str, Any]:
    """What the parameters of a URL say; each is known, and said once unless it is a list."""
    faults = [
        Fault(name, "There is no such parameter.") for name in given if name not in asked.fields
    ]
    values: dict[str, Any] = {}
    for name, texts in given.items():
        if name not in asked.fields:
            continue
        if isinstance(asked.fields[name], serializers.ListField):
            values[name] = texts
        elif len(texts) > 1:
            faults.append(Fault(name, "This is said more than once."))
        else:
            values[name] = texts[0]
    asked.initial_data = values
    if not asked.is_valid():
        faults += [
            Fault(fault.where.split("/")[1], fault.detail) for fault in faults_of(asked.errors)
        ]
    if faults:
        raise Invalid("See errors for what is wrong.", faults=faults)
    return dict(asked.validated_data)
