"""Origins of releases over the API: where else their files are."""

from django.shortcuts import get_object_or_404

from oemupdates.api.frame.call import Call
from oemupdates.api.frame.fields import Reasoned, Text
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.releases.releases import ReleaseShape, every
from oemupdates.domain.access import Permission
from oemupdates.models import Release
from oemupdates.services.releases import origins
from oemupdates.services.shared.configuration import changing


class Origin(Reasoned):
    """One of a release's origins, as the release says it."""

    url = Text(max_length=500)


class ForgettingOrigin(Resource):
    """Forgetting where else the files of a release are."""

    tag = "releases"

    @operation(
        "forget_release_origin",
        needs=Permission.CHANGE_FLEET,
        gives=ReleaseShape,
        takes=Origin,
        within=changing,
    )
    def post(self, call: Call, pk: int) -> Release:
        """Send nodes to an origin no more; a sync that still finds the files there learns it."""
        release = get_object_or_404(every(), pk=pk)
        call.check_version(release)
        origins.forget(release, call.said["url"], by=call.by, why=call.said.get("why", ""))
        return every().get(pk=pk)
