"""What nodes heard and why, as it is shown over the API."""

import json
from collections.abc import Iterable
from typing import Any

from rest_framework import serializers

from oemupdates.api.frame.choices import REASON_CODES
from oemupdates.api.frame.fields import Plain
from oemupdates.domain.reason import Reason, Why, change, sentence
from oemupdates.models import Answer

_OFFER = "offer "


class WouldChangeShape(Plain):
    """What would make a reason go away: time, an event, a person, or nothing has to."""

    kind = serializers.ChoiceField(["time", "event", "person", "nothing"])
    words = serializers.CharField()


class ReasonShape(Plain):
    """One reason for what a node hears."""

    code = serializers.ChoiceField(REASON_CODES)
    subject = serializers.CharField(help_text="What it is about: a version, a group, a channel.")
    detail = serializers.CharField()
    sentence = serializers.CharField()
    would_change = WouldChangeShape()


class AnswerShape(Plain):
    """What a node heard from a moment on, and every reason for it, the most telling first."""

    offer = serializers.CharField(allow_null=True, help_text="A version; null for none.")
    reasons = ReasonShape(many=True)


class PastAnswerShape(AnswerShape):
    """What a node heard from a moment on, and why."""

    id = serializers.IntegerField()
    at = serializers.DateTimeField()


def reasons(stored: str) -> list[dict[str, Any]]:
    """The reasons that are stored with an answer, in words."""
    return [_reason(Reason(Why(code), *rest)) for code, *rest in json.loads(stored or "[]")]


def _reason(reason: Reason) -> dict[str, Any]:
    would = change(reason)
    return {
        "code": reason.why.value,
        "subject": reason.subject,
        "detail": reason.detail,
        "sentence": sentence(reason),
        "would_change": {"kind": would.kind, "words": would.words},
    }


def heard(answer: str, stored: str) -> dict[str, Any]:
    """What a node hears as it is stored: the offer, and the reasons in words."""
    offer = answer.removeprefix(_OFFER) if answer.startswith(_OFFER) else None
    return {"offer": offer, "reasons": reasons(stored)}


def read_reasons(answers: Iterable[Answer]) -> None:
    """Put in place of what is stored what is shown."""
    for answer in answers:
        told = heard(answer.answer, answer.reasons)
        answer.offer, answer.reasons = told["offer"], told["reasons"]  # type: ignore[attr-defined]
