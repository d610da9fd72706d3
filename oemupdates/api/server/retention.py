"""What is kept for how long, over the API."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers

from oemupdates.api.frame.call import Call
from oemupdates.api.frame.choices import RETENTION_KINDS
from oemupdates.api.frame.fields import Plain, Reasoned, Whole
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.frame.shapes import OperatorRef
from oemupdates.domain.access import Permission
from oemupdates.services.server import retention as verbs


class KeptShape(Plain):
    """How one kind of thing is kept; `rows` is about how many there are."""

    kind = serializers.ChoiceField(RETENTION_KINDS)
    days = serializers.IntegerField()
    default = serializers.IntegerField()
    least = serializers.IntegerField(source="bounds.least")
    most = serializers.IntegerField(source="bounds.most")
    rows = serializers.IntegerField()
    oldest_at = serializers.DateTimeField(allow_null=True)
    changed_at = serializers.DateTimeField(allow_null=True)
    changed_by = OperatorRef(allow_null=True)


class RetentionShape(Plain):
    """What is kept for a time, and when the clock cleans up next."""

    kept = KeptShape(many=True)
    next_cleaning_at = serializers.DateTimeField(allow_null=True)


class ChangedShape(Plain):
    """How a kind of thing is kept now, and about how many rows the next cleaning deletes of it."""

    kept = KeptShape()
    deletes = serializers.IntegerField()


class NewRetention(Reasoned):
    """For how many days to keep something."""

    kind = serializers.ChoiceField(RETENTION_KINDS)
    days = Whole(min_value=1, max_value=36_500)


class Retention(Resource):
    """What is kept for how long."""

    tag = "system"

    @operation("get_retention", needs=Permission.READ_SECURITY, gives=RetentionShape)
    def get(self, call: Call) -> dict[str, Any]:
        """Say what is kept for how long, and how much of it there is."""
        return {"kept": verbs.kept(), "next_cleaning_at": verbs.next_cleaning(timezone.now())}

    @operation(
        "change_retention",
        needs=Permission.ADMINISTER,
        gives=ChangedShape,
        takes=NewRetention,
        is_dangerous=True,
    )
    def post(self, call: Call) -> verbs.Changed:
        """Keep something for so many days: what is older is deleted at the next cleaning."""
        kind, why = verbs.Kind(call.said["kind"]), call.said.get("why", "")
        return verbs.change(kind, call.said["days"], by=call.by, why=why)
