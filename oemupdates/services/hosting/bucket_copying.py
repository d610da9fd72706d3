"""Bringing the bucket in line with what is hosted: a worker at a time, and each file once.

Every step looks at what the bucket says it holds, so it may be cut short anywhere and be begun
again. The files stay on the disk; nodes are sent to an object only once it was seen to be whole.
"""

import logging
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from oemupdates.models import BucketCheck, BucketObject
from oemupdates.services.hosting import bucket
from oemupdates.services.shared.file_locks import alone
from oemupdates.upstream.bucket import Bucket, OtherBytes, Store, keys
from oemupdates.upstream.session import Route, Session, Unreachable

log = logging.getLogger(__name__)

# The bucket is asked again so often for each object, since others may take them away.
LOOK_AGAIN = timedelta(hours=1)
# What failed is tried again after so long: each try may send a whole payload.
TRY_AGAIN = timedelta(minutes=10)
# By then no web process sends nodes to an object that is to go.
FORGOTTEN = timedelta(minutes=1)
_LOCK = ".bucket.lock"


def tend(*, seconds: float) -> int:
    """Copy what is missing in the bucket and take away what nothing names; how many moved.

    Begins nothing new after that many seconds. Does nothing while another worker is at it.
    """
    place = bucket.place()
    if place is None:
        return 0
    with alone(Path(settings.PAYLOAD_DIR) / _LOCK) as is_alone:
        return _tend(place, time.monotonic() + seconds) if is_alone else 0


def _tend(place: Bucket, deadline: float) -> int:
    _settle_place(place)
    wanted = _plan(timezone.now())
    moved = 0
    try:
        with Session(Route(settings.S3_CA_FILE), settings.SYNC_BYTES_A_SECOND) as session:
            store = Store(session, place, keys())
            store.check()
            found_at = _found()
            for one in _until(deadline, _due(wanted, found_at, timezone.now())):
                moved += _try(store, one)
            for one in _until(deadline, _leaving(timezone.now())):
                moved += _try(store, one)
    except Unreachable as problem:
        log.warning("The bucket cannot be used: %s", problem)
        _lost(str(problem))
    return moved


def _until(deadline: float, rows: Iterable[BucketObject]) -> Iterable[BucketObject]:
    for row in rows:
        if time.monotonic() > deadline:
            return
        yield row


@transaction.atomic
def _settle_place(place: Bucket) -> None:
    """Forget what was known of a bucket or a folder that the settings do not name any more."""
    now = timezone.now()
    check, is_new = BucketCheck.objects.get_or_create(
        pk=BucketCheck.ONLY,
        defaults={"url": place.url, "checked_at": now, "lost_at": now},
    )
    if not is_new and check.url != place.url:
        BucketObject.objects.all().delete()
        BucketCheck.objects.filter(pk=check.pk).update(
            url=place.url, checked_at=now, found_at=None, lost_at=now, problem=""
        )


def _plan(now: datetime) -> set[str]:
    """Write down which objects there are to be, and which are to go; the keys that can be copied.

    What is damaged on the disk is not copied, and stays where it is whole.
    """
    rows = bucket.hosted().values_list(
        "release__architecture", "release__version", "name", "size", "sha256", "is_verified"
    )
    # Two applications may share a file: who has verified it knows best.
    rows = rows.order_by("is_verified")
    named = {
        f"{architecture}-usr/{version}/{name}": (size, sha256, is_verified)
        for architecture, version, name, size, sha256, is_verified in rows
    }
    known = {row.key: row for row in BucketObject.objects.all()}
    BucketObject.objects.bulk_create(
        (
            BucketObject(key=key, size=size, sha256=sha256)
            for key, (size, sha256, is_verified) in named.items()
            if is_verified and key not in known
        ),
        ignore_conflicts=True,
    )
    for key, row in known.items():
        size, sha256, _ = named.get(key, (row.size, row.sha256, False))
        left_at = None if key in named else row.left_at or now
        if (size, sha256, left_at) != (row.size, row.sha256, row.left_at):
            BucketObject.objects.filter(pk=row.pk).update(
                size=size, sha256=sha256, left_at=left_at, stored_at=None, failed_at=None
            )
    return {key for key, (_, _, is_verified) in named.items() if is_verified}


def _due(wanted: set[str], found_at: datetime, now: datetime) -> list[BucketObject]:
    """What is not known to be in the bucket, and then what was looked at longest ago."""
    looked = Q(stored_at__lt=max(found_at, now - LOOK_AGAIN))
    is_time = Q(failed_at=None) | Q(failed_at__lt=now - TRY_AGAIN)
    rows = BucketObject.objects.filter(looked | Q(stored_at=None) & is_time, left_at=None)
    return [
        row
        for row in rows.order_by(F("stored_at").asc(nulls_first=True), "pk")
        if row.key in wanted or row.stored_at
    ]


def _leaving(now: datetime) -> QuerySet[BucketObject]:
    """What no release names, and no node was sent to for a while."""
    is_time = Q(failed_at=None) | Q(failed_at__lt=now - TRY_AGAIN)
    return BucketObject.objects.filter(is_time, left_at__lt=now - FORGOTTEN)


def _try(store: Store, row: BucketObject) -> bool:
    """Bring an object, or take it away; whether anything moved.

    What goes wrong with one keeps no other; when it is the bucket itself, that is raised.
    """
    is_there, why = False, ""
    try:
        if row.left_at:
            store.delete(row.key)
            BucketObject.objects.filter(pk=row.pk, left_at=row.left_at).delete()
            return True
        is_there = _is_there(store, row)
        why = "" if is_there else _bring(store, row)
    except Unreachable as problem:
        why = str(problem)
    if why:
        store.check()
    same = BucketObject.objects.filter(pk=row.pk, sha256=row.sha256, left_at=row.left_at)
    if why:
        same.update(stored_at=None, failed_at=timezone.now(), problem=why[:300])
    else:
        same.update(stored_at=timezone.now(), failed_at=None, problem="")
    return not is_there and not why


def _is_there(store: Store, row: BucketObject) -> bool:
    """Whether the bucket says that it holds an object as it must be.

    One that tells no checksums is believed where the object was read from it before.
    """
    held = store.look(row.key)
    if held is None or held.size != row.size:
        return False
    return held.sha256 == row.sha256 if held.sha256 else row.stored_at is not None


def _bring(store: Store, row: BucketObject) -> str:
    """Put an object into the bucket, and see what it holds then; why it is not right, if so."""
    # Whatever is there, nodes are not sent to it meanwhile.
    BucketObject.objects.filter(pk=row.pk).update(stored_at=None)
    try:
        store.put(row.key, Path(settings.PAYLOAD_DIR) / row.key, row.sha256)
    except OtherBytes:
        return f"{row.key} is not on this server's disk as it was registered."
    except OSError as problem:
        return f"{row.key} cannot be read on this server's disk: {problem.strerror}."
    held = store.look(row.key)
    sha256 = held.sha256 or store.read(row.key) if held else ""
    if held is None or (held.size, sha256) != (row.size, row.sha256):
        return f"{row.key} is not in the bucket as it was sent there."
    return ""


def _found() -> datetime:
    """Note that the bucket answers; since when.

    It may be another one than before it was lost, so all that is in it is looked at again.
    """
    now = timezone.now()
    check = BucketCheck.objects.filter(pk=BucketCheck.ONLY)
    check.update(checked_at=now, found_at=Coalesce("found_at", now), lost_at=None, problem="")
    return check.values_list("found_at", flat=True).get() or now


def _lost(why: str) -> None:
    """Note that the bucket does not answer; from now on nodes get everything from here."""
    now = timezone.now()
    BucketCheck.objects.filter(pk=BucketCheck.ONLY).update(
        checked_at=now, lost_at=Coalesce("lost_at", now), found_at=None, problem=why[:500]
    )
