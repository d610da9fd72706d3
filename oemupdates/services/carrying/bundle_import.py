"""Taking bundles in: nothing changes before the whole of one was read and judged."""

import fcntl
import hashlib
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import BinaryIO

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings

from oemupdates.domain import bundle
from oemupdates.domain.bundle import Bundled, File, Manifest, Opened
from oemupdates.models import Application, Operator, PackageList, Release
from oemupdates.services.carrying import bundle_ways
from oemupdates.services.carrying.bundle_ways import Brought
from oemupdates.services.hosting import disk_room
from oemupdates.services.releases.releases import Imported, Judged, Source, judge, registering
from oemupdates.services.shared import activity
from oemupdates.services.shared.activity import Refused

# Beside the boards; the payload server knows no such board.
_STAGING = ".bundles"
_LEFT_BEHIND_SECONDS = 7 * 24 * 60 * 60


class CannotImportBundle(Refused):
    """The bundle is not whole, not of somebody who is trusted, or not of what is known here."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a bundle: the key that signed it, its releases, and their floors."""

    opened: Opened
    imported: list[Imported]
    brought: Brought

    @property
    def changed(self) -> bool:
        """Whether anything is registered now that was not before."""
        return any(one.changed for one in self.imported) or bool(self.brought.changes)


@dataclass(frozen=True, slots=True)
class Belief:
    """Whose bundles are believed, and whether payloads must be signed by a payload key too."""

    keys: Mapping[str, Ed25519PublicKey]
    needs_signature: bool = True


def take(path: Path, belief: Belief, *, by: Operator | None) -> Taken:
    """Import a bundle: its releases are registered and hosted here, and no channel moves.

    The file is read to its end before anything is judged, and every payload is judged as any
    import does before the first is registered; then all are, in one transaction. What was
    unpacked before an import broke off is not written again. The same bundle again changes
    nothing. Raises `CannotImportBundle`, `BadPayload` or `CannotImport`.
    """
    try:
        with path.open("rb") as file:
            opened = bundle.read_manifest(file, belief.keys)
            _check_known(opened.manifest)
            # What is unpacked, and the copy of it that is hosted.
            size = 2 * opened.manifest.size
            with _staging(opened) as folder, disk_room.taking(folder, size):
                _unpack(file, opened.manifest, folder)
                return _register(opened, folder, belief, by=by)
    except bundle.BadBundle as problem:
        raise CannotImportBundle(f"{path.name} is not taken. {problem}") from None
    except OSError as error:
        raise CannotImportBundle(f"{path.name} cannot be read: {error.strerror}.") from error


def _check_known(manifest: Manifest) -> None:
    for release in manifest.releases:
        if not Application.objects.filter(uuid=release.application).exists():
            raise CannotImportBundle(
                f"{release.version} is a release of the application {release.application}, which"
                " is not registered here."
            )


@contextmanager
def _staging(opened: Opened) -> Iterator[Path]:
    """A folder for one bundle's files, ours alone; it stays if the block does not end well."""
    root = Path(settings.PAYLOAD_DIR) / _STAGING
    folder = root / opened.identity
    folder.mkdir(parents=True, exist_ok=True)
    folder.touch()
    _delete_left_behind(root)
    with (root / f"{opened.identity}.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CannotImportBundle("This bundle is being imported already.") from None
        yield folder
        shutil.rmtree(folder)
        (root / lock.name).unlink()


def _delete_left_behind(root: Path) -> None:
    """Delete what was begun long ago and never ended."""
    for folder in root.iterdir():
        with suppress(OSError):
            if folder.is_dir() and time.time() - folder.stat().st_mtime > _LEFT_BEHIND_SECONDS:
                shutil.rmtree(folder)


def _unpack(file: BinaryIO, manifest: Manifest, folder: Path) -> None:
    """Read a bundle to its end; payloads go to `files`, what is about them to `texts`."""
    payloads = {one.path: one.sha256 for one in manifest.files if one.is_payload}
    for one, chunks in bundle.contents(file, manifest):
        place = _place(folder, one)
        if _holds(place, one):
            for _ in chunks:  # the rest of the bundle is read all the same
                pass
        else:
            _write(place, chunks)
        if one.name.endswith(bundle.SUM):
            bundle.check_sum(one, place.read_bytes(), payloads)


def _place(folder: Path, one: File) -> Path:
    kind = "files" if one.is_payload or one.name.endswith(bundle.SUM) else "texts"
    return folder / kind / one.path


def _write(place: Path, chunks: Iterator[bytes]) -> None:
    """Write a file under its name only when all of it was there and right."""
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(place.name + ".part")
    with part.open("wb") as target:
        for chunk in chunks:
            target.write(chunk)
    part.replace(place)


def _holds(place: Path, one: File) -> bool:
    """Whether a file is there from before, byte for byte."""
    if not place.is_file() or place.stat().st_size != one.size:
        return False
    with place.open("rb") as there:
        return hashlib.file_digest(there, "sha256").hexdigest() == one.sha256


def _register(opened: Opened, folder: Path, belief: Belief, *, by: Operator | None) -> Taken:
    manifest = opened.manifest
    judged = [_judge(manifest, release, folder, belief) for release in manifest.releases]
    with registering(judged, by=by) as imported:
        for release, one in zip(manifest.releases, imported, strict=True):
            _document(one.release, release, folder / "texts" / release.folder)
        taken = Taken(opened, imported, bundle_ways.bring(manifest.ways, by=by))
        if taken.changed:
            activity.record(
                verb="bundle.imported",
                subject=activity.Named("bundle", opened.identity[:12]),
                by=by,
                after={
                    "signed_by": opened.key,
                    "releases": [str(one.release) for one in imported],
                },
            )
    return taken


def _judge(manifest: Manifest, release: Bundled, folder: Path, belief: Belief) -> Judged:
    """Judge the payloads of a release as an import does; no file may be left over."""
    source = Source(
        folder / "files" / release.folder,
        release.version,
        moves_target=False,
        needs_signature=belief.needs_signature,
        needs_os=manifest.is_whole(release),
    )
    found = judge(
        source,
        application=Application.objects.get(uuid=release.application),
        architecture=release.architecture,
    )
    sums = {one.name: one.sha256 for one in manifest.of(release) if one.is_payload}
    if {file.name: file.sha256 for file in found.folder.files} != sums:
        raise CannotImportBundle(
            f"{release.version} holds files that no node asks for, or that changed meanwhile."
        )
    return found


def _document(release: Release, said: Bundled, folder: Path) -> None:
    """Keep notes and lists of packages; notes that are here already stay."""
    changed = []
    notes = folder / bundle.NOTES
    if notes.is_file() and not release.notes:
        release.notes = _text(notes)
        changed.append("notes")
    if said.published_on and release.published_on is None:
        release.published_on = date.fromisoformat(said.published_on)
        changed.append("published_on")
    if changed:
        release.save(update_fields=changed)
    lists = folder.glob(f"*{bundle.PACKAGES}") if folder.is_dir() else ()
    PackageList.objects.bulk_create(
        [
            PackageList(
                release=release, name=path.name.removesuffix(bundle.PACKAGES), content=_text(path)
            )
            for path in sorted(lists)
        ],
        update_conflicts=True,
        unique_fields=["release", "name"],
        update_fields=["content", "is_read"],
    )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace").replace("\x00", "")
