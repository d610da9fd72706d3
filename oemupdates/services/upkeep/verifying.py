"""Reading the payloads that a script announced, so that nodes may have them: workers do it."""

from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from oemupdates.models import Operator, Payload, Release, Upstream, Verification
from oemupdates.services.hosting import disk_room
from oemupdates.services.releases import release_additions
from oemupdates.services.shared import activity
from oemupdates.services.shared.file_locks import alone
from oemupdates.upstream import download
from oemupdates.upstream.download import CannotFetch
from oemupdates.upstream.omaha import Package
from oemupdates.upstream.session import Route, Session, Unreachable

# A release whose workers die again and again is what kills them.
MAX_ATTEMPTS = 5
# Beside the boards; the payload server knows no such board.
_FETCHED = ".fetched"
_State = Verification.State


class CannotVerify(activity.Refused):
    """The release is hosted here, is verified, or is being verified already."""


def ask(release: Release, *, by: Operator | None) -> Verification:
    """Let a worker fetch and judge what of a release is not verified; raises `CannotVerify`."""
    if not release.codebase:
        raise CannotVerify(f"{release} is hosted here: bring the files that it lacks instead.")
    if not release.payloads.filter(is_verified=False).exists():
        raise CannotVerify(f"Every payload of {release} is verified.")
    row = Verification(release=release, asked_at=timezone.now(), asked_by=by)
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            activity.record(verb="release.verification_asked", subject=release, by=by)
    except IntegrityError:
        raise CannotVerify(f"{release} is being verified already.") from None
    return row


def work_open() -> int:
    """Work on every release that waits and that nobody works on; how many."""
    worked = 0
    for key in list(Verification.objects.filter(state=_State.OPEN).values_list("pk", flat=True)):
        with alone(_root() / f"verification-{key}.lock") as is_alone:
            if is_alone and (row := _begin(key)):
                _work(row)
                worked += 1
    return worked


def _root() -> Path:
    return Path(settings.PAYLOAD_DIR) / _FETCHED


def _begin(key: int) -> Verification | None:
    """Count an attempt; None if it was ended by somebody else meanwhile."""
    rows = Verification.objects.filter(pk=key, state=_State.OPEN)
    if not rows.update(attempt=F("attempt") + 1):
        return None
    found = rows.select_related("release__application", "asked_by").get()
    if found.attempt > MAX_ATTEMPTS:
        _end(found, [], f"Whoever worked on it ended {MAX_ATTEMPTS} times.")
        return None
    return found


def _work(row: Verification) -> None:
    """Judge one file after the other, so that the disk needs room for one alone."""
    release = row.release
    results, problems = [], []
    with Session(_route(release.codebase)) as session:
        for payload in release.payloads.filter(is_verified=False):
            try:
                _verify(session, release, payload, by=row.asked_by)
            except (activity.Refused, CannotFetch, Unreachable, OSError) as problem:
                problems.append(f"{payload.name} is not verified. {problem}")
            else:
                results.append(f"{payload.name} is verified.")
    _end(row, results, "\n".join(problems))


def _verify(session: Session, release: Release, payload: Payload, *, by: Operator | None) -> None:
    wanted = Package(payload.name, payload.name, payload.size, payload.sha1, payload.sha256)
    with TemporaryDirectory(dir=_root()) as name, disk_room.taking(Path(name), payload.size):
        place = Path(name) / payload.name
        download.fetch(session, [release.codebase + payload.name], wanted, place, lambda _: None)
        release_additions.add(release, Path(name), by=by)


def _route(codebase: str) -> Route:
    """As the upstream of the same host is reached, if there is one."""
    host = urlsplit(codebase).netloc
    for upstream in Upstream.objects.all():
        if host in {urlsplit(upstream.address).netloc, urlsplit(upstream.release_server).netloc}:
            return Route(upstream.ca_file, upstream.proxy)
    return Route()


def _end(row: Verification, results: list[str], problem: str) -> None:
    Verification.objects.filter(pk=row.pk, state=_State.OPEN, attempt=row.attempt).update(
        state=_State.FAILED if problem else _State.DONE,
        ended_at=timezone.now(),
        results=results,
        problem=problem,
    )
