"""What a node is given so that it joins a group, and tells what it runs."""

from typing import Any

from django.conf import settings
from rest_framework import serializers

from oemupdates.api.frame.call import Call
from oemupdates.api.frame.fields import Plain
from oemupdates.api.frame.operation import Resource, operation
from oemupdates.api.groups.groups import seen
from oemupdates.domain import snippet
from oemupdates.domain.access import Permission
from oemupdates.services.checkins import passes
from oemupdates.services.oem import node_files

# What stands for the secret for who may not see it.
HIDDEN_SECRET = "<secret>"  # noqa: S105 - the very opposite of one


class SnippetShape(Plain):
    """What a node is given so that it joins a group."""

    server = serializers.CharField()
    update_conf = serializers.CharField()
    butane = serializers.CharField()
    ignition = serializers.CharField()
    observing_butane = serializers.CharField()
    observing_ignition = serializers.CharField()
    install_line = serializers.CharField()


class Snippet(Resource):
    """What a node is given so that it joins a group."""

    tag = "groups"

    @operation(
        "get_group_snippet", needs=Permission.READ_FLEET, gives=SnippetShape, is_secret=True
    )
    def get(self, call: Call, pk: int) -> dict[str, Any]:
        """Write what a node needs to join a group: an update.conf, and the same for new nodes.

        The secret of the update endpoint is in it for those who may change the group.
        """
        group = seen(call, pk)
        secret = passes.for_new_nodes(pk)
        may = call.where(Permission.OPERATE_GROUPS).covers(pk)
        if secret is None or (secret and not may):
            secret = HIDDEN_SECRET
        server = snippet.server(settings.FLEET_URL, secret)
        observers = (node_files.files(), node_files.units())
        return {
            "server": server,
            "update_conf": snippet.update_conf(group.track, server),
            "butane": snippet.butane(group.track, server),
            "ignition": snippet.ignition(group.track, server),
            "observing_butane": snippet.butane(group.track, server, *observers),
            "observing_ignition": snippet.ignition(group.track, server, *observers),
            "install_line": snippet.install_line(settings.FLEET_URL),
        }
