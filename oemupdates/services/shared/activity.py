"""Writing down what operators and the clock did; what every verb shares."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db import connection, transaction
from django.db.models import Model
from django.utils import timezone

from oemupdates.domain.chain import START
from oemupdates.models import Activity, ApiToken, Operator

MAX_REASON = 500
# PostgreSQL's advisory lock of the chain. The number is arbitrary and ours.
_LOCK = 0x0E3FAC71
_MAX_SUBJECT = 300

Value = str | int | bool | datetime | list[str] | None


class Refused(Exception):
    """Something that was asked and not done; its text is one plain sentence for whoever asked.

    Each verb raises a kind of its own, so a door may catch this one or be choosy.
    """


class BadWords(Refused):
    """A name or a reason that cannot be kept as it was given."""


def wording(text: str, *, what: str, most: int) -> str:
    """A text that a person gave, on one line; `BadWords` beyond `most` characters."""
    text = " ".join(text.split())
    if len(text) > most:
        raise BadWords(f"{what} is longer than {most} characters.")
    if not text.isprintable():
        raise BadWords(f"{what} holds characters that cannot be shown.")
    return text


def reason(text: str) -> str:
    """A reason that must be given, on one line; `BadWords` if it is missing or too long."""
    text = wording(text, what="The reason", most=MAX_REASON)
    if not text:
        raise BadWords("Say why: the reason is what colleagues will read.")
    return text


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from, and with which token."""

    address: str = ""
    request_id: str = ""
    token: ApiToken | None = None


_origin: ContextVar[Origin] = ContextVar("origin", default=Origin())  # noqa: B039 - it is frozen


@contextmanager
def coming_from(
    *, address: str = "", request_id: str = "", token: ApiToken | None = None
) -> Iterator[None]:
    """Write down, with all that is done inside, where it came from; the doors enter it."""
    before = _origin.set(Origin(address, request_id, token))
    try:
        yield
    finally:
        _origin.reset(before)


@contextmanager
def coming_with(token: ApiToken) -> Iterator[None]:
    """Write down, with all that is done inside, the token that it was done with."""
    before = _origin.set(replace(_origin.get(), token=token))
    try:
        yield
    finally:
        _origin.reset(before)


def came_with(token: ApiToken) -> None:
    """The same until the end of `coming_from`, for a door that has no inside of its own."""
    _origin.set(replace(_origin.get(), token=token))


@dataclass(frozen=True, slots=True)
class Named:
    """What is no row of ours, or must not be read, as the subject of an activity."""

    kind: str
    name: str
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was done, and is to be written down.

    `verb` reads as `group.updates_off`; `before` and `after` hold only what changed. `by` is None
    when the system did it.
    """

    verb: str
    subject: Model | Named
    by: Operator | None
    before: Mapping[str, Value] = field(default_factory=dict)
    after: Mapping[str, Value] = field(default_factory=dict)
    why: str = ""

    def row(self, at: datetime) -> Activity:
        """The row that says so, before it has its place in the chain."""
        subject, origin = self.subject, _origin.get()
        if isinstance(subject, Model):
            # No `type()`: `request.user` is Django's stand-in for an operator.
            kind = subject.__class__.__name__.lower()
            subject = Named(kind, str(subject), subject.pk)
        return Activity(
            at=at,
            actor=self.by,
            token=origin.token,
            address=origin.address,
            request_id=origin.request_id,
            verb=self.verb,
            subject_kind=subject.kind,
            subject_id=subject.id,
            subject=subject.name[:_MAX_SUBJECT],
            before=_plain(self.before),
            after=_plain(self.after),
            why=wording(self.why, what="The reason", most=MAX_REASON),
        )


def record(
    *,
    verb: str,
    subject: Model | Named,
    by: Operator | None,
    before: Mapping[str, Value] | None = None,
    after: Mapping[str, Value] | None = None,
    why: str = "",
) -> Activity:
    """Write one row of what was done, last in the transaction that does it (`record_all`)."""
    return record_all([Entry(verb, subject, by, before or {}, after or {}, why)])[0]


def record_all(entries: Iterable[Entry]) -> list[Activity]:
    """Write a row for each thing that was done, last in the transaction that does it.

    It takes the chain's lock and keeps it until the commit, so that rows commit in the order of
    their ids. It is the last lock of all: whoever holds it may wait for no other.
    """
    now = timezone.now()
    rows = [entry.row(now) for entry in entries]
    with transaction.atomic(savepoint=False):
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        previous = Activity.objects.order_by("-id").values_list("hash", flat=True).first() or START
        for row in rows:
            row.previous_hash = previous
            row.hash = previous = row.link(previous)
        return Activity.objects.bulk_create(rows)


def _plain(values: Mapping[str, Value]) -> dict[str, Value]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
    }
