"""Verifying the chain of activity: nothing changed, removed, inserted or cut off."""

from dataclasses import dataclass

from django.utils import timezone

from oemupdates.domain.chain import START
from oemupdates.models import Activity, ActivityCheck

_CHUNK = 2000


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
    rows, last_id, last_hash = 0, None, START
    is_known = known in {"", START}
    for row in Activity.objects.order_by("id").iterator(_CHUNK):
        problem = _problem(row, last_hash)
        if problem:
            return Found(rows, last_id, last_hash, problem)
        rows, last_id, last_hash = rows + 1, row.pk, row.hash
        is_known = is_known or row.hash == known
    problem = "" if is_known else f"No row has the hash {known}: the end was cut off."
    return Found(rows, last_id, last_hash, problem)


def check() -> Found:
    """Verify the chain against where it ended at the last check, and remember the outcome."""
    before = ActivityCheck.objects.filter(pk=ActivityCheck.ONLY).first()
    found = verify(before.last_hash if before else "")
    kept = (
        found
        if found.is_whole or before is None
        else Found(before.rows, before.last_id, before.last_hash, found.problem)
    )
    ActivityCheck.objects.update_or_create(
        pk=ActivityCheck.ONLY,
        defaults={
            "checked_at": timezone.now(),
            "rows": kept.rows,
            "last_id": kept.last_id,
            "last_hash": kept.last_hash,
            "problem": kept.problem,
        },
    )
    return found


def _problem(row: Activity, previous: str) -> str:
    if row.previous_hash != previous:
        return f"Row {row.pk} does not follow the row before it: one was removed or inserted."
    if row.hash != row.link(previous):
        return f"Row {row.pk} is not what was written: it was changed."
    return ""
