"""Advisories: those that come with the product, and those that operators bring."""

import json
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.db import transaction

from oemupdates.domain import advisory
from oemupdates.models import Advisory, Operator
from oemupdates.services.shared import activity

# Each is matched against every image at each look.
MOST = 1000
MOST_BYTES = 200_000


class CannotTakeAdvisory(activity.Refused):
    """It is none that can be matched, or an older one than what is here."""


class CannotRemoveAdvisory(activity.Refused):
    """It comes with the product."""


def known() -> Iterator[tuple[Advisory, advisory.Advisory]]:
    """Every advisory that holds, the newest name first, as its row and as it is matched."""
    for row in Advisory.objects.all():
        found = advisory.read(row.content)
        if found.withdrawn_at is None:
            yield row, found


def take(said: object, *, by: Operator | None, why: str = "") -> Advisory:
    """Take an advisory in OSV's format; the same again changes nothing.

    Raises `CannotTakeAdvisory`.
    """
    try:
        found = advisory.read(said)
        text = json.dumps(said, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError) as error:  # what no database keeps among them
        raise CannotTakeAdvisory(str(error)[:300]) from error
    if len(text) > MOST_BYTES or b"\\u0000" in text:
        raise CannotTakeAdvisory(f"It is longer than {MOST_BYTES} bytes, or has a zero character.")
    with transaction.atomic():
        row = Advisory.objects.select_for_update().filter(name=found.id).first()
        if row is not None and row.content == said:
            return row
        if row is not None and found.modified_at <= row.modified_at:
            raise CannotTakeAdvisory(
                f"{found.id} is here as of {row.modified_at:%Y-%m-%d %H:%M}, and this is no later."
            )
        if row is None and Advisory.objects.count() >= MOST:
            raise CannotTakeAdvisory(f"There are {MOST} advisories: remove one first.")
        row = row or Advisory(name=found.id)
        row.content, row.modified_at, row.is_own = said, found.modified_at, True
        row.save()
        after: dict[str, activity.Value] = {"packages": ", ".join(sorted(found.packages))}
        activity.record(verb="advisory.taken", subject=row, by=by, after=after, why=why)
    return row


def remove(row: Advisory, *, by: Operator | None, why: str = "") -> None:
    """Forget an advisory that operators brought; raises `CannotRemoveAdvisory`."""
    with transaction.atomic():
        row = Advisory.objects.select_for_update().get(pk=row.pk)
        if not row.is_own:
            raise CannotRemoveAdvisory(f"{row} comes with the product.")
        named = activity.Named("advisory", row.name, row.pk)
        row.delete()
        activity.record(verb="advisory.removed", subject=named, by=by, why=why)


def load_shipped(folder: Path | None = None) -> int:
    """Write down the advisories of this version of the product; how many were new to it.

    What operators brought under the same name stays, unless ours was modified later.
    """
    there = dict(Advisory.objects.values_list("name", "modified_at"))
    loaded = 0
    for path in sorted((folder or settings.BASE_DIR / "advisories").glob("*.json")):
        said = json.loads(path.read_bytes())
        found = advisory.read(said)
        if found.id in there and there[found.id] >= found.modified_at:
            continue
        values = {"content": said, "modified_at": found.modified_at, "is_own": False}
        Advisory.objects.update_or_create(name=found.id, defaults=values)
        loaded += 1
    return loaded
