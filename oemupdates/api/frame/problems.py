"""Everything that an answer can be but a success, as problem documents (RFC 9457)."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

from oemupdates.services.access.access import NotAllowed
from oemupdates.services.shared.activity import BadWords, Refused
from oemupdates.services.shared.idempotency import KeyReused

PREFIX = "/api/problems/"
MEDIA_TYPE = "application/problem+json"


class Fault(NamedTuple):
    """One thing wrong with a request: where (a JSON pointer, or a parameter) and what."""

    where: str
    detail: str


class Problem(Exception):
    """Why a request has no other answer; each kind has a name for good, and a page under it."""

    status: ClassVar[int] = 500
    title: ClassVar[str] = ""

    def __init__(
        self,
        detail: str,
        *,
        faults: list[Fault] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.faults = faults or []
        self.headers = dict(headers or {})


class Invalid(Problem):
    """The body or a parameter is not what the OpenAPI document says; `errors` names each."""

    status, title = 400, "The request is not valid"


class BadJson(Problem):
    """The body is not JSON, holds a name twice, or is nested too deep."""

    status, title = 400, "The body is not JSON"


class UnknownHost(Problem):
    """The server was called by a name that it does not know; FLEET_ALLOWED_HOSTS has those."""

    status, title = 400, "No name of this server"


class NotAuthenticated(Problem):
    """The request carries no token and no session, or one that does not count any more."""

    status, title = 401, "Nobody is logged in"


class BadCsrf(Problem):
    """A browser's session writes only with the CSRF token of its cookie in X-CSRFToken."""

    status, title = 403, "The CSRF token is missing"


class NotPermitted(Problem):
    """Whoever asks lacks the permission for it, there or anywhere."""

    status, title = 403, "Not allowed"


class ProofRequired(Problem):
    """It is dangerous, and the log-in was a while ago: log in anew, or come with a token."""

    status, title = 403, "Prove who you are"


class NotFound(Problem):
    """There is nothing at this address that whoever asks may see."""

    status, title = 404, "Not found"


class WrongMethod(Problem):
    """The address does not know this method; `Allow` names those that it knows."""

    status, title = 405, "Method not allowed"


class NotAcceptable(Problem):
    """Only JSON is spoken here; lists can be had as CSV with `format=csv`."""

    status, title = 406, "Not acceptable"


class LengthRequired(Problem):
    """A body comes with its Content-Length, so that one that is too large is never read."""

    status, title = 411, "Length required"


class StaleVersion(Problem):
    """What is to be changed is not what `If-Match` names: somebody else changed it since."""

    status, title = 412, "Changed by somebody else"


class TooLarge(Problem):
    """The body is larger than any that this address takes."""

    status, title = 413, "The body is too large"


class UnsupportedMediaType(Problem):
    """Bodies are JSON: `Content-Type: application/json`, not compressed."""

    status, title = 415, "Unsupported media type"


class Unprocessable(Problem):
    """Well-formed, and still without a meaning: a search, a cursor or a key that is none."""

    status, title = 422, "This has no meaning here"


class VersionRequired(Problem):
    """A change needs `If-Match` with the ETag of what was read, so that no change is lost."""

    status, title = 428, "If-Match is missing"


class TooManyRequests(Problem):
    """Whoever asks has used up their share; `Retry-After` says when to come again."""

    status, title = 429, "Too many requests"


class Internal(Problem):
    """Something here is broken; the server's log says what."""

    status, title = 500, "The server failed"


class Unavailable(Problem):
    """The database did not answer in time; `Retry-After` says when to try again."""

    status, title = 503, "The database is busy"


class Kind(NamedTuple):
    """One kind of problem, as its page tells it."""

    name: str
    status: int
    title: str
    detail: str


def name_of(kind: type) -> str:
    """The name of a kind of problem, for good: `CannotHold` is `cannot-hold`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", kind.__name__).lower()


def status_of(refusal: type[Refused]) -> int:
    """The status with which a service's refusal is told."""
    if issubclass(refusal, NotAllowed):
        return NotPermitted.status
    return 422 if issubclass(refusal, BadWords | KeyReused) else 409


def kinds() -> list[Kind]:
    """Every kind of problem, by name."""
    found = [
        Kind(name_of(kind), kind.status, kind.title, kind.__doc__ or "")
        for kind in Problem.__subclasses__()
    ]
    refused: dict[str, Kind] = {}
    for refusal in _descendants(Refused):
        # Verbs of several nouns share a name: whoever reads it asked for one of them.
        name, words = name_of(refusal), (refusal.__doc__ or "").strip()
        known = refused.get(name)
        words = f"{known.detail} Or: {words}" if known else words
        refused[name] = Kind(name, status_of(refusal), "Refused", words)
    return sorted([*found, *refused.values()])


def _descendants(kind: type[Refused]) -> Iterator[type[Refused]]:
    for child in kind.__subclasses__():
        yield child
        yield from _descendants(child)


def faults_of(detail: Any, where: str = "") -> Iterator[Fault]:
    """The faults in the nested lists and dictionaries of a serializer, as JSON pointers."""
    if isinstance(detail, Mapping):
        for name, part in detail.items():
            own = name == "non_field_errors"
            yield from faults_of(part, where if own else f"{where}/{_escape(str(name))}")
    elif isinstance(detail, list):
        for part in detail:
            yield from faults_of(part, where)
    else:
        yield Fault(where, str(detail))


def _escape(name: str) -> str:
    """One step of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
