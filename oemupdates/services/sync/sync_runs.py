"""Runs of the sync: who asks for them, who works on them, and what they came to."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.utils import timezone

from oemupdates.domain.version import BadVersion, parse
from oemupdates.models import Channel, Operator, Subscription, SyncRun, Upstream
from oemupdates.services.shared import activity
from oemupdates.services.sync.sync_keeper import LEASE, mine

# PostgreSQL's advisory lock of whoever counts what is under way; the number is arbitrary and ours.
_LOCK = 0x0E3F1EE9
# A run whose workers die again and again is what kills them.
MAX_ATTEMPTS = 10
_FIRST_PAUSE = timedelta(minutes=1)
_State = SyncRun.State


class CannotAsk(activity.Refused):
    """The upstream is switched off, has no such thing, or is being asked already."""


class CannotCancel(activity.Refused):
    """The run is over."""


def ask(
    upstream: Upstream,
    channel: Channel,
    *,
    version: str = "",
    is_dry: bool = False,
    by: Operator | None,
) -> SyncRun:
    """Let the next worker look at an upstream for a channel, or fetch a version; `CannotAsk`."""
    if not upstream.is_enabled:
        raise CannotAsk(f"{upstream} is switched off.")
    if version:
        _check_version(upstream, version)
    elif not upstream.subscriptions.filter(channel=channel).exists():
        raise CannotAsk(f"{channel} does not get its releases from {upstream}.")
    run = _add(upstream, channel, version=version, is_dry=is_dry, by=by)
    if run is None:
        raise CannotAsk(f"{channel} from {upstream} is under way already.")
    return run


def _check_version(upstream: Upstream, version: str) -> None:
    try:
        parse(version)
    except BadVersion as error:
        raise CannotAsk(f"{error}.") from None
    if not upstream.release_server:
        raise CannotAsk(f"{upstream} has no release server, where a version could be looked for.")


def _add(
    upstream: Upstream, channel: Channel, *, version: str, is_dry: bool, by: Operator | None
) -> SyncRun | None:
    """A run that waits; None if there is one already."""
    now = timezone.now()
    try:
        with transaction.atomic():
            run = SyncRun.objects.create(
                upstream=upstream,
                channel=channel,
                version=version,
                is_dry=is_dry,
                asked_at=now,
                asked_by=by,
                lease_until=now,
            )
            if by is not None:
                after: dict[str, activity.Value] = {"channel": str(channel)}
                if version:
                    after["version"] = version
                activity.record(verb="upstream.sync_asked", subject=upstream, by=by, after=after)
    except IntegrityError:
        return None
    return run


def ask_due(now: datetime) -> int:
    """Make a run for each subscription whose time has come; how many."""
    due = Subscription.objects.filter(next_run_at__lte=now, upstream__is_enabled=True)
    found = due.order_by("next_run_at").select_related("upstream", "channel")
    open_ones = set(
        SyncRun.objects.filter(state__in=SyncRun.OPEN).values_list("upstream", "channel")
    )
    return sum(
        _add(one.upstream, one.channel, version="", is_dry=False, by=None) is not None
        for one in found
        if (one.upstream_id, one.channel_id) not in open_ones
    )


def claim_any(but: Sequence[int] = ()) -> SyncRun | None:
    """Take a run that nobody works on; None if there is none, or enough is under way.

    Who counts does so alone until the run is taken: two workers never both take the last place.
    """
    with transaction.atomic():  # on SQLite this is the one writer already
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        return _claim_any(but)


def _claim_any(but: Sequence[int]) -> SyncRun | None:
    now = timezone.now()
    under_way = SyncRun.objects.filter(state=_State.RUNNING, lease_until__gt=now)
    if under_way.count() >= settings.SYNCS_AT_ONCE:
        return None
    free = SyncRun.objects.filter(state__in=SyncRun.OPEN, lease_until__lte=now)
    for key in free.exclude(pk__in=but).order_by("asked_at", "pk").values_list("pk", flat=True):
        if run := claim(key):
            return run
    return None


def claim(key: int) -> SyncRun | None:
    """Take one run, unless somebody works on it; None then."""
    now = timezone.now()
    free = SyncRun.objects.filter(pk=key, state__in=SyncRun.OPEN, lease_until__lte=now)
    run = free.select_related("upstream", "channel__application", "asked_by").first()
    if run is None:
        return None
    seen = SyncRun.objects.filter(
        pk=key, state=run.state, attempt=run.attempt, lease_until=run.lease_until
    )
    values = {
        "state": _State.RUNNING,
        "attempt": F("attempt") + 1,
        "lease_until": now + LEASE,
        "started_at": run.started_at or now,
    }
    if not seen.update(**values):
        return None
    run.state, run.attempt = _State.RUNNING, run.attempt + 1
    if run.attempt > MAX_ATTEMPTS:
        settle(run, Outcome(problem=f"Whoever worked on it ended {MAX_ATTEMPTS} times."))
        return None
    return run


def cancel(run: SyncRun, *, by: Operator | None, why: str = "") -> None:
    """End a run; its worker stops within seconds, and what it fetched is kept for the next."""
    now = timezone.now()
    with transaction.atomic():
        seen = SyncRun.objects.filter(pk=run.pk, state__in=SyncRun.OPEN)
        if not seen.update(state=_State.CANCELLED, ended_at=now):
            raise CannotCancel(f"{run} is over.")
        if not run.version:
            _plan(run, now, failures=0)
        activity.record(
            verb="upstream.sync_cancelled",
            subject=run.upstream,
            by=by,
            after={"channel": str(run.channel)},
            why=why,
        )


@dataclass(slots=True)
class Outcome:
    """What a run came to, in sentences; `problem` is empty if it did all that it was to do."""

    changes: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    problem: str = ""


def settle(run: SyncRun, outcome: Outcome) -> bool:
    """Write down what a run came to, and plan the next; False if it is not ours any more."""
    now = timezone.now()
    with transaction.atomic():
        before = _failures(run)
        written = mine(run).update(
            state=_State.FAILED if outcome.problem else _State.DONE,
            ended_at=now,
            doing="",
            changes=outcome.changes,
            remarks=outcome.remarks,
            problem=outcome.problem,
        )
        if written and not run.version and not run.is_dry:
            _plan(run, now, failures=1 if outcome.problem else 0, is_success=not outcome.problem)
            _tell(run, outcome, before=before)
    return bool(written)


def _failures(run: SyncRun) -> int:
    known = Subscription.objects.filter(upstream=run.upstream, channel=run.channel)
    return known.values_list("failures", flat=True).first() or 0


def _tell(run: SyncRun, outcome: Outcome, *, before: int) -> None:
    """Write down that syncs began to fail, or work again; every failure would be noise."""
    if bool(outcome.problem) == bool(before):
        return
    after: dict[str, activity.Value] = {"channel": str(run.channel)}
    if outcome.problem:
        after["problem"] = outcome.problem[: activity.MAX_REASON]
    activity.record(
        verb="upstream.sync_failed" if outcome.problem else "upstream.sync_recovered",
        subject=run.upstream,
        by=None,
        after=after,
    )


def _plan(run: SyncRun, now: datetime, *, failures: int, is_success: bool = False) -> None:
    """When a subscription's turn comes again: sooner after a failure, then less and less soon."""
    known = Subscription.objects.filter(upstream=run.upstream, channel=run.channel)
    subscription = known.select_for_update().select_related("upstream").first()
    if subscription is None:
        return
    pause = timedelta(minutes=subscription.upstream.interval_minutes)
    subscription.failures = subscription.failures + 1 if failures else 0
    if failures:
        pause = min(pause, _FIRST_PAUSE * 2 ** min(subscription.failures, 16))
    if is_success:
        subscription.last_success_at = now
    # A jitter, so that many servers do not ask at the same second for ever.
    subscription.next_run_at = now + pause * random.uniform(0.95, 1.05)  # noqa: S311
    subscription.save(update_fields=["failures", "next_run_at", "last_success_at"])
