"""The OpenAPI document: what `operation` says of each method, in the words of OpenAPI 3.1."""

import re
from typing import TYPE_CHECKING, Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ComponentRegistry, get_doc
from rest_framework import serializers

from oemupdates.api.frame import problems
from oemupdates.api.frame.fields import Text, Words
from oemupdates.api.frame.schema_parts import (
    ALWAYS,
    CHANGING,
    CONDITIONAL,
    CREATED,
    FILE,
    HEADERS,
    IDEMPOTENCY_KEY,
    IF_MATCH,
    IF_NONE_MATCH,
    NO_NUL,
    RATE,
    WITH_BODY,
    Said,
    fields,
    headers,
    more,
    page,
    problem,
)

if TYPE_CHECKING:
    from oemupdates.api.frame.call import Operation, ShapeType


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
            found.append(fields(*_shapes(spec)))
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
        if spec.takes_file:
            return {"content": {spec.takes_file: {"schema": FILE}}, "required": True}
        if spec.takes is None:
            return None
        component = self.resolve_serializer(spec.takes, "request")
        found: Said = {"content": {"application/json": {"schema": component.ref}}}
        if component.schema.get("required"):
            found["required"] = True
        return found

    def _responses(self, spec: "Operation") -> Said:
        found: Said = {str(spec.status): self._success(spec)}
        if self.method == "PUT" and spec.status == CREATED:
            found["200"] = self._success(spec)  # what is brought may be here already
        statuses = [*ALWAYS]
        if self.method == "GET":
            found["304"] = {"description": "Known already.", "headers": headers("ETag", *RATE)}
        else:
            statuses += CHANGING
        statuses += WITH_BODY if spec.takes or spec.takes_file else ()
        statuses += CONDITIONAL if spec.is_conditional else ()
        for status in sorted(statuses):
            found[str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
        return dict(sorted(found.items()))

    def _success(self, spec: "Operation") -> Said:
        if spec.gives is None:
            return {"description": "Done.", "headers": headers(*RATE)}
        shapes = [self.resolve_serializer(shape, "response").ref for shape in _shapes(spec)]
        shown = shapes[0] if len(shapes) == 1 else {"anyOf": shapes}
        content: Said = {"application/json": {"schema": page(shown) if spec.lists else shown}}
        if spec.lists:
            content["text/csv"] = {"schema": {"type": "string"}}
        return {
            "description": "The list." if spec.lists else "As it is now.",
            "headers": headers("ETag", *RATE),
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


def _shapes(spec: "Operation") -> "list[ShapeType]":
    """How what an operation gives may be shown: as it is now, and as it was."""
    return [shape for shape in (spec.gives, spec.gives_then) if shape is not None]


def complete(result: Said, generator: Any, request: Any, public: Any) -> Said:
    """Add what all operations share: the headers, and the problems by status."""
    components = result.setdefault("components", {})
    components["headers"] = HEADERS
    components["schemas"]["Problem"] = problem()
    responses = components.setdefault("responses", {})
    for kind in problems.kinds():
        entry = responses.setdefault(
            f"Problem{kind.status}", {"description": "", "headers": headers(*more(kind.status))}
        )
        if kind.title != "Refused":
            entry["description"] += f"`{problems.PREFIX}{kind.name}`: {kind.detail}\n"
    refused = "`/api/problems/` lists the names of all refusals, `cannot-hold` for one.\n"
    responses["Problem409"]["description"] += refused
    content = {problems.MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for name in responses:
        responses[name]["content"] = content
    components["responses"] = dict(sorted(responses.items()))
    _let_both_hold(result)
    return result


def _let_both_hold(said: Any) -> None:
    """Say `anyOf` where `oneOf` has a branch of its own for no text, which the others take too."""
    if isinstance(said, dict):
        if {"type": "string", "maxLength": 0} in said.get("oneOf", ()):
            said["anyOf"] = said.pop("oneOf")
        said = list(said.values())
    if isinstance(said, list):
        for one in said:
            _let_both_hold(one)


class SessionScheme(OpenApiAuthenticationExtension):
    """How the document tells of a browser's session."""

    target_class = "oemupdates.api.frame.authentication.Session"
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

    target_class = "oemupdates.api.frame.authentication.Token"
    name = "token"

    def get_security_definition(self, auto_schema: Any) -> Said:
        """The header."""
        return {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "flt_...",
            "description": "A token, made on the page of your account or by `POST /tokens`.",
        }
