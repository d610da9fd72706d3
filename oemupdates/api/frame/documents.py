"""What the API says of itself: its OpenAPI document, and a page for each kind of problem."""

from functools import cache
from typing import Any

from csp.constants import UNSAFE_INLINE
from csp.decorators import csp_update
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator
from rest_framework.permissions import AllowAny
from rest_framework.request import Request

from oemupdates.api.frame import answering, problems
from oemupdates.api.frame.authentication import Allowed
from oemupdates.api.frame.negotiation import Json
from oemupdates.api.frame.operation import Resource


@cache
def openapi() -> bytes:
    """The OpenAPI document, which no request changes."""
    return answering.dump(SchemaGenerator().get_schema(request=None, public=True))


class Document(Resource):
    """A page about the API, for whoever is somebody; it is no part of the document itself."""

    schema: Any = None
    throttle_classes = ()

    def needed(self, method: str) -> None:
        """Being somebody is enough."""
        if method not in {"GET", "HEAD"}:
            raise self.wrong_method(method)

    def get_renderers(self) -> list[Any]:
        """JSON."""
        return [Json()]


class OpenApi(Document):
    """The OpenAPI document."""

    permission_classes = (Allowed,)

    def get(self, request: Request) -> HttpResponse:
        """Show the document."""
        return HttpResponse(openapi(), content_type=answering.JSON)


@require_safe
@login_required
@csp_update({"style-src": [UNSAFE_INLINE], "img-src": ["data:"]})
def swagger(request: HttpRequest) -> HttpResponse:
    """Show the document to whoever is logged in, with a form to try each operation.

    Swagger UI sets styles on its elements, and draws its icons from data.
    """
    return render(request, "api/docs.html")


class Problems(Document):
    """Every kind of problem; what a stranger is told in public, they may look up too."""

    permission_classes = (AllowAny,)

    def get(self, request: Request) -> HttpResponse:
        """List the kinds."""
        return answering.json({"items": [_shown(kind) for kind in problems.kinds()]})


class OneProblem(Document):
    """One kind of problem."""

    permission_classes = (AllowAny,)

    def get(self, request: Request, name: str) -> HttpResponse:
        """Say what it means."""
        for kind in problems.kinds():
            if kind.name == name:
                return answering.json(_shown(kind))
        raise Http404


class Nothing(Document):
    """Every address that is none."""

    permission_classes = (AllowAny,)
    authentication_classes = ()

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Say so, whoever asks and however."""
        raise problems.NotFound("There is no such address.")


def _shown(kind: problems.Kind) -> dict[str, Any]:
    return {
        "type": f"{problems.PREFIX}{kind.name}",
        "status": kind.status,
        "title": kind.title,
        "detail": kind.detail,
    }
