"""Second factors: an authenticator app, passkeys, and recovery codes for the day they are lost.

django-allauth keeps them. An app's code is taken once: the row remembers the last period whose
code was taken, and no earlier one is taken any more.
"""

import hmac
import math
import time
from collections.abc import Collection, Mapping, MutableMapping
from datetime import datetime, timedelta
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
)
from allauth.mfa.utils import decrypt, encrypt
from django.conf import settings
from django.db import transaction

from oemupdates.domain.access import Role
from oemupdates.models import Operator
from oemupdates.services.access import access, sessions
from oemupdates.services.shared import activity

APP, KEY, CODES = "totp", "webauthn", "recovery_codes"
PERIOD_SECONDS = 30
# A phone's clock may be a period off.
PERIODS_OFF = 1
MOST_PASSKEYS = 10
MOST_NAME = 60
# Whoever is asked for a code knows the password. So many wrong ones are slips; each more doubles
# the wait before the next, up to an hour: some 30 guesses a day at three codes in a million.
FREE_TRIES = 5
FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=30), timedelta(hours=1)
# What a session knows: that a second factor was shown in it, here or to an identity provider.
SHOWN, SHOWN_TO_PROVIDER = "second_factor", "provider_has_second_factor"
Session = MutableMapping[str, Any]


class CannotAddFactor(activity.Refused):
    """The code is wrong, or there is such a factor already."""


class CannotRemoveFactor(activity.Refused):
    """There is no such factor."""


class TooManyTries(activity.Refused):
    """No code is looked at for a while, right or wrong."""

    def __init__(self, wait: timedelta) -> None:
        self.seconds = math.ceil(wait.total_seconds())
        super().__init__(f"Too many wrong codes: wait {self.seconds} s, and try again.")


class CannotMakeCodes(activity.Refused):
    """Recovery codes stand for a factor, and there is none."""


def of(operator: Operator) -> list[Authenticator]:
    """Somebody's app and passkeys, the oldest first."""
    rows = Authenticator.objects.filter(user=operator, type__in=(APP, KEY))
    return list(rows.order_by("pk"))


def holders(operators: Collection[int]) -> set[int]:
    """Which of some accounts, by their keys, have a second factor."""
    rows = Authenticator.objects.filter(user__in=operators, type__in=(APP, KEY))
    return set(rows.values_list("user", flat=True))


def has(operator: Operator) -> bool:
    """Whether somebody has a second factor."""
    return bool(holders([operator.pk]))


def codes_left(operator: Operator) -> int:
    """How many recovery codes somebody has not used."""
    row = Authenticator.objects.filter(user=operator, type=CODES).first()
    return len(RecoveryCodes(row).get_unused_codes()) if row else 0


def is_missing(operator: Operator, session: Mapping[str, Any]) -> bool:
    """Whether a role asks for a second factor that nobody showed in this session."""
    wanted: Collection[Role] = settings.REQUIRE_SECOND_FACTOR
    if not wanted or session.get(SHOWN) or session.get(SHOWN_TO_PROVIDER):
        return False
    return any(grant.role in wanted for grant in access.grants(operator))


def new_secret() -> str:
    """A secret for an authenticator app, in base 32."""
    secret: str = generate_totp_secret()
    return secret


def add_app(operator: Operator, secret: str, code: str, *, session: Session) -> list[str]:
    """Ask for an app's codes from now on; raises `CannotAddFactor`.

    Gives the recovery codes that come with somebody's first factor, or none.
    """
    period = _period(secret, code)
    if period is None:
        raise CannotAddFactor("That was not the code that this secret gives now.")
    with transaction.atomic():
        _locked(operator)
        if Authenticator.objects.filter(user=operator, type=APP).exists():
            raise CannotAddFactor("There is an authenticator app already: remove it first.")
        data = {"secret": encrypt(secret), "last_period": period}
        Authenticator.objects.create(user=operator, type=APP, data=data)
        return _added(operator, "an authenticator app", session)


def add_passkey(
    operator: Operator, name: str, credential: dict[str, Any], *, session: Session
) -> list[str]:
    """Take a passkey from now on, whose registration was verified; as `add_app`."""
    name = activity.wording(name, what="The name", most=MOST_NAME) or "Passkey"
    with transaction.atomic():
        _locked(operator)
        if Authenticator.objects.filter(user=operator, type=KEY).count() >= MOST_PASSKEYS:
            raise CannotAddFactor(f"There are {MOST_PASSKEYS} passkeys already: remove one first.")
        data = {"name": name, "credential": credential}
        Authenticator.objects.create(user=operator, type=KEY, data=data)
        return _added(operator, f"the passkey {name}", session)


def remove(operator: Operator, pk: int, *, session: Session) -> None:
    """Ask for a factor no more; recovery codes go with the last. Raises `CannotRemoveFactor`."""
    with transaction.atomic():
        _locked(operator)
        row = Authenticator.objects.filter(user=operator, pk=pk, type__in=(APP, KEY)).first()
        if row is None:
            raise CannotRemoveFactor("This factor was removed before.")
        row.delete()
        if not has(operator):
            Authenticator.objects.filter(user=operator).delete()
            session[SHOWN] = False
        what = "an authenticator app" if row.type == APP else f"the passkey {row.data['name']}"
        activity.record(
            verb="operator.factor_removed", subject=operator, by=operator, before={"factor": what}
        )


def make_codes(operator: Operator) -> list[str]:
    """New recovery codes instead of all that were; they can be read only now."""
    with transaction.atomic():
        _locked(operator)
        if not has(operator):
            raise CannotMakeCodes("Add an authenticator app or a passkey first.")
        codes = _new_codes(operator)
        activity.record(verb="operator.recovery_codes_made", subject=operator, by=operator)
    return codes


def reset(operator: Operator, *, by: Operator | None, why: str = "") -> None:
    """Forget every factor of somebody who lost theirs, and end their sessions.

    Raises `CannotRemoveFactor`.
    """
    with transaction.atomic():
        _locked(operator)
        if not Authenticator.objects.filter(user=operator).delete()[0]:
            raise CannotRemoveFactor(f"{operator} has no second factor.")
        Operator.objects.filter(pk=operator.pk).update(wrong_codes=0, codes_wait_until=None)
        ended = sessions.end_all(operator)
        activity.record(
            verb="operator.factors_reset",
            subject=operator,
            by=by,
            after={"sessions_ended": ended},
            why=why,
        )


def accept(operator: Operator, code: str, *, now: datetime) -> bool:
    """Take a code of the app, or a recovery code, once; raises `TooManyTries`."""
    code = "".join(code.split()).replace("-", "")
    with transaction.atomic():
        row = _locked(operator)
        if row.codes_wait_until is not None and now < row.codes_wait_until:
            raise TooManyTries(row.codes_wait_until - now)
        is_right = _accept_of_app(row, code) or _accept_recovery(row, code)
        _count(row, is_right=is_right, now=now)
    return is_right


def _count(row: Operator, *, is_right: bool, now: datetime) -> None:
    wrong = 0 if is_right else min(row.wrong_codes + 1, 1000)
    over = wrong - FREE_TRIES
    # Ten doublings are over an hour; more would leave what a date can say.
    wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(over, 10)) if over >= 0 else None
    Operator.objects.filter(pk=row.pk).update(
        wrong_codes=wrong, codes_wait_until=now + wait if wait else None
    )


def _accept_of_app(operator: Operator, code: str) -> bool:
    row = Authenticator.objects.filter(user=operator, type=APP).first()
    if row is None:
        return False
    period = _period(decrypt(row.data["secret"]), code, after=row.data["last_period"])
    if period is None:
        return False
    row.data["last_period"] = period
    row.record_usage()
    row.save(update_fields=["data"])
    return True


def _accept_recovery(operator: Operator, code: str) -> bool:
    row = Authenticator.objects.filter(user=operator, type=CODES).first()
    if row is None or not RecoveryCodes(row).validate_code(code):
        return False
    activity.record(
        verb="operator.recovery_code_used",
        subject=operator,
        by=operator,
        after={"codes_left": codes_left(operator)},
    )
    return True


def _period(secret: str, code: str, *, after: int = 0) -> int | None:
    """The period whose code this is, of those about now and after another."""
    now = int(time.time()) // PERIOD_SECONDS
    for period in range(max(now - PERIODS_OFF, after + 1), now + PERIODS_OFF + 1):
        expected = format_hotp_value(hotp_value(secret, period))
        if hmac.compare_digest(code.replace(" ", "").encode(), expected.encode()):
            return period
    return None


def _added(operator: Operator, what: str, session: Session) -> list[str]:
    has_codes = Authenticator.objects.filter(user=operator, type=CODES).exists()
    codes = [] if has_codes else _new_codes(operator)
    session[SHOWN] = True
    activity.record(
        verb="operator.factor_added", subject=operator, by=operator, after={"factor": what}
    )
    return codes


def _new_codes(operator: Operator) -> list[str]:
    Authenticator.objects.filter(user=operator, type=CODES).delete()
    codes: list[str] = RecoveryCodes.activate(operator).generate_codes()
    return codes


def _locked(operator: Operator) -> Operator:
    """Let two pages of one person change or try factors one after the other."""
    return Operator.objects.select_for_update(no_key=True).get(pk=operator.pk)
