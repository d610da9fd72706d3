"""Every exception as a problem document."""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from django.conf import settings
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.core.signals import got_request_exception
from django.db import OperationalError
from django.http import Http404, HttpResponse
from psycopg_pool import PoolTimeout
from rest_framework import exceptions

from oemupdates.api.frame.authentication import CHALLENGE
from oemupdates.api.frame.problems import (
    MEDIA_TYPE,
    PREFIX,
    BadCsrf,
    Fault,
    Internal,
    Invalid,
    NotAcceptable,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    Problem,
    TooManyRequests,
    Unavailable,
    name_of,
    status_of,
)
from oemupdates.services.shared.activity import Refused

logger = logging.getLogger(__name__)
RETRY_SECONDS = 2


def answer(error: Exception, context: Mapping[str, Any]) -> HttpResponse:
    """Turn any exception into a problem document; the handler that every view uses."""
    if isinstance(error, Refused):
        kind = type(error)
        return document(name_of(kind), status_of(kind), "Refused", str(error))
    problem = _translate(error)
    if problem is None:
        if settings.DEBUG_PROPAGATE_EXCEPTIONS:
            raise error
        logger.error("a request failed", exc_info=error)
        got_request_exception.send(sender=type(context["view"]), request=context["request"])
        problem = Internal("Something here is broken; the server's log says what.")
    return document(
        name_of(type(problem)),
        problem.status,
        problem.title,
        str(problem),
        faults=problem.faults,
        headers=problem.headers,
    )


def document(
    name: str,
    status: int,
    title: str,
    detail: str,
    *,
    faults: list[Fault] | None = None,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """One problem as a response."""
    body: dict[str, Any] = {
        "type": f"{PREFIX}{name}",
        "title": title,
        "status": status,
        "detail": detail,
    }
    if faults:
        body["errors"] = [_fault(fault) for fault in faults]
    response = HttpResponse(orjson.dumps(body), status=status, content_type=MEDIA_TYPE)
    for header, value in (headers or {}).items():
        response[header] = value
    response["Cache-Control"] = "no-store"
    return response


def _fault(fault: Fault) -> dict[str, str]:
    key = "pointer" if fault.where.startswith("/") or not fault.where else "parameter"
    return {key: fault.where, "detail": fault.detail}


def _translate(error: Exception) -> Problem | None:
    """What an exception of Django or the framework means here; None if it means nothing."""
    if isinstance(error, Problem):
        return error
    for kinds, make in _MEANINGS:
        if isinstance(error, kinds):
            return make(error)
    return None


def _who(error: Any) -> Problem:
    return NotAuthenticated(str(error.detail), headers={"WWW-Authenticate": CHALLENGE})


def _not_permitted(error: Exception) -> Problem:
    if isinstance(error, exceptions.PermissionDenied) and "CSRF" in str(error.detail):
        return BadCsrf("Send the CSRF token of the cookie in X-CSRFToken.")
    return NotPermitted("You may not do this.")


def _too_many(error: Any) -> Problem:
    seconds = str(int(error.wait or 1))
    return TooManyRequests(f"Come again in {seconds} s.", headers={"Retry-After": seconds})


def _unavailable(error: Exception) -> Problem:
    logger.warning("the database did not answer: %s", error)
    headers = {"Retry-After": str(RETRY_SECONDS)}
    return Unavailable("The database did not answer in time.", headers=headers)


_MEANINGS: tuple[tuple[tuple[type[Exception], ...], Callable[[Exception], Problem]], ...] = (
    (
        (Http404, exceptions.NotFound),
        lambda _error: NotFound("There is nothing here that you may see."),
    ),
    ((exceptions.NotAuthenticated, exceptions.AuthenticationFailed), _who),
    ((exceptions.PermissionDenied, PermissionDenied), _not_permitted),
    (
        (exceptions.NotAcceptable,),
        lambda _error: NotAcceptable("Ask for application/json."),
    ),
    ((exceptions.Throttled,), _too_many),
    ((SuspiciousOperation,), lambda _error: Invalid("The request is larger or odder than any.")),
    ((OperationalError, PoolTimeout), _unavailable),
)
