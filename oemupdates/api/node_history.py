"""What became of a node over the API, and why it hears what it hears."""

import json
from typing import Any

from rest_framework import serializers

from oemupdates.api.call import Call, Listed
from oemupdates.api.choices import EVENT_MEANINGS, NODE_STATES, REASON_CODES
from oemupdates.api.fields import Plain, Shape
from oemupdates.api.nodes import seen
from oemupdates.api.operation import Resource, operation
from oemupdates.api.paging import Order
from oemupdates.domain.access import Permission
from oemupdates.domain.reason import Reason, Why, change, sentence
from oemupdates.models import Answer, Event, VersionInterval

LATEST = Order(("at", "pk"))
_OFFER = "offer "


class EventShape(Shape):
    """An event that said something new: `code` without its flag bits, `flags` by name."""

    meaning = serializers.ChoiceField(EVENT_MEANINGS)

    class Meta:
        model = Event
        fields = (
            "id",
            "at",
            "meaning",
            "type",
            "result",
            "code",
            "flags",
            "version",
            "previous_version",
            "target_version",
            "boot_id",
        )


class IntervalShape(Shape):
    """What a node ran from when to when; null at the end for what it runs now."""

    class Meta:
        model = VersionInterval
        fields = (
            "id",
            "started_at",
            "ended_at",
            "version",
            "oem",
            "oem_version",
            "oem_build",
            "oem_basis",
        )


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


class ExplanationShape(AnswerShape):
    """Why a node hears what it hears."""

    state = serializers.ChoiceField(NODE_STATES)
    heard_at = serializers.DateTimeField(
        allow_null=True, help_text="Since when it hears this; null if it never asked."
    )
    last_seen_at = serializers.DateTimeField()


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


def _heard(answer: str, stored: str) -> dict[str, Any]:
    offer = answer.removeprefix(_OFFER) if answer.startswith(_OFFER) else None
    return {"offer": offer, "reasons": reasons(stored)}


class Explanation(Resource):
    """Why a node hears what it hears."""

    tag = "nodes"

    @operation("explain_node", needs=Permission.READ_FLEET, gives=ExplanationShape)
    def get(self, call: Call, pk: int) -> dict[str, Any]:
        """Say what a node heard last, every reason for it, and what would change it."""
        node = seen(call, pk)
        since = node.answers.order_by("-at", "-pk").values_list("at", flat=True).first()
        return {
            **_heard(node.answer, node.reasons),
            "state": node.state,
            "heard_at": since,
            "last_seen_at": node.last_seen_at,
        }


class Events(Resource):
    """The events of a node."""

    tag = "nodes"

    @operation("list_node_events", needs=Permission.READ_FLEET, gives=EventShape, lists=True)
    def get(self, call: Call, pk: int) -> Listed[Event]:
        """List what a node told of its updates, the latest first."""
        return Listed(seen(call, pk).events.all(), LATEST)


class Answers(Resource):
    """The answers that a node heard."""

    tag = "nodes"

    @operation("list_node_answers", needs=Permission.READ_FLEET, gives=PastAnswerShape, lists=True)
    def get(self, call: Call, pk: int) -> Listed[Answer]:
        """List what a node heard and why, the latest first: a row for each change of it."""
        return Listed(seen(call, pk).answers.all(), LATEST, _read_reasons)


def _read_reasons(answers: list[Answer]) -> None:
    for answer in answers:
        heard = _heard(answer.answer, answer.reasons)
        answer.offer, answer.reasons = heard["offer"], heard["reasons"]  # type: ignore[attr-defined]


class Intervals(Resource):
    """What a node ran."""

    tag = "nodes"

    @operation("list_node_intervals", needs=Permission.READ_FLEET, gives=IntervalShape, lists=True)
    def get(self, call: Call, pk: int) -> Listed[VersionInterval]:
        """List what a node ran from when to when, the latest first."""
        return Listed(seen(call, pk).intervals.all(), Order(("started_at", "pk")))
