"""How the syncs are, as a part of this server: what failed, what is overdue, what hangs."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from oemupdates.domain.health import Level, Part, ago
from oemupdates.models import Subscription, SyncRun

# A look that was due for this long, and nobody looks: what asks is not at work.
OVERDUE = timedelta(minutes=30)
# A run that ends neither well nor badly for this long stands still, or its line is too slow.
HANGS = timedelta(hours=6)
# Whoever worked on a run said nothing for so long, and nobody took it over.
_LEFT = timedelta(minutes=10)
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Syncs:
    """The channels that follow an upstream: how many, and which of them need somebody why.

    `oldest_at` is when the one was asked well that waits longest; None before all were.
    """

    followed: int
    failing: list[str]
    late: list[str]
    oldest_at: datetime | None


def look(now: datetime) -> Syncs:
    """How the syncs are now."""
    followed = Subscription.objects.filter(upstream__is_enabled=True)
    known = list(followed.select_related("upstream", "channel"))
    runs = SyncRun.objects.filter(state__in=SyncRun.OPEN, upstream__is_enabled=True)
    going = list(runs.select_related("upstream", "channel")) if known else []
    ages = [one.last_success_at for one in known if one.last_success_at]
    return Syncs(
        followed=len(known),
        failing=[str(one) for one in known if one.failures],
        late=[*_hanging(going, now), *_overdue(known, going, now)],
        oldest_at=min(ages) if ages and len(ages) == len(known) else None,
    )


def part(now: datetime) -> Part | None:
    """How the syncs are, in words; None where no channel follows an upstream."""
    found = look(now)
    if not found.followed:
        return None
    seconds = max((now - found.oldest_at).total_seconds(), 0.0) if found.oldest_at else None
    level, words = Level.WARNING, ""
    if found.failing:
        words = f"The last sync failed of {_some(found.failing)}."
    elif found.late:
        words = f"{_some(found.late, '. ')}."
    elif seconds is None:
        level, words = Level.FINE, "Not every upstream was asked yet."
    else:
        level, words = Level.FINE, f"Every channel heard from its upstream within {ago(seconds)}."
    return Part("sync", level, words, seconds, "seconds", found.oldest_at)


def _hanging(runs: Iterable[SyncRun], now: datetime) -> list[str]:
    """What is under way for too long, or was left by whoever worked on it."""
    found = []
    for run in runs:
        since = run.started_at
        if since is None:
            continue
        took = _ago(now, since)
        if run.lease_until < now - _LEFT:
            found.append(f"The sync of {run} was left after {took}, and nobody goes on with it")
        elif since < now - HANGS:
            found.append(f"The sync of {run} is under way for {took}")
    return found


def _overdue(known: Iterable[Subscription], runs: Collection[SyncRun], now: datetime) -> list[str]:
    """What should have been asked long ago, while no sync is under way that it may wait for."""
    if any(run.state == SyncRun.State.RUNNING and run.lease_until > now for run in runs):
        return []
    asked = {(run.upstream_id, run.channel_id) for run in runs}
    waiting = [run for run in runs if run.started_at is None and run.asked_at < now - OVERDUE]
    missed = [
        one
        for one in known
        if one.next_run_at < now - OVERDUE and (one.upstream_id, one.channel_id) not in asked
    ]
    return [
        *(f"The sync of {run} waits for {_ago(now, run.asked_at)} to begin" for run in waiting),
        *(f"{one} should have been asked {_ago(now, one.next_run_at)} ago" for one in missed),
    ]


def _ago(now: datetime, then: datetime) -> str:
    return ago((now - then).total_seconds())


def _some(texts: list[str], between: str = ", ") -> str:
    more = f" and {len(texts) - _NAMED} more" if len(texts) > _NAMED else ""
    return f"{between.join(texts[:_NAMED])}{more}"
