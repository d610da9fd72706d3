"""Updates that somebody carries to a node by hand: what to run there, and the files for it."""

import hashlib
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import QuerySet

from oemupdates.domain.carry_in import CarryIn, carry_in
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.domain.ustar import Member
from oemupdates.domain.version import sort_key
from oemupdates.models import Floor, Node, Payload, Release
from oemupdates.services.checkins.snapshot import codebase
from oemupdates.services.hosting.hosting import hosted_folder
from oemupdates.services.oem import catalogue

_EXTENSION, _ENDING = "flatcar-", ".gz"
# What the archive is called below a release's folder, in front of which nobody logs in.
ARCHIVE = "flatcar-update.tar"
SUMS, SCRIPT = "SHA256SUMS", "update.sh"
_SUM_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Carried:
    """A release for one kind of node: what to run, the files behind it, and what to know first."""

    release: Release
    update: CarryIn
    payloads: tuple[Payload, ...]
    extensions: tuple[str, ...]
    remarks: list[str] = field(default_factory=list)

    @property
    def folder(self) -> str:
        """The URL below which the files are."""
        return codebase(self.release)

    @property
    def archive_name(self) -> str:
        """What the one download is called, without its ending."""
        return archive_name(self.release.board, self.release.version)

    @property
    def archive(self) -> str:
        """The URL of all files as one download; empty if one is missing, or elsewhere."""
        if self.update.missing or self.release.codebase:
            return ""
        asked = urlencode([("file", name) for name in self.update.files[1:]])
        return f"{self.folder}{ARCHIVE}{'?' if asked else ''}{asked}"

    @property
    def mirror_lines(self) -> str:
        """What to run on a node that reaches this server; empty if the files are elsewhere."""
        if self.release.codebase:
            return ""
        return self.update.mirror_lines(f"{settings.FLEET_URL}/payloads")


def carry(release: Release, *, oem: str, running: str, extensions: Iterable[str]) -> Carried:
    """Work out what takes a node of an OEM, with extensions that are enabled on it, to a release.

    `running` is the version that it runs, empty if nobody knows.
    """
    payloads = {payload.name: payload for payload in release.payloads.all()}
    version, oems = release.version, catalogue.load()
    update = carry_in(
        version=version,
        oem=oem,
        needs_oem=oems.is_mandatory(
            oem, running=running, target=version, architecture=release.architecture
        ),
        is_dropped=oems.is_dropped(oem, target=version),
        extensions=extensions,
        offered=payloads,
    )
    found = Carried(
        release,
        update,
        tuple(payloads[name] for name in update.files),
        tuple(
            name.removeprefix(_EXTENSION).removesuffix(_ENDING)
            for name in payloads
            if name.startswith(_EXTENSION) and name != OS_PAYLOAD
        ),
    )
    found.remarks.extend(_remarks(found))
    return found


def carry_to(node: Node, release: Release, *, extensions: Iterable[str]) -> Carried:
    """The same for a node that is known, with the floors that it must pass first."""
    found = carry(release, oem=node.oem, running=node.version, extensions=extensions)
    if node.version and sort_key(node.version) >= release.order:
        found.remarks.insert(0, f"The node runs {node.version}, which is no older.")
    found.remarks.extend(
        f"{floor.release.version} comes first, so carry that one in before: {floor.reason}"
        for floor in _floors_between(node, release)
    )
    return found


def choices(node: Node) -> QuerySet[Release]:
    """The releases that could be carried to a node, the newest first."""
    try:
        application = uuid.UUID(node.application)
    except ValueError:  # what it says it is, nobody knows here
        return Release.objects.none()
    return Release.objects.filter(
        application__uuid=application, architecture=node.architecture
    ).select_related("application")


def proposed(node: Node) -> Release | None:
    """The release that its channel leads to; the newest there is without a channel."""
    found = choices(node)
    target = node.group.channel.target_id if node.group and node.group.channel else None
    return (found.filter(pk=target).first() if target else None) or found.first()


def _floors_between(node: Node, release: Release) -> Iterable[Floor]:
    if node.group is None or node.group.channel_id is None:
        return ()
    return (
        Floor.objects.filter(
            channel=node.group.channel_id,
            release__order__gt=sort_key(node.version),
            release__order__lt=release.order,
        )
        .select_related("release")
        .order_by("release__order")
    )


def _remarks(found: Carried) -> Iterable[str]:
    release = found.release
    if release.blocked_at:
        yield f"{release.version} is blocked: {release.blocked_because}"
    if unread := [one.name for one in found.payloads if not one.is_verified]:
        yield f"Nobody has read the bytes of {', '.join(unread)} here."
    if release.codebase:
        yield (
            f"Its payloads are on {release.codebase}, so this server has no download of them as"
            " one, and is no mirror of them."
        )


def archive_name(board: str, version: str) -> str:
    """The folder that all files of an archive are in."""
    return f"flatcar-update-{version}-{board.removesuffix('-usr')}"


def archive(*, board: str, version: str, names: Sequence[str]) -> list[Member] | None:
    """The OS payload and others of a release that this server hosts, with sums and a script.

    None if one of them is not here. The sums are those that were found when it was imported.
    """
    place = hosted_folder(board=board, version=version)
    folder = archive_name(board, version)
    files = (OS_PAYLOAD, *sorted(set(names) - {OS_PAYLOAD}))
    try:
        sums = b"".join(_sum(place, name) for name in files)
        payloads = [
            Member(f"{folder}/{name}", (place / name).stat().st_size, place / name)
            for name in files
        ]
    except (OSError, ValueError):
        return None
    script = CarryIn(version, files).script.encode()
    return [
        Member.of(f"{folder}/{SUMS}", sums),
        Member.of(f"{folder}/{SCRIPT}", script),
        *payloads,
    ]


def _sum(place: Path, name: str) -> bytes:
    """The line of a file in its `.sha256`; ValueError if it is not as imports write it."""
    with (place / f"{name}.sha256").open("rb") as file:
        line = file.read(_SUM_BYTES)
    said, _, of = line.decode("ascii").rstrip("\n").partition("  ")
    if of != name or len(bytes.fromhex(said)) != hashlib.sha256().digest_size:
        raise ValueError(f"{name}.sha256 is not what an import writes")
    return line
