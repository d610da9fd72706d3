"""What is done about the people who log in."""

import secrets
from collections.abc import Mapping

from django.db import transaction

from oemupdates.models import Operator
from oemupdates.services import activity

FIRST_USERNAME = "admin"
# Letters and digits that no two of are taken for each other when read from a terminal.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP_LENGTH = 4, 5
_MOST_PREFERENCES = 50


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


class TooManyPreferences(activity.Refused):
    """Somebody keeps more preferences than any page could have made."""


def prefer(operator: Operator, preferences: Mapping[str, str | list[str]]) -> Operator:
    """Remember how pages should look to an operator; what is not named stays as it was.

    It concerns nobody else, and is no activity.
    """
    with transaction.atomic():
        kept = Operator.objects.select_for_update().get(pk=operator.pk)
        kept.preferences = {**kept.preferences, **preferences}
        if len(kept.preferences) > _MOST_PREFERENCES:
            raise TooManyPreferences(f"At most {_MOST_PREFERENCES} preferences are kept.")
        kept.save(update_fields=["preferences"])
    operator.preferences = kept.preferences
    return operator
