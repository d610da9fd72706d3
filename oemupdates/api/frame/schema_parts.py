"""What operations of the OpenAPI document share: headers, parameters, lists and problems."""

from typing import Any

from rest_framework import serializers

from oemupdates.api.frame import versions

Said = dict[str, Any]
# PostgreSQL keeps no text with it.
NO_NUL = r"^[^\u0000]*$"
RATE = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
HEADERS: Said = {
    "ETag": {
        "description": "The version of what is shown: for If-None-Match and If-Match.",
        "schema": {"type": "string", "examples": ['"3f1c09a2b4d5e6f70812.9b1deb4d3b7d4bad9bdd"']},
    },
    "RateLimit-Limit": {
        "description": "How many requests may be made at once.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "RateLimit-Remaining": {
        "description": "How many of them are left.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "RateLimit-Reset": {
        "description": "In how many seconds all of them are there again.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "Retry-After": {
        "description": "In how many seconds to try again.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "Allow": {"description": "The methods of this address.", "schema": {"type": "string"}},
    "WWW-Authenticate": {
        "description": "How to say who you are.",
        "schema": {"type": "string"},
    },
}
# The problems that an answer may be: always, of something with a body, of any change, and so on.
ALWAYS = (400, 401, 403, 404, 406, 422, 429, 500, 503)
FILE: Said = {"type": "string", "format": "binary"}
WITH_BODY = (411, 413, 415)
CHANGING = (409, 412)
CONDITIONAL = (428,)
CREATED = 201
MORE_HEADERS = {401: ("WWW-Authenticate",), 429: ("Retry-After",), 503: ("Retry-After",)}
IF_MATCH: Said = {
    "name": "If-Match",
    "in": "header",
    "description": "The ETag of what was read, or `*`; without it the answer is 428.",
    "required": True,
    "schema": {"type": "string", "pattern": versions.PATTERN},
    "example": "*",
}
IF_NONE_MATCH: Said = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The ETag of what is known already: if it is still that, the answer is 304.",
    "schema": {"type": "string"},
}
IDEMPOTENCY_KEY: Said = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": (
        "A word of your own, such as a UUID. The same request with the same key is done once: for"
        " a day it is answered as it was the first time."
    ),
    "schema": {"type": "string", "pattern": r"^[!-~]{1,255}$"},
}


def fields(*shapes: type[serializers.Serializer[Any]]) -> Said:
    """Which fields to show; all of them without it."""
    names = "|".join(dict.fromkeys(name for shape in shapes for name in shape().get_fields()))
    return {
        "name": "fields",
        "in": "query",
        "description": "Show these fields alone, in this order: names with commas between them.",
        "schema": {"type": "string", "pattern": f"^({names})(,({names}))*$"},
    }


def page(shown: Said) -> Said:
    """A page of a list."""
    address = {"type": ["string", "null"], "format": "uri-reference"}
    return {
        "type": "object",
        "required": ["items", "next", "previous"],
        "properties": {
            "items": {"type": "array", "items": shown},
            "next": address | {"description": "The next page; null at the end."},
            "previous": address | {"description": "The page before; null on the first."},
        },
        "additionalProperties": False,
    }


def headers(*names: str) -> Said:
    """Headers of an answer, by their names."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def more(status: int) -> tuple[str, ...]:
    """The names of the headers that problems of a status have."""
    return MORE_HEADERS.get(status, ())


def problem() -> Said:
    """A problem document."""
    text = {"type": "string"}
    return {
        "type": "object",
        "description": "Why there is no other answer (RFC 9457).",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {
                "type": "string",
                "format": "uri-reference",
                "description": "The kind of problem, for good; it has a page there.",
                "examples": ["/api/problems/cannot-hold"],
            },
            "title": text,
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "detail": text | {"description": "What happened, in a plain sentence."},
            "errors": {
                "type": "array",
                "description": "What is wrong with a request, place by place.",
                "items": {
                    "type": "object",
                    "required": ["detail"],
                    "properties": {
                        "pointer": text | {"description": "Where in the body (RFC 6901)."},
                        "parameter": text | {"description": "In which parameter."},
                        "detail": text,
                    },
                    "additionalProperties": False,
                },
            },
        },
        "additionalProperties": False,
    }
