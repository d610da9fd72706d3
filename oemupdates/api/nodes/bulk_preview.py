"""How many nodes a change of many would meet, over the API."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers

from oemupdates.api.frame.call import Call
from oemupdates.api.frame.fields import Plain
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.nodes.bulk import NewBulk, wanted
from oemupdates.api.nodes.nodes_asked import meaningful
from oemupdates.domain.access import Permission
from oemupdates.services.finding.finding import find
from oemupdates.services.nodes import bulk, bulk_preview

_SHOWN = 10


class BulkPreviewShape(Plain):
    """How many nodes a change would meet as the fleet is now; `first` are the newest of them."""

    number = serializers.IntegerField()
    is_exact = serializers.BooleanField(help_text="false: there are more than `number`.")
    first = serializers.ListField(child=serializers.IntegerField())


class Previewing(Resource):
    """What a change of many nodes would meet."""

    tag = "bulk"

    @operation(
        "preview_bulk_change",
        needs=Permission.OPERATE_NODES,
        gives=BulkPreviewShape,
        takes=NewBulk,
    )
    def post(self, call: Call) -> dict[str, Any]:
        """Say how many nodes a change would meet; nothing is changed."""
        asked = wanted(call)
        bulk.check(asked, call.by)
        if asked.keys is not None:
            keys = sorted(set(asked.keys), reverse=True)
            return {"number": len(keys), "is_exact": True, "first": keys[:_SHOWN]}
        reach = call.where(Permission.OPERATE_NODES)
        found = find(asked.query, reach, now=timezone.now())
        number, is_exact = meaningful(lambda: bulk_preview.count(found))
        first = [node.pk for node in found.page(size=_SHOWN).rows]
        return {"number": number, "is_exact": is_exact, "first": first}
