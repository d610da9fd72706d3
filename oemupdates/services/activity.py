"""Writing down what operators and the clock did; what every verb shares."""

from collections.abc import Mapping
from datetime import datetime

from django.db.models import Model
from django.utils import timezone

from oemupdates.models import Activity, Operator

MAX_REASON = 500
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


def record(
    *,
    verb: str,
    subject: Model,
    by: Operator | None,
    before: Mapping[str, Value] | None = None,
    after: Mapping[str, Value] | None = None,
    why: str = "",
) -> Activity:
    """Write one row of what was done; call it in the transaction that does it.

    `verb` reads as `group.updates_off`; `before` and `after` hold only what changed. `by` is None
    when the system did it.
    """
    return Activity.objects.create(
        at=timezone.now(),
        actor=by,
        verb=verb,
        subject_kind=type(subject).__name__.lower(),
        subject_id=subject.pk,
        subject=str(subject)[:_MAX_SUBJECT],
        before=_plain(before),
        after=_plain(after),
        why=wording(why, what="The reason", most=MAX_REASON),
    )


def _plain(values: Mapping[str, Value] | None) -> dict[str, Value]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in (values or {}).items()
    }
