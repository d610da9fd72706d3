"""Looking after hosted payloads: nobody is offered a file that is gone from disk, or rotted."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

from django.db.models import Q, QuerySet
from django.utils import timezone

from oemupdates.domain import demo
from oemupdates.models import Payload
from oemupdates.services.hosting.hosting import hosted_folder
from oemupdates.services.shared import activity
from oemupdates.services.shared.configuration import changing

READ_AGAIN = timedelta(days=7)
GONE = "it is not on this server's disk any more"
ROTTED = "its bytes on this server's disk are not what they were"


def scrub(now: datetime, *, most_bytes: int) -> int:
    """See that hosted payloads are there, and read some of them again; how many were read.

    All are looked at; those whose last reading is longest ago are read, until `most_bytes` went
    by. Nodes are offered what is whole again as soon as it is seen.
    """
    gone, back, due = [], [], []
    for payload in _hosted():
        is_there = _is_there(payload)
        if not is_there and not payload.damaged_because:
            gone.append(payload)
        elif is_there and payload.damaged_because == GONE:
            back.append(payload)
        elif is_there and _is_due(payload, now):
            due.append(payload)
    _take_back(gone, GONE, now)
    _give_back(back)
    due.sort(key=lambda payload: (payload.read_at is not None, payload.read_at))
    read = 0
    for payload in due:
        if most_bytes <= 0:
            break
        _read(payload)
        most_bytes -= payload.size
        read += 1
    return read


def damaged() -> QuerySet[Payload]:
    """The hosted payloads that nodes wait for, since they are gone or rotted."""
    return Payload.objects.exclude(damaged_because="")


def _hosted() -> QuerySet[Payload]:
    """What this server has read once and hosts; the demo fleet's files never were here."""
    known = Payload.objects.filter(Q(is_verified=True) | ~Q(damaged_because=""))
    return (
        known.filter(release__codebase="")
        .exclude(release__application__uuid=demo.APPLICATION)
        .select_related("release")
        .defer("release__notes")
    )


def _path(payload: Payload) -> Path:
    release = payload.release
    return hosted_folder(board=release.board, version=release.version) / payload.name


def _is_there(payload: Payload) -> bool:
    with suppress(OSError):
        return _path(payload).stat().st_size == payload.size
    return False


def _is_due(payload: Payload, now: datetime) -> bool:
    if payload.read_at is None or now - payload.read_at > READ_AGAIN:
        return True
    with suppress(OSError):
        # Somebody may have put a good copy in the place of a rotted one.
        is_newer = _path(payload).stat().st_mtime > payload.read_at.timestamp()
        return bool(payload.damaged_because) and is_newer
    return False


def _read(payload: Payload) -> None:
    """Read a file once more, and act on what it is now."""
    began = timezone.now()
    try:
        with _path(payload).open("rb") as file:
            is_whole = hashlib.file_digest(file, "sha256").hexdigest() == payload.sha256
    except FileNotFoundError:
        return  # the next look finds it gone
    except OSError:
        is_whole = False  # a disk that cannot be read is as bad as one that lies
    if not is_whole:
        _take_back([payload], ROTTED, began)
        return
    Payload.objects.filter(pk=payload.pk).update(read_at=began)
    if payload.damaged_because:
        _give_back([payload])


def _take_back(payloads: Iterable[Payload], because: str, at: datetime) -> None:
    """Offer payloads to nobody until they are whole again."""
    for found in _by_release(payloads):
        with changing():
            # One that an import has put back meanwhile is good.
            lost = [one for one in found if because != GONE or not _is_there(one)]
            rows = Payload.objects.filter(pk__in=[one.pk for one in lost])
            rows.update(read_at=at)
            if rows.filter(is_verified=True).update(is_verified=False, damaged_because=because):
                activity.record(
                    verb="release.damaged",
                    subject=found[0].release,
                    by=None,
                    after={one.name: because for one in lost},
                )


def _give_back(payloads: Iterable[Payload]) -> None:
    for found in _by_release(payloads):
        with changing():
            rows = Payload.objects.filter(pk__in=[one.pk for one in found])
            mended = rows.exclude(damaged_because="")
            if mended.update(is_verified=True, damaged_because=""):
                activity.record(
                    verb="release.mended",
                    subject=found[0].release,
                    by=None,
                    after={"payloads": [one.name for one in found]},
                )


def _by_release(payloads: Iterable[Payload]) -> Iterable[list[Payload]]:
    found: defaultdict[int, list[Payload]] = defaultdict(list)
    for payload in payloads:
        found[payload.release_id].append(payload)
    return found.values()
