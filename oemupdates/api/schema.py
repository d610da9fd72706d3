"""The OpenAPI document: what `operation` says of each method, in the words of OpenAPI 3.1."""

import re
from typing import TYPE_CHECKING, Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, get_doc
from rest_framework import serializers

from oemupdates.api import problems, versions
from oemupdates.api.fields import Text, Words

if TYPE_CHECKING:
    from oemupdates.api.call import Operation

Said = dict[str, Any]
# PostgreSQL keeps no text with it.
NO_NUL = r"^[^\u0000]*$"
CHANGES = {"POST", "PUT", "PATCH", "DELETE"}
_RATE = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
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
WITH_BODY = (411, 413, 415)
CHANGING = (409, 412)
CONDITIONAL = (428,)
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


class Schema(AutoSchema):
    """How one method of an address is documented."""

    def get_operation(
        self,
        path: str,
        path_regex: str,
        path_prefix: str,
        method: str,
        registry: ComponentRegistry,
    ) -> Said | None:
        """One operation, out of what the frame knows of it."""
        self.registry, self.path, self.path_regex = registry, path, path_regex
        self.path_prefix, self.method = path_prefix, method.upper()
        view: Any = self.view
        spec: Operation | None = view.operation(self.method)
        if spec is None:
            return None
        summary, _, more = get_doc(getattr(self.view, method.lower())).partition("\n\n")
        found: Said = {
            "operationId": spec.name,
            "summary": " ".join(summary.split()).rstrip("."),
            "description": self._description(spec, more),
            "tags": [view.tag],
            "parameters": self._all_parameters(spec),
        }
        if body := self._body(spec):
            found["requestBody"] = body
        found["security"] = self.get_auth()
        found["responses"] = self._responses(spec)
        return {name: value for name, value in found.items() if value not in ("", [])}

    def _description(self, spec: "Operation", more: str) -> str:
        needs = f"Needs the permission `{spec.needs}`." if spec.needs else ""
        return "\n\n".join(part for part in (" ".join(more.split()), needs) if part)

    def _all_parameters(self, spec: "Operation") -> list[Said]:
        names = re.findall(r"\{(\w+)\}", self.path)
        found: list[Said] = self._resolve_path_parameters(names)
        asked = spec.parameters()
        if "fields" in asked.fields and spec.gives is not None:
            found.append(_fields(spec.gives))
        found += [
            self._parameter(field) for name, field in asked.fields.items() if name != "fields"
        ]
        if self.method == "GET":
            found.append(IF_NONE_MATCH)
        elif spec.is_conditional:
            found.append(IF_MATCH)
        if self.method == "POST":
            found.append(IDEMPOTENCY_KEY)
        return found

    def _parameter(self, field: serializers.Field[Any, Any, Any, Any]) -> Said:
        schema = self._map_serializer_field(field, "request")
        self._insert_field_validators(field, schema)
        description = schema.pop("description", "")
        found: Said = {"name": field.field_name, "in": "query", "schema": schema}
        if description:
            found["description"] = description
        if field.required:
            found["required"] = True
        return found

    def _body(self, spec: "Operation") -> Said | None:
        if spec.takes is None:
            return None
        component = self.resolve_serializer(spec.takes, "request")
        found: Said = {"content": {"application/json": {"schema": component.ref}}}
        if component.schema.get("required"):
            found["required"] = True
        return found

    def _responses(self, spec: "Operation") -> Said:
        found: Said = {str(spec.status): self._success(spec)}
        statuses = [*ALWAYS]
        if self.method == "GET":
            found["304"] = {"description": "Known already.", "headers": _headers("ETag", *_RATE)}
        else:
            statuses += CHANGING
        statuses += WITH_BODY if spec.takes else ()
        statuses += CONDITIONAL if spec.is_conditional else ()
        for status in sorted(statuses):
            found[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
        return dict(sorted(found.items()))

    def _success(self, spec: "Operation") -> Said:
        if spec.gives is None:
            return {"description": "Done.", "headers": _headers(*_RATE)}
        shown = self.resolve_serializer(spec.gives, "response").ref
        content: Said = {"application/json": {"schema": _list(shown) if spec.lists else shown}}
        if spec.lists:
            content["text/csv"] = {"schema": {"type": "string"}}
        return {
            "description": "The list." if spec.lists else "As it is now.",
            "headers": _headers("ETag", *_RATE),
            "content": content,
        }

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:
        """The name of a component: `GroupShape` is `Group`."""
        return str(type(serializer).__name__).removesuffix("Shape")

    def _map_serializer_field(
        self,
        field: Any,
        direction: Any,
        bypass_extensions: Any = False,  # noqa: FBT002 - as it is called
    ) -> Any:
        found = super()._map_serializer_field(field, direction, bypass_extensions)  # type: ignore[no-untyped-call]
        if isinstance(field, Text | Words):
            found["pattern"] = NO_NUL
        return found

    def _map_basic_serializer(self, serializer: Any, direction: Any) -> Said:
        found: Said = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if getattr(serializer, "is_strict", False):
            found["additionalProperties"] = False
        return found


def _fields(shape: type[serializers.Serializer[Any]]) -> Said:
    """Which fields to show; all of them without it."""
    names = "|".join(shape().get_fields())
    return {
        "name": "fields",
        "in": "query",
        "description": "Show these fields alone, in this order: names with commas between them.",
        "schema": {"type": "string", "pattern": f"^({names})(,({names}))*$"},
    }


def _list(shown: Said) -> Said:
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


def _headers(*names: str) -> Said:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def complete(result: Said, generator: Any, request: Any, public: Any) -> Said:
    """Add what all operations share: the headers, and the problems by status."""
    components = result.setdefault("components", {})
    components["headers"] = HEADERS
    components["schemas"]["Problem"] = _problem()
    responses = components.setdefault("responses", {})
    for kind in problems.kinds():
        entry = responses.setdefault(
            f"Problem{kind.status}", {"description": "", "headers": _headers(*_more(kind.status))}
        )
        if kind.title != "Refused":
            entry["description"] += f"`{problems.PREFIX}{kind.name}`: {kind.detail}\n"
    refused = "`/api/problems/` lists the names of all refusals, `cannot-hold` for one.\n"
    responses["Problem409"]["description"] += refused
    content = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for name in responses:
        responses[name]["content"] = content
    components["responses"] = dict(sorted(responses.items()))
    return result


def _more(status: int) -> tuple[str, ...]:
    return MORE_HEADERS.get(status, ())


def _problem() -> Said:
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


class SessionScheme(OpenApiAuthenticationExtension):
    """How the document tells of a browser's session."""

    target_class = "oemupdates.api.authentication.Session"
    name = "session"

    def get_security_definition(self, auto_schema: Any) -> Said:
        """The cookie."""
        return {
            "type": "apiKey",
            "in": "cookie",
            "name": "sessionid",
            "description": "A browser that is logged in; changes need `X-CSRFToken` as well.",
        }


class TokenScheme(OpenApiAuthenticationExtension):
    """How the document tells of tokens."""

    target_class = "oemupdates.api.authentication.Token"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> Said:
        """The header."""
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "flt_...",
            "description": "A token, made on the page of your account or by `POST /tokens`.",
        }
