"""What is published beside a release's payloads: its version, its notes, its lists of packages."""

from datetime import datetime, timedelta

from django.utils import timezone

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.domain.version import without_build
from oemupdates.models import PackageList, Release
from oemupdates.services import activity
from oemupdates.services.configuration import changing
from oemupdates.services.sync_releases import Job
from oemupdates.upstream import release_server
from oemupdates.upstream.session import Unreachable

# Notes come out some time after the release.
_LOOK_AGAIN, _LOOK_FOR = timedelta(hours=6), timedelta(days=14)
_OS_LIST = "flatcar_production_image"


class AnotherVersion(activity.Refused):
    """What is published under a version says that it is another one."""


def check_version(job: Job, version: str) -> None:
    """Compare a version with the `version.txt` in its folder; raises `AnotherVersion`.

    Builds of one version have a suffix, which nodes do not see. What cannot be asked is a remark.
    """
    server = job.run.upstream.images_server
    if not server:
        return
    url = release_server.folder(server, job.board, version, _channel(job))
    try:
        said = release_server.version(job.session, url)
    except Unreachable as problem:
        job.remarks.append(f"version.txt was not compared: {problem}")
        return
    if said is None:
        job.remarks.append(f"{url} has no version.txt to compare with.")
    elif without_build(said) != without_build(version):
        raise AnotherVersion(f"{url}version.txt says {said}, and {version} was announced.")


def look(job: Job, release: Release) -> None:
    """Fetch notes and lists of packages, if it is time to; what cannot be had is a remark."""
    upstream, now = job.run.upstream, timezone.now()
    if (
        job.run.is_dry
        or not (upstream.feed or upstream.images_server)
        or not _is_due(release, now)
    ):
        return
    job.keeper.say(f"Looking for what is published with {release.version}")
    notes, lists = None, {}
    try:
        if upstream.feed:
            notes = release_server.notes(
                job.session, upstream.feed, release.version, _channel(job)
            )
        if upstream.images_server and release.documented_at is None:
            lists = _lists(job, release)
    except Unreachable as problem:
        job.remarks.append(f"Not all that is published with it could be had: {problem}")
    job.keeper.make_sure()
    _write(job, release, notes, lists, now)


def _is_due(release: Release, now: datetime) -> bool:
    if release.documented_at is None:
        return True
    is_young = now - release.registered_at < _LOOK_FOR
    return not release.notes and is_young and now - release.documented_at > _LOOK_AGAIN


def _channel(job: Job) -> str:
    """The channel's name on release servers, where all of LTS is one."""
    return "lts" if job.track.startswith("lts-") else job.track


def _lists(job: Job, release: Release) -> dict[str, str]:
    url = release_server.folder(
        job.run.upstream.images_server, job.board, release.version, _channel(job)
    )
    found = {}
    for name in release.payloads.values_list("name", flat=True):
        stem = _OS_LIST if name == OS_PAYLOAD else name.removesuffix(".gz")
        job.keeper.check()
        if text := release_server.packages(job.session, url, stem):
            found[stem] = text
    return found


def _write(
    job: Job,
    release: Release,
    notes: release_server.Notes | None,
    lists: dict[str, str],
    now: datetime,
) -> None:
    """Keep what was found; notes that an operator wrote stay."""
    with changing():
        row = Release.objects.get(pk=release.pk)
        row.documented_at = now
        if notes and notes.text and not row.notes:
            row.notes = notes.text
            job.changes.append(f"The notes of {row.version} are here.")
        if notes and notes.published_on:
            row.published_on = notes.published_on
        row.save(update_fields=["documented_at", "notes", "published_on"])
        PackageList.objects.bulk_create(
            [PackageList(release=row, name=name, content=text) for name, text in lists.items()],
            update_conflicts=True,
            unique_fields=["release", "name"],
            update_fields=["content", "is_read"],
        )
    if lists:
        job.changes.append(f"{len(lists)} lists of packages of {row.version} are here.")
