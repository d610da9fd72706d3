"""What a node is given so that it asks this server for updates."""

from django.http import HttpRequest

from oemupdates.dashboard.frame.acting import where
from oemupdates.domain.access import Permission
from oemupdates.services.checkins import passes

# What stands for the secret on the pages of somebody who may not see it.
HIDDEN_SECRET = "<secret>"  # noqa: S105 - the very opposite of one


def secret_for(request: HttpRequest, group: int | None = None) -> str:
    """The suffix of the update address that new nodes of a group, by its key, should get.

    Only who may change the group sees it; anybody may know that there is one.
    """
    secret = passes.for_new_nodes(group)
    if secret == "":
        return ""
    reach = where(request, Permission.OPERATE_GROUPS)
    may = bool(reach) if group is None else reach.covers(group)
    return secret if secret and may else HIDDEN_SECRET
