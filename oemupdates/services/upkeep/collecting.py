"""Collecting what the payload disk holds for nobody: no release's files, work never ended."""

import shutil
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from oemupdates.domain.collection import why_kept
from oemupdates.domain.sysupdate import Image
from oemupdates.models import BundleImport, ComponentImage, Operator, Payload
from oemupdates.services.hosting import payload_disk
from oemupdates.services.hosting.payload_disk import COMPONENTS, Begun, Disk, HostedFolder
from oemupdates.services.releases import release_use
from oemupdates.services.shared import activity

# After so long nobody goes on with what was begun; the next import would delete it too.
LEFT_BEHIND = timedelta(days=7)
_SUM = ".sha256"


@dataclass(frozen=True, slots=True)
class Piece:
    """Files that no release names, or work that was begun; `why` says why it goes, or stays.

    `place` is below the payload folder; without `names` it is all that is there.
    """

    place: str
    names: tuple[str, ...]
    size: int
    goes: bool
    why: str

    def __str__(self) -> str:
        number = len(self.names)
        files = f", {number} file{'s' * (number != 1)}" if number else ""
        return f"{self.place}{files}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a collection would take away, and what it would leave although no release names it."""

    pieces: tuple[Piece, ...]

    @property
    def going(self) -> list[Piece]:
        """What would go."""
        return [piece for piece in self.pieces if piece.goes]

    @property
    def staying(self) -> list[Piece]:
        """What would stay."""
        return [piece for piece in self.pieces if not piece.goes]

    @property
    def size(self) -> int:
        """How many bytes would go."""
        return sum(piece.size for piece in self.going)


class NothingToCollect(activity.Refused):
    """All that is on the disk is somebody's."""


def plan(disk: Disk | None = None) -> Plan:
    """What would be collected now, and why; changes nothing."""
    disk, now = disk or payload_disk.survey(), timezone.now()
    named = _named()
    found = [
        piece
        for folder in (*disk.folders, *disk.components)
        if (piece := _unnamed(folder, named[folder.board, folder.version], now))
    ]
    awaited = {
        Path(path).name
        for path in BundleImport.objects.filter(
            state=BundleImport.State.OPEN, is_upload=True
        ).values_list("path", flat=True)
    }
    found += [_left_behind(one, now, awaited) for one in disk.begun]
    return Plan(tuple(found))


def collect(*, by: Operator | None, why: str = "") -> Plan:
    """Take away what may go, and say what went.

    It is written down before the first file goes, so that none goes unsaid; what is left by an
    accident goes next time. Raises `NothingToCollect` or `IsHosting`.
    """
    with payload_disk.taking_away():
        done = plan()
        if not done.going:
            raise NothingToCollect("There is nothing to collect: all of it is somebody's.")
        with transaction.atomic():
            activity.record(
                verb="payloads.collected",
                subject=activity.Named("payloads", "the payload folder"),
                by=by,
                after={"bytes": done.size, "taken": [str(piece) for piece in done.going]},
                why=why,
            )
        for piece in done.going:
            _take_away(piece)
    return done


def _named() -> dict[tuple[str, str], set[str]]:
    """The names of payloads that releases have here, by board and version; so of images."""
    rows = Payload.objects.filter(release__codebase="").values_list(
        "release__architecture", "release__version", "name"
    )
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for architecture, version, name in rows:
        found[f"{architecture}-usr", version].add(name)
    for values in ComponentImage.objects.order_by().values_list(*ComponentImage.VALUES):
        image = Image(*values)
        found[COMPONENTS, image.component].add(image.file)
    return found


def _unnamed(folder: HostedFolder, named: set[str], now: datetime) -> Piece | None:
    """The files of a folder that no release names; None if there are none."""
    files = [file for file in folder.files if file.name.removesuffix(_SUM) not in named]
    if not files:
        return None
    age = now - max(file.changed_at for file in files)
    is_wanted = release_use.is_wanted(folder.version, folder.architecture)
    kept = why_kept(is_wanted=is_wanted, age=age, days=settings.PAYLOAD_KEEP_DAYS)
    whole, part = ("component", "image") if folder.board == COMPONENTS else ("release", "payload")
    what = f"No {part} of the {whole} is called so." if named else f"No {whole} names it."
    return Piece(
        f"{folder.board}/{folder.version}",
        tuple(file.name for file in files),
        sum(file.size for file in files),
        not kept,
        kept or what,
    )


def _left_behind(one: Begun, now: datetime, awaited: set[str]) -> Piece:
    why = ""
    if one.is_held:
        why = "Somebody is working on it."
    elif Path(one.place).name in awaited:
        why = "It waits for a worker that takes it in."
    elif now - one.changed_at < LEFT_BEHIND:
        why = "It was begun less than a week ago, and may be gone on with."
    return Piece(one.place, (), one.size, not why, why or "It was begun, and never ended.")


def _take_away(piece: Piece) -> None:
    place = Path(settings.PAYLOAD_DIR) / piece.place
    if not piece.names:
        shutil.rmtree(place, ignore_errors=True)
        place.unlink(missing_ok=True)
        return
    for name in piece.names:
        (place / name).unlink(missing_ok=True)
    for folder in (place, place.parent):
        with suppress(OSError):  # something else is in it
            folder.rmdir()
