"""Fetching one release as an upstream announces it: whole, as announced, or not at all."""

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from django.db.models import Q, QuerySet
from django.template.defaultfilters import filesizeformat

from oemupdates.models import Payload, Release, SyncRun, Upstream
from oemupdates.services.hosting import disk_room
from oemupdates.services.hosting.hosting import hosted_folder
from oemupdates.services.hosting.payload_files import Folder, why_left_out
from oemupdates.services.releases import origins
from oemupdates.services.releases.releases import Source, import_release
from oemupdates.services.shared import activity
from oemupdates.services.sync.sync_keeper import Keeper
from oemupdates.services.sync.sync_staging import staging
from oemupdates.upstream import download, release_server
from oemupdates.upstream.omaha import Manifest, Package
from oemupdates.upstream.session import Session


class CannotTake(activity.Refused):
    """The release is another than the one that is known."""


@dataclass(slots=True)
class Job:
    """A run while it is worked on; `changes` and `remarks` collect what it will say."""

    run: SyncRun
    session: Session
    keeper: Keeper
    changes: list[str]
    remarks: list[str]
    track: str = ""

    @property
    def board(self) -> str:
        """The board in the layout of release servers."""
        return f"{self.run.channel.architecture}-usr"


def take(job: Job, manifest: Manifest) -> Release | None:
    """Have a release as announced; None in a dry run that finds something missing.

    What is here already is not fetched again, and what was read as far as the upstream's policy
    asks is not read again. It is registered only when each of its files is here and is what was
    announced; what could be fetched of it is kept for the next run.
    """
    manifest = _of_use(job, manifest)
    channel = job.run.channel
    known = Release.objects.filter(
        application=channel.application,
        version=manifest.version,
        architecture=channel.architecture,
    ).first()
    doubted = _doubted(job.run.upstream, known, manifest)
    missing = _missing(known, manifest, doubted)
    if known is not None and not missing and not doubted:
        _remember_where(job, known, manifest)
        return known
    did = _told(missing, doubted)
    if job.run.is_dry:
        job.changes.append(f"{manifest.version} would be {did}.")
        return None
    whose = f"{job.run.upstream_id}-{job.run.channel_id}"
    with staging(whose, manifest.version) as folder:
        _fetch(job, manifest, missing, folder)
        if known is None or not known.codebase:
            _link_what_is_here(job, manifest, missing, folder / "files")
        release = _import(job, manifest, known, folder)
    _remember_where(job, release, manifest)
    job.changes.append(f"{manifest.version} was {did}.")
    return release


def _told(missing: Sequence[Package], doubted: Collection[Package]) -> str:
    """What is done to a release, in words."""
    if not missing:
        return f"read again: {_files(doubted)}"
    return f"imported: {_files(missing)}"


def _files(packages: Collection[Package]) -> str:
    size = filesizeformat(sum(one.size for one in packages)).replace("\xa0", " ")
    return f"{len(packages)} file{'s' * (len(packages) != 1)}, {size}"


def _remember_where(job: Job, release: Release, manifest: Manifest) -> None:
    """Remember the release's folder over there, if nodes would find their files in it.

    Some servers have files under other names; and that of a floor may have been guessed.
    """
    if job.run.is_dry or any(one.remote_name != one.name for one in manifest.packages):
        return
    folders = [
        url
        for url in manifest.codebases
        if not manifest.is_floor or f"/{manifest.version}/" in url
    ]
    origins.remember(release, folders, by=job.run.asked_by)


def _of_use(job: Job, manifest: Manifest) -> Manifest:
    """A release without the files that no node asks for."""
    kept = []
    for package in manifest.packages:
        if why := why_left_out(package.name):
            job.remarks.append(f"{package.name} of {manifest.version} is left out: {why}.")
        else:
            kept.append(package)
    return replace(manifest, packages=tuple(kept))


def unproven(upstream: Upstream, release: Release) -> QuerySet[Payload]:
    """The payloads of a release that nobody has read as far as the upstream's policy asks."""
    doubts = Q(is_verified=False)
    if upstream.needs_signature:
        doubts |= Q(signed_by="")
    if upstream.needs_inside:
        doubts |= ~Q(unread_because="")
    return release.payloads.filter(doubts)


def _doubted(upstream: Upstream, known: Release | None, manifest: Manifest) -> set[Package]:
    """The files of a release that are to be read again."""
    if known is None:
        return set()
    doubts = unproven(upstream, known)
    if known.codebase:
        # They are not fetched again and again for a tool that is not here.
        doubts = doubts.filter(unread_because="")
    names = set(doubts.values_list("name", flat=True))
    return {package for package in manifest.packages if package.name in names}


def _missing(
    known: Release | None, manifest: Manifest, doubted: Collection[Package]
) -> list[Package]:
    """The files of a release that are not registered, or not where they can be read."""
    if known is None:
        return list(manifest.packages)
    payloads = {payload.name: payload for payload in known.payloads.all()}
    unknown = [package.name for package in manifest.packages if package.name not in payloads]
    if unknown and known.codebase:
        raise CannotTake(
            f"{known} is registered with its payloads on {known.codebase}, and lacks"
            f" {', '.join(unknown)}."
        )
    for package in manifest.packages:
        payload = payloads.get(package.name)
        if payload is not None and not _is_same(payload, package):
            raise CannotTake(
                f"{known} is registered with another {package.name} than is announced now: what"
                " nodes were offered must stay what it is."
            )
    if known.codebase:
        return [package for package in manifest.packages if package in doubted]
    return [
        package
        for package in manifest.packages
        if package.name in unknown or not _is_hosted(known, package, is_doubted=package in doubted)
    ]


def _is_same(payload: Payload, package: Package) -> bool:
    return (
        payload.size == package.size
        and package.sha1 in {"", payload.sha1}
        and package.sha256 in {"", payload.sha256}
    )


def _is_hosted(release: Release, package: Package, *, is_doubted: bool) -> bool:
    path = hosted_folder(board=release.board, version=release.version) / package.name
    if is_doubted:
        return download.holds(path, package)
    with suppress(OSError):
        return path.stat().st_size == package.size
    return False


def _fetch(job: Job, manifest: Manifest, missing: Sequence[Package], folder: Path) -> None:
    """Fetch what is missing, one file after the other."""
    files = folder / "files"
    files.mkdir(exist_ok=True)
    for package in missing:
        # A file from before is believed only after it was read again.
        if not download.holds(files / package.name, package):
            (files / package.name).unlink(missing_ok=True)
    size = sum(package.size for package in missing)
    # What was fetched is hosted without being copied.
    with disk_room.taking(folder, size):
        job.keeper.expect(files=len(missing), size=size)
        for package in missing:
            _fetch_file(job, manifest, package, folder)


def _fetch_file(job: Job, manifest: Manifest, package: Package, folder: Path) -> None:
    """Have one file with its sum, unless an earlier run fetched it."""
    place, file = folder / package.name, folder / "files" / package.name
    if not file.is_file():
        job.keeper.say(f"Fetching {package.name} of {manifest.version}")
        urls = [url + package.remote_name for url in _codebases(job, manifest)]
        download.fetch(job.session, urls, package, place, job.keeper.heard)
        place.replace(file)
    if package.sha256:
        sums = file.with_name(f"{package.name}.sha256")
        sums.write_text(f"{package.sha256}  {package.name}\n", encoding="utf-8")
    job.keeper.finished(package.size)


def _link_what_is_here(
    job: Job, manifest: Manifest, missing: Sequence[Package], files: Path
) -> None:
    """Let a release that lacks only some files be read as a whole, as imports read it."""
    hosted = hosted_folder(board=job.board, version=manifest.version)
    for package in manifest.packages:
        link = files / package.name
        if package not in missing and not link.exists():
            link.unlink(missing_ok=True)
            link.symlink_to(hosted / package.name)


def _codebases(job: Job, manifest: Manifest) -> list[str]:
    """Where the files of a release may be; the hashes decide whether they are.

    A floor of a Nebraska comes without an address of its own, so the release server is asked too.
    """
    found = list(manifest.codebases)
    if server := job.run.upstream.release_server:
        found.append(release_server.folder(server, job.board, manifest.version))
    return list(dict.fromkeys(found))


def _import(job: Job, manifest: Manifest, known: Release | None, folder: Path) -> Release:
    """Register the files; every one of them is read and judged as an import does."""
    codebase = known.codebase if known else ""
    run = job.run
    job.keeper.say(f"Checking {manifest.version}")
    job.keeper.make_sure()
    imported = import_release(
        Source(
            folder / "files",
            manifest.version,
            codebase=codebase,
            moves_target=False,
            needs_signature=run.upstream.needs_signature,
            needs_inside=run.upstream.needs_inside,
            needs_os=not codebase,
        ),
        channel=run.channel,
        by=run.asked_by,
    )
    _remark(job, imported.folder)
    return imported.release


def _remark(job: Job, folder: Folder) -> None:
    for why, names in folder.unread.items():
        job.remarks.append(f"Not looked into, as {why}: {', '.join(names)}.")
    job.remarks.extend(folder.warnings)
