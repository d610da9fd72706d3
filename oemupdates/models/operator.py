"""Operators: the people who log in, and the accounts of scripts."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class Operator(AbstractUser):
    """Somebody who runs the fleet; a one-time password must be changed at the first log-in.

    A service account is no person: it has tokens, no password, and never logs in.
    """

    must_change_password = models.BooleanField(default=False)
    is_service_account = models.BooleanField(default=False)
    # How the pages look to them: names and values that the dashboard knows.
    preferences = models.JSONField(default=dict, blank=True)
    # Wrong codes of a second factor since the last right one, and when the next may be tried.
    wrong_codes = models.PositiveSmallIntegerField(default=0)
    codes_wait_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=~models.Q(username=""), name="operator_has_a_user_name"
            ),
        )
