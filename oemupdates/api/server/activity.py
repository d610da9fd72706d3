"""Activity over the API: what operators and the system did."""

from django.shortcuts import get_object_or_404
from rest_framework import serializers

from oemupdates.api.frame.call import Call, Listed
from oemupdates.api.frame.fields import Asked, Moment, Shape, Words
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.frame.shapes import OperatorRef
from oemupdates.domain.access import Permission
from oemupdates.models import Activity
from oemupdates.services.finding.activity_finding import Found, Wanted, find

SYSTEM = "system"


class ActivityShape(Shape):
    """One thing that was done: by whom (null: unknown), to what, before and after, and why."""

    actor = OperatorRef(allow_null=True)
    before = serializers.DictField(child=serializers.JSONField())
    after = serializers.DictField(child=serializers.JSONField())

    class Meta:
        model = Activity
        fields = (
            "id",
            "at",
            "actor",
            "verb",
            "subject_kind",
            "subject_id",
            "subject",
            "before",
            "after",
            "why",
        )


class ActivityAsked(Asked):
    """Which activity to list."""

    actor = Words(
        required=False, max_length=150, help_text="A user name; `system` for what no person did."
    )
    verb = Words(required=False, max_length=64)
    subject_kind = Words(required=False, max_length=32)
    subject_id = serializers.IntegerField(required=False, min_value=1, max_value=2**63 - 1)
    group = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=2**63 - 1,
        help_text="What was done to a group, and to the nodes that are in it now.",
    )
    since = Moment(required=False, help_text="From this time on.")
    until = Moment(required=False, help_text="Up to this time.")


def _seen(call: Call, wanted: Wanted = Wanted()) -> Found:  # noqa: B008 - it is never changed
    """What whoever asks may read: log-ins, tokens and refusals need a permission of their own."""
    reads_security = call.where(Permission.READ_SECURITY).is_everywhere
    return find(wanted, call.where(), reads_security=reads_security)


class ActivityList(Resource):
    """All activity."""

    tag = "activity"

    @operation(
        "list_activity",
        needs=Permission.READ_FLEET,
        gives=ActivityShape,
        asks=ActivityAsked,
        lists=True,
    )
    def get(self, call: Call) -> Listed[Activity]:
        """List what was done, the newest first."""
        asked = call.asked
        actor = asked.get("actor")
        wanted = Wanted(
            by_people=False if actor == SYSTEM else None,
            verb=asked.get("verb"),
            kind=asked.get("subject_kind"),
            subject=asked.get("subject_id"),
            **call.chosen("group", "since", "until"),
        )
        found = _seen(call, wanted).bounded
        if actor not in {None, SYSTEM}:
            found = found.filter(actor__username=actor)
        return Listed(found)


class OneActivity(Resource):
    """One activity."""

    tag = "activity"

    @operation("get_activity", needs=Permission.READ_FLEET, gives=ActivityShape)
    def get(self, call: Call, pk: int) -> Activity:
        """Show one thing that was done."""
        return get_object_or_404(_seen(call).rows, pk=pk)
