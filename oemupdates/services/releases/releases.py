"""What operators do to releases: import, block, unblock."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from django.utils import timezone

from oemupdates.domain import address
from oemupdates.domain.version import BadVersion, parse, sort_key
from oemupdates.models import Application, Channel, Operator, Release
from oemupdates.services.groups import channels
from oemupdates.services.hosting.hosting import Staged, hosted_folder, staged
from oemupdates.services.hosting.payload_files import Folder, PayloadFile, read
from oemupdates.services.releases.release_payloads import believe, register
from oemupdates.services.shared import activity
from oemupdates.services.shared.configuration import changing

_MAX_URL = 500


class CannotImport(activity.Refused):
    """The folder is not what the release was registered with, or names no version or place."""


class CannotBlock(activity.Refused):
    """The release is blocked already."""


class CannotUnblock(activity.Refused):
    """The release is not blocked."""


@dataclass(frozen=True, slots=True)
class Source:
    """A folder of payload files and what it is: `version` for the channel's architecture.

    `codebase` is the URL of the folder from which nodes get the files; empty lets this server
    host a copy of them. `moves_target` lets the channel's nodes have a newer release at once.
    `needs_signature` lets nothing in that none of the payload keys signed, if there are any.
    With `needs_inside` an image that nobody could look into is not verified. Without `needs_os` it
    may be files for nodes that run the version already.
    """

    directory: Path
    version: str
    codebase: str = ""
    moves_target: bool = True
    needs_signature: bool = True
    needs_inside: bool = False
    needs_os: bool = True


@dataclass(frozen=True, slots=True)
class Judged:
    """A folder that was read and judged, and the release that it would be."""

    release: Release
    folder: Folder


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: `added` are the names of payloads that were not registered before."""

    release: Release
    is_new: bool
    added: tuple[str, ...]
    target_moved: bool
    folder: Folder

    @property
    def changed(self) -> bool:
        """Whether anything is registered now that was not before."""
        return self.is_new or bool(self.added) or self.target_moved


def import_release(source: Source, *, channel: Channel, by: Operator | None) -> Imported:
    """Register a folder of payload files as a release for a channel.

    Sizes and hashes are computed from the bytes, and the bytes are read as a node would read them;
    with public keys in the settings, one of them must have signed each file. That is what
    *verified* means of these payloads. Images of OEMs and extensions are looked into where that
    can be done, and must be for this version. The channel moves to the release when it is newer
    than the present target. The same folder again changes nothing; an import that was cut short
    is completed. Raises `CannotImport`, or `BadPayload` with the name of the file.
    """
    judged = judge(source, application=channel.application, architecture=channel.architecture)
    with registering([judged], by=by) as (imported,):
        moved = source.moves_target and _move_target(channel, imported.release, by=by)
    return replace(imported, target_moved=moved)


def judge(source: Source, *, application: Application, architecture: str) -> Judged:
    """Read a folder as a release, and change nothing; raises `CannotImport` or `BadPayload`."""
    try:
        parse(source.version)
    except BadVersion as error:
        raise CannotImport(f"{error}.") from None
    codebase = codebase_of(source.codebase)
    folder = read(
        source.directory,
        version=source.version,
        architecture=architecture,
        needs_signature=source.needs_signature,
        needs_inside=source.needs_inside,
        needs_os=source.needs_os,
    )
    release = Release(
        application=application,
        version=source.version,
        order=sort_key(source.version),
        architecture=architecture,
        codebase=codebase,
        registered_at=timezone.now(),
    )
    return Judged(release, folder)


@contextmanager
def registering(all_judged: Sequence[Judged], *, by: Operator | None) -> Iterator[list[Imported]]:
    """Host and register some releases, all or none, in a transaction that ends with the block."""
    with ExitStack() as stack:
        copies = [
            stack.enter_context(_hosted(one.release, one.folder.files)) for one in all_judged
        ]
        stack.enter_context(changing())
        known = [_known(one.release) for one in all_judged]
        new = [
            _unregistered(row, one.folder.files, one.release.codebase)
            for row, one in zip(known, all_judged, strict=True)
        ]
        for staged_copies in copies:
            staged_copies.put_in_place()
        yield [
            _save(one, row, files, by=by)
            for one, row, files in zip(all_judged, known, new, strict=True)
        ]


def _save(
    judged: Judged, known: Release | None, new: list[PayloadFile], *, by: Operator | None
) -> Imported:
    release = known or judged.release
    if known is None:
        release.save(force_insert=True)
    if new:
        register(release, new, by=by, is_new=known is None)
    if known is not None:
        believe(release, judged.folder.files, by=by)
    names = tuple(file.name for file in new)
    return Imported(release, known is None, names, target_moved=False, folder=judged.folder)


def codebase_of(url: str) -> str:
    """A URL as a codebase: clients drop the last part of one that does not end with a slash."""
    if not url:
        return ""
    try:
        parts = address.read(url)
    except address.BadAddress as error:
        raise CannotImport(str(error)) from error
    if parts.query or parts.fragment or len(url) >= _MAX_URL:
        raise CannotImport(f"{url!r} is no http or https URL of a folder.")
    return url.rstrip("/") + "/"


@contextmanager
def _hosted(release: Release, files: list[PayloadFile]) -> Iterator[Staged]:
    """Copies of the files for this server to host, unless they are elsewhere."""
    if release.codebase:
        yield Staged([])
        return
    _unregistered(_known(release), files, release.codebase)  # refuse before copying
    with staged(files, hosted_folder(board=release.board, version=release.version)) as copies:
        yield copies


def _known(release: Release) -> Release | None:
    return Release.objects.filter(
        application=release.application,
        version=release.version,
        architecture=release.architecture,
    ).first()


def _unregistered(
    known: Release | None, files: list[PayloadFile], codebase: str
) -> list[PayloadFile]:
    """The files that the release does not have yet; `CannotImport` if it has other bytes."""
    if known is None:
        return files
    if known.codebase != codebase:
        where = known.codebase or "this server"
        raise CannotImport(
            f"{known} is registered with its payloads on {where}: a node that is under way would"
            " lose its download if they moved."
        )
    payloads = {payload.name: payload for payload in known.payloads.all()}
    for file in files:
        payload = payloads.get(file.name)
        if payload is not None and (payload.size, payload.sha256, payload.sha1) != (
            file.size,
            file.sha256,
            file.sha1,
        ):
            raise CannotImport(
                f"{known} is registered with another {file.name}: what nodes were offered must"
                " stay what it is."
            )
    return [file for file in files if file.name not in payloads]


def _move_target(channel: Channel, release: Release, *, by: Operator | None) -> bool:
    """Move the channel to a newer release; not to one that is blocked, nor backwards."""
    channel = Channel.objects.select_related("target").get(pk=channel.pk)
    if release.blocked_because or (channel.target and channel.target.order >= release.order):
        return False
    channels.set_target(channel, release, by=by, why=f"{release.version} was imported")
    return True


def block(release: Release, *, by: Operator | None, because: str) -> Release:
    """Offer a release to nobody from now on, whatever it is a target or a floor of.

    It is the emergency brake, so it asks nothing but why. Raises `CannotBlock`.
    """
    because = activity.reason(because)
    with changing():
        seen = Release.objects.filter(pk=release.pk, blocked_at=None)
        if not seen.update(blocked_at=timezone.now(), blocked_because=because):
            raise CannotBlock(f"{release} is blocked already.")
        release = Release.objects.get(pk=release.pk)
        after: dict[str, activity.Value] = {"is_blocked": True}
        if targets := [str(channel) for channel in release.target_of.all()]:
            after["target_of"] = targets
        if floors := [str(floor.channel) for floor in release.floor_of.select_related("channel")]:
            after["floor_of"] = floors
        activity.record(verb="release.blocked", subject=release, by=by, after=after, why=because)
    return release


def unblock(release: Release, *, by: Operator | None, why: str = "") -> Release:
    """Let a release be offered again; raises `CannotUnblock`."""
    with changing():
        release = Release.objects.get(pk=release.pk)
        before = release.blocked_because
        if not before:
            raise CannotUnblock(f"{release} is not blocked.")
        release.blocked_at, release.blocked_because = None, ""
        release.save(update_fields=["blocked_at", "blocked_because"])
        activity.record(
            verb="release.unblocked",
            subject=release,
            by=by,
            before={"blocked_because": before},
            why=why,
        )
    return release
