"""What is published beside a release's payloads: its version, its notes, its lists of packages."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils import timezone

from oemupdates.domain.published import package_lists
from oemupdates.domain.version import without_build
from oemupdates.models import PackageList, Release
from oemupdates.services.shared import activity
from oemupdates.services.shared.configuration import changing
from oemupdates.services.sync.sync_releases import Job
from oemupdates.upstream import release_server
from oemupdates.upstream.session import Unreachable

# Notes and lists come out some time after the release, or never.
_LOOK_AGAIN, _LOOK_FOR = timedelta(hours=6), timedelta(days=14)


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
    """Fetch notes and lists of packages that are not here, if it is time to.

    What cannot be had now is a remark, and is asked for again; the rest is kept.
    """
    upstream, now = job.run.upstream, timezone.now()
    if job.run.is_dry or not (upstream.feed or upstream.images_server):
        return
    lists = _missing_lists(job, release)
    lacks_notes = bool(upstream.feed) and not (release.notes and release.published_on)
    if not _is_due(release, now, lacks_something=lacks_notes or bool(lists)):
        return
    job.keeper.say(f"Looking for what is published with {release.version}")
    found = _Found()
    if lacks_notes:
        with found.as_far_as_it_comes():
            found.notes = release_server.notes(
                job.session, upstream.feed, release.version, _channel(job)
            )
    url = release_server.folder(upstream.images_server, job.board, release.version, _channel(job))
    for name, stem in lists.items():
        job.keeper.check()
        with found.as_far_as_it_comes():
            if text := release_server.packages(job.session, url, stem):
                found.lists[name] = text
    job.keeper.make_sure()
    _write(job, release, found, now)


@dataclass(slots=True)
class _Found:
    """What was published beside a release, and why something of it could not be had."""

    notes: release_server.Notes | None = None
    lists: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @contextmanager
    def as_far_as_it_comes(self) -> Iterator[None]:
        """Go on behind the block if the other side cannot be reached in it."""
        try:
            yield
        except Unreachable as problem:
            self.problems.append(str(problem))


def _missing_lists(job: Job, release: Release) -> dict[str, str]:
    if not job.run.upstream.images_server:
        return {}
    wanted = package_lists(release.payloads.values_list("name", flat=True))
    here = set(release.package_lists.values_list("name", flat=True))
    return {name: stem for name, stem in wanted.items() if name not in here}


def _is_due(release: Release, now: datetime, *, lacks_something: bool) -> bool:
    if release.documented_at is None:
        return True
    is_young = now - release.registered_at < _LOOK_FOR
    return lacks_something and is_young and now - release.documented_at > _LOOK_AGAIN


def _channel(job: Job) -> str:
    """The channel's name on release servers, where all of LTS is one."""
    return "lts" if job.track.startswith("lts-") else job.track


def _write(job: Job, release: Release, found: _Found, now: datetime) -> None:
    """Keep what was found; notes that an operator wrote stay."""
    notes = found.notes
    with changing():
        row = Release.objects.get(pk=release.pk)
        if not found.problems:
            row.documented_at = now
        if notes and notes.text and not row.notes:
            row.notes = notes.text
            job.changes.append(f"The notes of {row.version} are here.")
        if notes and notes.published_on:
            row.published_on = notes.published_on
        row.save(update_fields=["documented_at", "notes", "published_on"])
        PackageList.objects.bulk_create(
            [
                PackageList(release=row, name=name, content=text)
                for name, text in found.lists.items()
            ],
            update_conflicts=True,
            unique_fields=["release", "name"],
            update_fields=["content", "is_read"],
        )
    if count := len(found.lists):
        many = f"{count} lists of packages of {row.version} are here."
        one = f"A list of packages of {row.version} is here."
        job.changes.append(many if count > 1 else one)
    if found.problems:
        job.remarks.append(
            f"Not all that is published with {row.version} could be had, and it is asked for"
            f" again: {found.problems[0]}"
        )
