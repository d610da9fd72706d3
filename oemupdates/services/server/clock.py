"""What the clock does: every task, how often, and whether it is done as often as that."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from oemupdates.domain.health import Level, Part, ago
from oemupdates.models import Heartbeat

_HOUR, _MINUTE = 3600, 60
# What each task does, and in how many seconds it is to begin again, as the beat has it.
_TASKS = {
    "measure_drift": ("Measure drift where something moved", _MINUTE),
    "mark_dark_nodes": ("Mark nodes dark that were not heard", _MINUTE),
    "take_sample": ("Take the hour's sample of the counters", _MINUTE),
    "repair_counters": ("Count all nodes anew, and mend counters that drifted", _HOUR),
    "tell_webhooks": ("Find what webhooks are to be told, and send it", 5),
    "advance_bulk_changes": ("Go on with changes of many nodes", 10),
    "sync_upstreams": ("Ask upstreams for releases, and fetch them", 15),
    "import_bundles": ("Take in the bundles that somebody brought", 10),
    "verify_announced": ("Fetch and verify what was announced", 10),
    "scrub_payloads": ("Read hosted payloads again", 600),
    "tend_bucket": ("Bring the bucket in line with what is hosted, if there is one", _MINUTE),
    "look_for_holes": ("Read lists of packages, and count the nodes with known holes", 600),
    "verify_new_activity": ("Verify what was added to the chain of activity", _MINUTE),
    "verify_activity": ("Verify the whole chain of activity", 6 * _HOUR),
    "forget_old_history": ("Delete what is older than it is kept", _HOUR),
    "tend_demo_fleet": ("Load, keep alive or remove the demo fleet", 5),
}
# A task that was due twice and did not end for this long is late: some of them work a while.
_GRACE = timedelta(minutes=10)
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Work:
    """One thing that the clock does: what, in how many seconds again, and when it did it last."""

    name: str
    words: str
    seconds: int
    beat: Heartbeat | None
    is_late: bool

    @property
    def every(self) -> str:
        """How often it is done, as people say it."""
        for unit, size in (("hour", _HOUR), ("minute", _MINUTE), ("second", 1)):
            number, rest = divmod(self.seconds, size)
            if number and not rest:
                return unit if number == 1 else f"{number} {unit}s"
        return ""


def works(now: datetime, beats: Mapping[str, Heartbeat]) -> list[Work]:
    """Everything that the clock does, by what each part of this server said last."""
    return [
        Work(name, words, seconds, beats.get(name), _is_late(seconds, beats.get(name), now))
        for name, (words, seconds) in _TASKS.items()
    ]


def part(now: datetime, beats: Mapping[str, Heartbeat]) -> Part:
    """Whether everything is done as often as it should be.

    What was never done is not late: a server that just began has done little yet.
    """
    late = [work for work in works(now, beats) if work.is_late]
    if not late:
        return Part("clock", Level.FINE, "Everything that the clock does was done in time.", 0)
    told = [f"{one.name} ({_since(one, now)})" for one in late[:_NAMED]]
    more = f" and {len(late) - _NAMED} more" if len(late) > _NAMED else ""
    words = f"The clock is behind with {', '.join(told)}{more}."
    return Part("clock", Level.WARNING, words, len(late), "tasks")


def _is_late(seconds: int, beat: Heartbeat | None, now: datetime) -> bool:
    return beat is not None and now - beat.at > timedelta(seconds=2 * seconds) + _GRACE


def _since(work: Work, now: datetime) -> str:
    return f"last done {ago((now - work.beat.at).total_seconds())} ago" if work.beat else "never"
