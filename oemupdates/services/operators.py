"""What is done about the people who log in."""

import secrets

from django.db import transaction

from oemupdates.models import Operator
from oemupdates.services import activity

FIRST_USERNAME = "admin"
# Letters and digits that no two of are taken for each other when read from a terminal.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP_LENGTH = 4, 5


def create_first() -> tuple[str, str] | None:
    """Create the first operator; give the user name and one-time password, or None.

    None when there is an operator already. The password must be changed at the first log-in and
    is kept nowhere: who loses it sets another with `manage.py changepassword`.
    """
    password = "-".join(
        "".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS)
    )
    with transaction.atomic():
        if Operator.objects.exists():
            return None
        operator = Operator.objects.create_superuser(
            FIRST_USERNAME, password=password, must_change_password=True
        )
        activity.record(
            verb="operator.created",
            subject=operator,
            by=None,
            why="The first start of this server",
        )
    return operator.username, password
