"""What a node is given so that it asks this server for updates."""

from django.conf import settings
from django.http import HttpRequest

from oemupdates.dashboard.acting import where
from oemupdates.domain.access import Permission

# What stands for the secret on the pages of somebody who may not see it.
HIDDEN_SECRET = "<secret>"  # noqa: S105 - the very opposite of one


def secret_for(request: HttpRequest) -> str:
    """The suffix of the update address that new nodes should get, for who may shape groups."""
    if not settings.UPDATE_SECRETS:
        return ""
    if where(request, Permission.OPERATE_GROUPS):
        return str(settings.UPDATE_SECRETS[0])
    return HIDDEN_SECRET
