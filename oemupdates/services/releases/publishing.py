"""Releases that a publishing script announces: sizes and sums of files that are elsewhere.

Nobody has read their bytes then, so nodes that need them wait until an import has.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils import timezone

from oemupdates.domain.version import BadVersion, parse, sort_key
from oemupdates.models import Application, Operator, Payload, Release
from oemupdates.services.hosting.payload_files import why_left_out
from oemupdates.services.releases.releases import CannotImport, codebase_of
from oemupdates.services.shared import activity
from oemupdates.services.shared.configuration import changing


class CannotPublish(activity.Refused):
    """The release is known already, with other files or at another place."""


class Wrong(activity.BadWords):
    """A value of an announcement cannot be; `where` is a JSON pointer to it."""

    def __init__(self, where: str, words: str) -> None:
        super().__init__(words)
        self.where = where


@dataclass(frozen=True, slots=True)
class Announced:
    """One file as it is announced: size in bytes, hashes in lower-case hex, where it was said."""

    name: str
    size: int
    sha1: str
    sha256: str
    where: str = ""


@dataclass(frozen=True, slots=True)
class Announcement:
    """A release as it is announced; `url` is the folder of its files."""

    application: Application
    version: str
    architecture: str
    url: str
    files: Sequence[Announced]


def publish(said: Announcement, *, by: Operator | None) -> tuple[Release, bool]:
    """Register what is announced, and whether that changed anything; no channel moves.

    The same announcement again changes nothing, and more files of the same release are added to
    it. Raises `Wrong` or `CannotPublish`.
    """
    codebase = _check(said)
    with changing():
        release = Release.objects.filter(
            application=said.application, version=said.version, architecture=said.architecture
        ).first()
        is_new = release is None
        if release is None:
            release = Release.objects.create(
                application=said.application,
                version=said.version,
                order=sort_key(said.version),
                architecture=said.architecture,
                codebase=codebase,
                registered_at=timezone.now(),
            )
        missing = _missing(release, said.files)
        if missing and release.codebase != codebase:
            raise CannotPublish(
                f"{release} is here with its payloads on {release.codebase or 'this server'}, and"
                f" lacks {', '.join(one.name for one in missing)}."
            )
        if missing:
            _register(release, missing, by=by, is_new=is_new)
    return release, bool(missing)


def _check(said: Announcement) -> str:
    """The URL as a codebase; `Wrong` names what cannot be."""
    try:
        parse(said.version)
    except BadVersion as error:
        raise Wrong("/version", f"{error}.") from None
    seen = set()
    for file in said.files:
        if why := why_left_out(file.name):
            raise Wrong(file.where, f"{file.name!r} is no payload: {why}.")
        if file.name in seen:
            raise Wrong(file.where, f"{file.name} is named twice.")
        seen.add(file.name)
    try:
        found = codebase_of(said.url)
    except CannotImport as refusal:
        raise Wrong("/url", str(refusal)) from None
    if not found:
        raise Wrong("/url", "Say where the files are.")
    return found


def _missing(release: Release, files: Sequence[Announced]) -> list[Announced]:
    """The files that the release does not have; `CannotPublish` if it has other bytes."""
    known = {payload.name: payload for payload in release.payloads.all()}
    for file in files:
        payload = known.get(file.name)
        if payload is not None and (payload.size, payload.sha1, payload.sha256) != (
            file.size,
            file.sha1,
            file.sha256,
        ):
            raise CannotPublish(
                f"{release} is here with another {file.name}: what nodes were offered must stay"
                " what it is."
            )
    return [file for file in files if file.name not in known]


def _register(
    release: Release, files: Sequence[Announced], *, by: Operator | None, is_new: bool
) -> None:
    Payload.objects.bulk_create(
        Payload(
            release=release,
            name=file.name,
            size=file.size,
            sha1=file.sha1,
            sha256=file.sha256,
            is_verified=False,
        )
        for file in files
    )
    after: dict[str, activity.Value] = {file.name: f"sha256 {file.sha256}" for file in files}
    activity.record(
        verb="release.announced",
        subject=release,
        by=by,
        after=after | ({"codebase": release.codebase} if is_new else {}),
    )
