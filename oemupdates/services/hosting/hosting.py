"""Payload files that this server hosts: each is put in its place whole, or not at all."""

import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings

from oemupdates.services.hosting import payload_disk
from oemupdates.services.hosting.payload_files import SUM, BadPayload, PayloadFile

_READ_BYTES = 1024 * 1024
# Copies on their way, beside the boards; the payload server knows no such board.
_INCOMING = ".incoming"
# Files that this server fetched itself, and that nobody else writes to.
STAGING = ".staging"
_LEFT_BEHIND_SECONDS = 24 * 60 * 60


def hosted_folder(*, board: str, version: str) -> Path:
    """Where this server keeps the payloads of a release."""
    return Path(settings.PAYLOAD_DIR) / board / version


class Staged:
    """Copies of payload files that wait to be put in place, all at once."""

    def __init__(self, copies: list[tuple[Path, Path]]) -> None:
        self._copies = copies

    def put_in_place(self) -> None:
        """Rename the copies to where they are served from; whole files only, ever."""
        folders = {place.parent for _, place in self._copies}
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
        for copy, place in self._copies:
            copy.replace(place)
        for folder in folders:
            # The folder's own names, and its name in the folders above it.
            for one in (folder, *folder.parents[:2]):
                _sync_folder(one)


@contextmanager
def staged(files: list[PayloadFile], place: Path) -> Iterator[Staged]:
    """Copy to the disk of `place` what is not there yet, each with its `.sha256`.

    Nothing is taken away from there meanwhile. What was not put in place when the block ends is
    deleted. A copy that was cut short is never under the name of a payload: it is left under
    `.incoming`, for a later import to delete.
    """
    incoming = Path(settings.PAYLOAD_DIR) / _INCOMING
    _delete_left_behind(incoming)
    folder = incoming / uuid.uuid4().hex
    folder.mkdir(parents=True)
    try:
        with payload_disk.hosting():
            yield Staged(list(_copies(files, folder, place)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copies(files: list[PayloadFile], folder: Path, place: Path) -> Iterator[tuple[Path, Path]]:
    """Copies in a folder, and their places, of what is not in its place yet."""
    for file in files:
        if not _holds(place / file.name, file):
            yield _copy(file, folder), place / file.name
        line = f"{file.sha256}  {file.name}\n".encode()
        there = place / (file.name + SUM)
        if not there.is_file() or there.read_bytes() != line:
            yield _write(folder / there.name, line), there


def _holds(path: Path, file: PayloadFile) -> bool:
    """Whether a file is there already, byte for byte."""
    if not path.is_file() or path.stat().st_size != file.size:
        return False
    with path.open("rb") as there:
        return hashlib.file_digest(there, "sha256").hexdigest() == file.sha256


def _copy(file: PayloadFile, folder: Path) -> Path:
    copy = folder / file.name
    if _is_ours(file.path):
        with suppress(OSError):  # another disk, or one that knows no links
            copy.hardlink_to(file.path)
            return copy
    sha256 = hashlib.sha256()
    with file.path.open("rb") as source, copy.open("xb") as target:
        while chunk := source.read(_READ_BYTES):
            sha256.update(chunk)
            target.write(chunk)
        target.flush()
        os.fsync(target.fileno())
    if sha256.hexdigest() != file.sha256:
        raise BadPayload(f"{file.name} changed while it was copied.")
    return copy


def _is_ours(path: Path) -> bool:
    """Whether a file may be hosted as it lies there, in place of a copy."""
    staging = Path(settings.PAYLOAD_DIR) / STAGING
    return path.is_relative_to(staging) and not path.is_symlink()


def _write(path: Path, content: bytes) -> Path:
    with path.open("xb") as target:
        target.write(content)
        target.flush()
        os.fsync(target.fileno())
    return path


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _delete_left_behind(incoming: Path) -> None:
    """Delete what an import that was killed left; one that is under way is younger."""
    if not incoming.is_dir():
        return
    for folder in incoming.iterdir():
        with suppress(FileNotFoundError):  # another import ended just now
            if time.time() - folder.stat().st_mtime > _LEFT_BEHIND_SECONDS:
                shutil.rmtree(folder)
