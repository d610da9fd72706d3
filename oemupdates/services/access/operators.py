"""What is done about the people who log in, and about the accounts of scripts."""

import re
import secrets
from collections.abc import Mapping

from allauth.socialaccount.models import SocialAccount
from django.db import transaction
from django.utils import timezone

from oemupdates.models import ApiToken, Operator
from oemupdates.services.access import sessions
from oemupdates.services.access.roles import keeping_an_administrator
from oemupdates.services.shared import activity

FIRST_USERNAME = "admin"
# Letters and digits that no two of are taken for each other when read from a terminal.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP_LENGTH = 4, 5
_USERNAME = re.compile(r"[\w.@+-]{1,150}")
# Names that are typed to log in and belong to nobody: people type passwords there by mistake.
STRANGER = activity.Named("operator", "an unknown name")


class CannotMakeOperator(activity.Refused):
    """The name cannot be used, or is taken."""


class CannotSwitchOperator(activity.Refused):
    """The account is switched so already, or is one's own."""


class CannotResetPassword(activity.Refused):
    """The account has no password to be reset."""


_MOST_PREFERENCES = 50


def create_first() -> tuple[str, str] | None:
    """Create the first operator; give the user name and one-time password, or None.

    None when there is an operator already. The password must be changed at the first log-in and
    is kept nowhere: who loses it sets another with `manage.py changepassword`.
    """
    password = _one_time_password()
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


def create(username: str, *, by: Operator) -> tuple[Operator, str]:
    """Make an account for somebody, and the one-time password that they come in with.

    Raises `CannotMakeOperator`. It has no role yet.
    """
    password = _one_time_password()
    with transaction.atomic():
        operator = _new(username)
        operator.must_change_password = True
        operator.set_password(password)
        operator.save(force_insert=True)
        activity.record(verb="operator.created", subject=operator, by=by)
    return operator, password


def create_service_account(username: str, *, by: Operator) -> Operator:
    """Make an account for scripts: it never logs in; raises `CannotMakeOperator`."""
    with transaction.atomic():
        operator = _new(username)
        operator.is_service_account = True
        operator.set_unusable_password()
        operator.save(force_insert=True)
        activity.record(verb="operator.service_account_created", subject=operator, by=by)
    return operator


def switch_off(operator: Operator, *, by: Operator, why: str = "") -> None:
    """Let an account do nothing any more: its sessions end, its tokens are revoked.

    Raises `CannotSwitchOperator`, and `roles.LastAdministrator`.
    """
    if operator.pk == by.pk:
        raise CannotSwitchOperator("Nobody switches off their own account: ask a colleague.")
    with transaction.atomic(), keeping_an_administrator():
        if not Operator.objects.filter(pk=operator.pk, is_active=True).update(is_active=False):
            raise CannotSwitchOperator(f"{operator} is switched off already.")
        revoked = ApiToken.objects.filter(operator=operator, revoked_at=None).update(
            revoked_at=timezone.now()
        )
        activity.record(
            verb="operator.switched_off",
            subject=operator,
            by=by,
            after={"tokens_revoked": revoked},
            why=why,
        )


def switch_on(operator: Operator, *, by: Operator, why: str = "") -> None:
    """Let an account be used again, without the tokens that it had."""
    with transaction.atomic():
        if not Operator.objects.filter(pk=operator.pk, is_active=False).update(is_active=True):
            raise CannotSwitchOperator(f"{operator} is not switched off.")
        activity.record(verb="operator.switched_on", subject=operator, by=by, why=why)


def reset_password(operator: Operator, *, by: Operator) -> str:
    """Give a new one-time password to somebody who lost theirs; their sessions end with it."""
    if operator.is_service_account or not operator.is_active:
        raise CannotResetPassword(f"{operator} does not log in.")
    account = SocialAccount.objects.filter(user=operator).first()
    if account is not None:
        raise CannotResetPassword(f"{operator} comes by {account.provider}, without a password.")
    password = _one_time_password()
    with transaction.atomic():
        operator.set_password(password)
        operator.must_change_password = True
        operator.save(update_fields=["password", "must_change_password"])
        sessions.end_all(operator)
        activity.record(verb="operator.password_reset", subject=operator, by=by)
    return password


def choose_password(operator: Operator, password: str) -> None:
    """Keep the password that somebody chose, which is no one-time password any more."""
    with transaction.atomic():
        operator.set_password(password)
        operator.must_change_password = False
        operator.save(update_fields=["password", "must_change_password"])
        activity.record(verb="operator.password_chosen", subject=operator, by=operator)


def logged_in(operator: Operator, *, why: str = "") -> None:
    """Write down that somebody logged in."""
    activity.record(verb="operator.logged_in", subject=operator, by=operator, why=why)


def logged_out(operator: Operator) -> None:
    """Write down that somebody logged out."""
    activity.record(verb="operator.logged_out", subject=operator, by=operator)


def log_in_failed(username: str, *, why: str = "The password was wrong") -> None:
    """Write down that somebody tried; how often they may is limited by whoever asks them."""
    operator = Operator.objects.filter(username=username).first()
    activity.record(
        verb="operator.log_in_failed",
        subject=operator or STRANGER,
        by=None,
        why=why if operator else "",
    )


def was_refused(operator: Operator, what: str) -> None:
    """Write down that somebody asked for what they may not do."""
    activity.record(
        verb="operator.refused", subject=operator, by=operator, after={"request": what[:200]}
    )


def _new(username: str) -> Operator:
    username = username.strip()
    if not _USERNAME.fullmatch(username):
        raise CannotMakeOperator(
            f"{username!r} is no user name: at most 150 letters, digits and . _ @ + -"
        )
    if Operator.objects.filter(username__iexact=username).exists():
        raise CannotMakeOperator(f"There is a {username} already.")
    return Operator(username=username)


def _one_time_password() -> str:
    return "-".join(
        "".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS)
    )
