"""The bucket that nodes are sent to for payloads: where it is, what is in it, and how it is."""

from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Count, QuerySet, Sum
from django.utils import timezone

from oemupdates.domain import demo
from oemupdates.domain.health import Level, Part, ago
from oemupdates.models import BucketCheck, BucketObject, Payload
from oemupdates.upstream import bucket
from oemupdates.upstream.bucket import Bucket, Keys

# No worker said anything of the bucket for so long: nobody knows any more what is in it.
SILENT = timedelta(hours=6)


class Standing(NamedTuple):
    """How many payloads are hosted and how many of them the bucket has; `size` is in bytes.

    `lost_at` is since when it does not answer, and `problem` the last failure in words.
    """

    url: str
    hosted: int
    stored: int
    size: int
    checked_at: datetime | None
    lost_at: datetime | None
    problem: str


class Shelf(NamedTuple):
    """What nodes can be sent to the bucket for, and what links are signed with."""

    place: Bucket
    held: frozenset[str]
    by: Keys

    def link(self, key: str) -> str:
        """The URL by which a node can fetch an object; empty for what is not there."""
        if key not in self.held:
            return ""
        return bucket.link(self.place, key, self.by, seconds=settings.S3_LINK_SECONDS)


def place() -> Bucket | None:
    """Where the bucket of the settings is; None if there is none."""
    name = settings.S3_BUCKET
    if not name:
        return None
    has_own_host = (urlsplit(settings.S3_ENDPOINT).hostname or "").startswith(f"{name}.".lower())
    root = f"{settings.S3_ENDPOINT}/" if has_own_host else f"{settings.S3_ENDPOINT}/{name}/"
    return Bucket(root, root + settings.S3_PREFIX, settings.S3_REGION)


def hosted() -> QuerySet[Payload]:
    """The payloads of releases that this server hosts; the demo fleet's have no files."""
    return Payload.objects.filter(release__codebase="").exclude(
        release__application__uuid=demo.APPLICATION
    )


def shelf() -> Shelf | None:
    """What nodes can be sent to the bucket for; None if it does not answer, or nobody looks.

    May ask for keys over the network. Raises `upstream.session.Forbidden`.
    """
    there = place()
    check = _check(there)
    if there is None or check is None or check.found_at is None:
        return None
    if check.checked_at < timezone.now() - SILENT:
        return None
    rows = BucketObject.objects.seen_since(check.found_at)
    held = frozenset(rows.values_list("key", flat=True))
    return Shelf(there, held, bucket.keys()) if held else None


def standing() -> Standing | None:
    """How the bucket stands; None where there is none."""
    there = place()
    if there is None:
        return None
    check = _check(there)
    rows = BucketObject.objects.filter(left_at=None)
    stored = rows.exclude(stored_at=None)
    if check and check.found_at:
        stored = stored.seen_since(check.found_at)
    held = stored.aggregate(number=Count("pk"), size=Sum("size", default=0))
    failed = BucketObject.objects.exclude(failed_at=None).order_by("-failed_at").first()
    problem = check.problem if check else ""
    wanted = hosted().filter(is_verified=True).order_by()
    places = wanted.values("release__architecture", "release__version", "name").distinct()
    return Standing(
        url=there.url,
        hosted=places.count(),
        stored=held["number"] if check else 0,
        size=held["size"] if check else 0,
        checked_at=check.checked_at if check else None,
        lost_at=check.lost_at if check else None,
        problem=problem or (failed.problem if failed else ""),
    )


def part(now: datetime) -> Part | None:
    """How the bucket is, as a part of this server; None where there is none."""
    found = standing()
    if found is None:
        return None
    level, words = Level.FINE, f"{found.stored:,} of {found.hosted:,} payloads are in the bucket."
    if found.checked_at is None:
        words = "The bucket was not looked at yet."
    elif found.lost_at is not None:
        gone = ago(max((now - found.lost_at).total_seconds(), 0.0))
        level = Level.WARNING
        words = (
            f"The bucket cannot be used for {gone}: nodes get payloads from here. {found.problem}"
        )
    elif found.problem:
        level, words = Level.WARNING, f"{words} {found.problem}"
    return Part("bucket", level, words, found.stored, "payloads", found.checked_at)


def _check(there: Bucket | None) -> BucketCheck | None:
    """What was found at that place; nothing that was found elsewhere counts."""
    if there is None:
        return None
    return BucketCheck.objects.filter(pk=BucketCheck.ONLY, url=there.url).first()
