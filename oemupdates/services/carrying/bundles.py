"""Making bundles: chosen releases as one signed file, the same bytes for the same choice."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from oemupdates.domain import bundle
from oemupdates.domain.bundle import Bundled, File, Manifest, kind_of
from oemupdates.domain.bundle_way import FLOOR
from oemupdates.domain.oem import payload_name
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.domain.ustar import Member, pieces
from oemupdates.models import NodeCount, Payload, Release
from oemupdates.services.carrying import bundle_keys, bundle_ways
from oemupdates.services.hosting.hosting import hosted_folder
from oemupdates.services.shared.activity import Refused

_CHUNK = 1024 * 1024
_OEM, _EXTENSION, _ENDING = "oem-", "flatcar-", ".gz"


class CannotExport(Refused):
    """A release is not whole here, or its files are not what they were."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What a bundle shall hold; None stands for every OEM, or every extension, that there is.

    `running` are versions that nodes over there run: their OEM and extension payloads come too,
    since nodes that are set up anew fetch those at boot.
    """

    releases: Sequence[Release]
    oems: frozenset[str] | None = None
    extensions: frozenset[str] | None = None
    running: Sequence[str] = ()

    def wants(self, name: str) -> bool:
        """Whether a payload of that name is to be carried."""
        if name == OS_PAYLOAD:
            return True
        for prefix, chosen in ((_OEM, self.oems), (_EXTENSION, self.extensions)):
            if name.startswith(prefix):
                stem = name.removeprefix(prefix).removesuffix(_ENDING)
                return chosen is None or stem in chosen
        return False


@dataclass(frozen=True, slots=True)
class Planned:
    """A bundle before it is written; `remarks` say what was chosen and is not there."""

    manifest: Manifest
    members: list[Member]
    remarks: list[str] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many bytes the file will have."""
        return sum(size for _, size in pieces(self.members))

    @property
    def name(self) -> str:
        """A file name that tells it from others."""
        newest = max(self.manifest.releases, key=lambda one: one.version).version
        identity = hashlib.sha256(bundle.dump(self.manifest)).hexdigest()
        return f"oem-fleet-{newest}-{identity[:12]}.tar"


def running_versions() -> list[str]:
    """The versions that nodes here run, by which a choice begins."""
    return sorted({version for version, _ in NodeCount.objects.all().by("version") if version})


def plan(choice: Choice) -> Planned:
    """Work out a bundle and sign it; raises `CannotExport` or `NoKey`."""
    if not choice.releases:
        raise CannotExport("Choose a release: an empty bundle helps nobody.")
    key = bundle_keys.signing()
    remarks: list[str] = []
    partly = _running(choice, remarks)
    releases, members = [], []
    for release in sorted({*choice.releases, *partly}, key=lambda one: one.pk):
        is_whole = release in choice.releases
        found = _members(choice, release, is_whole=is_whole)
        if is_whole:
            remarks += _missing(choice, release, {member.name for member in found})
        if found:
            releases.append(_bundled(release))
            members += found
    members.sort(key=lambda one: one.name)
    manifest = Manifest(
        bundle.fingerprint(key.public_key()),
        tuple(sorted(releases, key=lambda one: one.folder)),
        tuple(File(one.name, one.size, sha256) for one, sha256 in _sums(members)),
        tuple(bundle_ways.gather(choice.releases)),
    )
    remarks += _not_carried(manifest)
    raw = bundle.dump(manifest)
    if len(raw) > bundle.MAX_MANIFEST:
        raise CannotExport("That is more than one bundle holds: choose fewer releases.")
    first = [Member.of(bundle.MANIFEST, raw), Member.of(bundle.SIGNATURE, key.sign(raw))]
    return Planned(manifest, first + members, remarks)


def write(planned: Planned, file: BinaryIO) -> None:
    """Write a bundle; raises `CannotExport` if a payload is not any more what was registered."""
    sums = {one.path: one.sha256 for one in planned.manifest.files}
    paths = {one.content: sums[one.name] for one in planned.members if one.name in sums}
    for content, _ in pieces(planned.members):
        if isinstance(content, bytes):
            file.write(content)
            continue
        sha256 = hashlib.sha256()
        with content.open("rb") as source:
            while chunk := source.read(_CHUNK):
                sha256.update(chunk)
                file.write(chunk)
        if sha256.hexdigest() != paths[content]:
            raise CannotExport(f"{content} is not what was registered: its bytes changed.")


def _running(choice: Choice, remarks: list[str]) -> list[Release]:
    """The releases that nodes run, as far as they are here and not chosen anyway."""
    found = []
    kinds = {(one.application_id, one.architecture) for one in choice.releases}
    chosen = {(one.architecture, one.version) for one in choice.releases}
    for application, architecture in sorted(kinds):
        for version in sorted(set(choice.running)):
            if (architecture, version) in chosen:
                continue
            release = Release.objects.filter(
                application=application, architecture=architecture, version=version, codebase=""
            ).first()
            if release is None:
                remarks.append(
                    f"{version} ({architecture}), which nodes run, is not here: its OEM payloads"
                    " are not in the bundle."
                )
            else:
                found.append(release)
    return found


def _bundled(release: Release) -> Bundled:
    day = release.published_on
    return Bundled(
        str(release.application.uuid),
        release.version,
        release.architecture,
        day.isoformat() if day else "",
    )


def _members(choice: Choice, release: Release, *, is_whole: bool) -> list[Member]:
    """The files of a release, as far as they are chosen."""
    if release.codebase:
        raise CannotExport(f"{release} has its payloads on {release.codebase}, and not here.")
    payloads = [
        one
        for one in release.payloads.all()
        if choice.wants(one.name) and (is_whole or one.name != OS_PAYLOAD)
    ]
    if is_whole and OS_PAYLOAD not in {one.name for one in payloads}:
        raise CannotExport(f"{release} has no {OS_PAYLOAD} here.")
    found = [member for payload in payloads for member in _payload(release, payload)]
    folder = f"{release.board}/{release.version}"
    stems = {"flatcar_production_image"} if is_whole else set()
    stems |= {one.name.removesuffix(_ENDING) for one in payloads}
    found += [
        Member.of(f"{folder}/{one.name}{bundle.PACKAGES}", one.content.encode())
        for one in release.package_lists.all()
        if one.name in stems and one.content
    ]
    if is_whole and release.notes:
        found.append(Member.of(f"{folder}/{bundle.NOTES}", release.notes.encode()))
    return found


def _payload(release: Release, payload: Payload) -> list[Member]:
    path = hosted_folder(board=release.board, version=release.version) / payload.name
    if not payload.is_verified:
        raise CannotExport(f"{payload.name} of {release} was not verified.")
    try:
        size = path.stat().st_size
    except OSError:
        size = -1
    if size != payload.size:
        raise CannotExport(f"{payload.name} of {release} is not on this server's disk any more.")
    name = f"{release.board}/{release.version}/{payload.name}"
    line = bundle.sum_line(payload.name, payload.sha256)
    return [Member(name, size, path), Member.of(name + bundle.SUM, line)]


def _missing(choice: Choice, release: Release, names: set[str]) -> Iterable[str]:
    """What was chosen by name and the release does not have."""
    wanted = [payload_name(oem) for oem in sorted(choice.oems or ())]
    wanted += [f"{_EXTENSION}{name}{_ENDING}" for name in sorted(choice.extensions or ())]
    folder = f"{release.board}/{release.version}"
    return [f"{release} has no {one}." for one in wanted if f"{folder}/{one}" not in names]


def _not_carried(manifest: Manifest) -> list[str]:
    """The floors that nodes must pass and that a bundle does not bring."""
    carried = {(*kind_of(one), one.version) for one in manifest.releases if manifest.is_whole(one)}
    return [
        f"{one.version} is a floor of {one.channel} ({one.architecture}) and is not in the bundle."
        for one in manifest.ways
        if one.kind == FLOOR and (*kind_of(one), one.version) not in carried
    ]


def _sums(members: Iterable[Member]) -> Iterable[tuple[Member, str]]:
    """Each file with its SHA-256: that of a payload is what was registered."""
    lines = {
        one.name.removesuffix(bundle.SUM): one.content
        for one in members
        if one.name.endswith(bundle.SUM)
    }
    for one in members:
        if isinstance(one.content, Path):
            line = lines[one.name]
            assert isinstance(line, bytes)  # noqa: S101 - for mypy
            yield one, line.decode().partition(" ")[0]
        else:
            yield one, hashlib.sha256(one.content).hexdigest()
