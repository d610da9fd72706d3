"""Where somebody is logged in, by browser; django-allauth keeps the list."""

import hashlib
from datetime import datetime, timedelta

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import transaction
from django.utils import timezone

from oemupdates.models import Operator
from oemupdates.services.shared import activity

# What a session knows that stands on the list.
LISTED = "session_is_listed"
# A session's last sight is written no more often than that.
SEEN_EVERY = timedelta(minutes=5)


class CannotEndSession(activity.Refused):
    """The session is over already."""


def of(operator: Operator) -> list[UserSession]:
    """The sessions of somebody that hold, the last seen first."""
    found: list[UserSession] = UserSession.objects.purge_and_list(operator)
    return sorted(found, key=lambda one: one.last_seen_at, reverse=True)


def seen(key: str) -> None:
    """Write down that a session is in use, if that was not written lately."""
    name = hashlib.sha256(key.encode()).hexdigest()
    if cache.add(f"session-seen:{name}", 1, timeout=SEEN_EVERY.total_seconds()):
        now = timezone.now()
        stale = UserSession.objects.filter(session_key=key, last_seen_at__lt=now - SEEN_EVERY)
        stale.update(last_seen_at=now)


def end(operator: Operator, pk: int) -> None:
    """End one session of somebody; raises `CannotEndSession`."""
    with transaction.atomic():
        row = UserSession.objects.filter(user=operator, pk=pk).first()
        if row is None:
            raise CannotEndSession("This session is over already.")
        row.end()
        activity.record(verb="session.ended", subject=operator, by=operator, after={"sessions": 1})


def end_others(operator: Operator, key: str) -> int:
    """End all sessions of somebody but the one with a key; says how many."""
    with transaction.atomic():
        ended = _end(list(UserSession.objects.filter(user=operator).exclude(session_key=key)))
        if ended:
            activity.record(
                verb="session.ended", subject=operator, by=operator, after={"sessions": ended}
            )
    return ended


def end_all(operator: Operator) -> int:
    """End all sessions of somebody, as part of what is done about them; says how many."""
    return _end(list(UserSession.objects.filter(user=operator)))


def forget(key: str) -> None:
    """Take a session off the list that ended by a log-out."""
    UserSession.objects.filter(session_key=key).delete()


def forget_ended(now: datetime, *, most: int = 1000) -> int:
    """Take sessions off the list that have expired, the oldest first; says how many."""
    going_on = Session.objects.filter(expire_date__gt=now).values("session_key")
    ended = UserSession.objects.exclude(session_key__in=going_on).order_by("pk")
    keys = list(ended.values_list("pk", flat=True)[:most])
    UserSession.objects.filter(pk__in=keys).delete()
    return len(keys)


def go_on(operator: Operator, *, before: str, key: str) -> None:
    """Keep one session of somebody whose password changed, under its new key; the others end."""
    _end(list(UserSession.objects.filter(user=operator).exclude(session_key=before)))
    UserSession.objects.filter(user=operator, session_key=before).update(session_key=key)


def _end(rows: list[UserSession]) -> int:
    for row in rows:
        row.end()
    return len(rows)
