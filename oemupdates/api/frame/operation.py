"""The frame: what every operation of the API shares, from the request's words to the answer's."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, ClassVar, Concatenate, NoReturn, ParamSpec, TypeVar

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import PermissionDenied
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from oemupdates.api.frame import (
    problems,
    rates,
    reading,
    refusing,
    repeating,
    responding,
    versions,
)
from oemupdates.api.frame.authentication import Allowed, Session, Token
from oemupdates.api.frame.call import Call, Operation, ShapeType
from oemupdates.api.frame.negotiation import Csv, Json, Negotiation
from oemupdates.api.frame.rates import Rate
from oemupdates.api.frame.schema import Schema
from oemupdates.domain.access import Permission
from oemupdates.models import Operator
from oemupdates.services.access import proof

Params = ParamSpec("Params")
View = TypeVar("View", bound="Resource")
SAFE = {"GET", "HEAD"}


Method = Callable[Concatenate[View, Call, Params], Any]
Handler = Callable[Concatenate[View, Request, Params], HttpResponseBase]


def operation(
    name: str,
    *,
    needs: Permission | None,
    gives: ShapeType | None = None,
    **more: Any,
) -> Callable[[Method[View, Params]], Handler[View, Params]]:
    """Make a method of an address out of a function from a call to a thing, or to a list.

    What the function raises becomes a problem document; what it returns is shown as `gives`.
    """
    if gives is None:
        more = {"status": responding.NO_CONTENT} | more
    spec = Operation(name, needs, gives, **more)

    def decorate(method: Method[View, Params]) -> Handler[View, Params]:
        @wraps(method)
        def handle(
            self: View, request: Request, /, *args: Params.args, **kwargs: Params.kwargs
        ) -> HttpResponseBase:
            call = _read(request, spec)
            if request.method in SAFE:
                return responding.shown(call, method(self, call, *args, **kwargs))
            return _change(call, lambda: method(self, call, *args, **kwargs))

        handle.operation = spec  # type: ignore[attr-defined]
        return handle

    return decorate


class Resource(APIView):
    """An address of the API; its methods are operations."""

    authentication_classes: Sequence[type[BaseAuthentication]] = (Token, Session)
    permission_classes: Sequence[type[BasePermission]] = (Allowed,)
    throttle_classes: Sequence[type[BaseThrottle]] = (Rate,)
    renderer_classes = (Json,)
    parser_classes = ()
    content_negotiation_class = Negotiation
    metadata_class = None
    schema = Schema()
    http_method_names = [  # noqa: RUF012 - as Django declares it
        "get",
        "head",
        "post",
        "put",
        "patch",
        "delete",
    ]
    tag: ClassVar[str] = ""

    @classmethod
    def operation(cls, method: str) -> Operation | None:
        """What a method of this address is; None if there is no such method."""
        handler = getattr(cls, "get" if method == "HEAD" else method.lower(), None)
        found: Operation | None = getattr(handler, "operation", None)
        return found

    def needed(self, method: str) -> Permission | None:
        """The permission that a method needs."""
        found = self.operation(method)
        if found is None:
            raise self.wrong_method(method)
        return found.needs

    def wrong_method(self, method: str) -> problems.WrongMethod:
        """What is said to a method that this address does not have."""
        allowed = ", ".join(self.allowed_methods)
        return problems.WrongMethod(f"There is no {method} here.", headers={"Allow": allowed})

    def http_method_not_allowed(
        self, request: HttpRequest, *_args: object, **_kwargs: object
    ) -> NoReturn:
        """Refuse a method where no permission was asked for, which would have refused it."""
        raise self.wrong_method(str(request.method))

    def get_renderers(self) -> list[Any]:
        """JSON, and tables where there are lists."""
        found = self.operation(str(self.request.method))
        return [Json(), Csv()] if found is not None and found.lists else [Json()]

    def permission_denied(
        self, request: Request, message: str | None = None, code: str | None = None
    ) -> NoReturn:
        """Tell a stranger from somebody who may not."""
        if request.user.is_authenticated:
            raise PermissionDenied
        super().permission_denied(request, message, code)

    def get_exception_handler(self) -> Callable[[Exception, dict[str, Any]], HttpResponse]:
        """Every exception is a problem document."""
        return refusing.answer

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Say that no two callers may share an answer."""
        final = super().finalize_response(request, response, *args, **kwargs)
        rates.tell(request, final)
        patch_vary_headers(final, ("Accept", "Authorization", "Cookie"))
        if not final.has_header("Cache-Control"):
            final["Cache-Control"] = "private, no-cache"
        return final


def _read(request: Request, spec: Operation) -> Call:
    """What a request says, as far as it can be understood without the database."""
    asked = reading.parameters(dict(request.query_params.lists()), spec.parameters())
    said: dict[str, Any] = {}
    if spec.takes is not None:
        said = reading.valid(spec.takes(data=reading.body(request)))
    if request.method not in SAFE:
        versions.require(request, is_needed=spec.is_conditional)
    operator = request.user
    if not isinstance(operator, Operator):
        raise PermissionDenied
    # A session that somebody left open, or lost, is not enough for what is dangerous.
    if spec.is_dangerous and request.auth is None and not proof.is_recent(request.session):
        raise problems.ProofRequired("Log in anew, or come with a token: this is dangerous.")
    return Call(request, spec, operator, said, asked)


def _change(call: Call, act: Callable[[], Any]) -> HttpResponse:
    """Do something and show what has become of it: in one transaction, and once for each key."""

    def change() -> HttpResponse:
        with call.operation.within():
            return responding.changed(call, act())

    if call.request.method == "POST" and repeating.HEADER in call.request.headers:
        return repeating.once(call, change)
    return change()
