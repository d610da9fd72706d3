"""Verifying the chain of activity: nothing changed, removed, inserted or cut off."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from django.utils import timezone

from oemupdates.domain.chain import START
from oemupdates.models import Activity, ActivityCheck

_CHUNK = 2000
_MAX_PROBLEM = 300


@dataclass(frozen=True, slots=True)
class Found:
    """How far the chain is whole: rows, the last of them and its hash; and what is wrong."""

    rows: int = 0
    last_id: int | None = None
    last_hash: str = START
    problem: str = ""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problem


def verify(known: str = "") -> Found:
    """Read the chain from its start to its first fault.

    `known` is a hash that was seen before, and kept elsewhere: a chain whose end was cut off is
    whole in itself, and only misses that.
    """
    found, seen = _follow(Found(), {known, START})
    if found.is_whole and known and known not in seen:
        return replace(found, problem=f"No row has the hash {known}: the end was cut off.")
    return found


def check() -> Found:
    """Verify the chain against where it ended at the last check, and remember the outcome."""
    before = _last()
    return _remember(verify(before.last_hash), before)


def check_new() -> Found:
    """Verify what came since the last check, and remember the outcome.

    A fault that was found stays one until the whole chain is read again.
    """
    before = _last()
    if not before.is_whole:
        return before
    if before.last_id is not None:
        there = Activity.objects.filter(pk=before.last_id, hash=before.last_hash)
        if not there.exists():
            problem = f"Row {before.last_id} is gone, or another: the end was cut off."
            return _remember(replace(before, problem=problem), before)
    return _remember(_follow(before)[0], before)


def _last() -> Found:
    row = ActivityCheck.objects.filter(pk=ActivityCheck.ONLY).first()
    return Found(row.rows, row.last_id, row.last_hash, row.problem) if row else Found()


def _remember(found: Found, before: Found) -> Found:
    """Keep how far the chain is whole; where it is not, how far it was."""
    kept = found if found.is_whole else replace(before, problem=found.problem)
    ActivityCheck.objects.update_or_create(
        pk=ActivityCheck.ONLY,
        defaults={
            "checked_at": timezone.now(),
            "rows": kept.rows,
            "last_id": kept.last_id,
            "last_hash": kept.last_hash,
            "problem": kept.problem[:_MAX_PROBLEM],
        },
    )
    return found


def _follow(found: Found, watched: Collection[str] = ()) -> tuple[Found, set[str]]:
    """Read on from where a chain was found whole; which of the hashes that are watched are in it.

    A chunk at a time: nobody waits for a long look, neither at the rows nor at the disk.
    """
    rows, last_id, last_hash = found.rows, found.last_id, found.last_hash
    seen = {START}
    while True:
        chunk = list(Activity.objects.filter(pk__gt=last_id or 0).order_by("pk")[:_CHUNK])
        for row in chunk:
            if problem := _problem(row, last_hash):
                return Found(rows, last_id, last_hash, problem), seen
            rows, last_id, last_hash = rows + 1, row.pk, row.hash
            if row.hash in watched:
                seen.add(row.hash)
        if len(chunk) < _CHUNK:
            return Found(rows, last_id, last_hash), seen


def _problem(row: Activity, previous: str) -> str:
    if row.previous_hash != previous:
        return f"Row {row.pk} does not follow the row before it: one was removed or inserted."
    if row.hash != row.link(previous):
        return f"Row {row.pk} is not what was written: it was changed."
    return ""
