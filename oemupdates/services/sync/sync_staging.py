"""Where the files of releases collect while they are fetched, over as many runs as that takes."""

import fcntl
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.conf import settings

from oemupdates.services.hosting.hosting import STAGING
from oemupdates.services.shared.activity import Refused

_LOCK = "lock"
_LEFT_BEHIND_SECONDS = 7 * 24 * 60 * 60


class InUse(Refused):
    """Another process of this server is at the files."""


@contextmanager
def staging(whose: str, version: str) -> Iterator[Path]:
    """A folder for the files of a release, ours alone; it stays if the block does not end well.

    `whose` has a lock of its own, without which nothing below it is touched. Raises `InUse`.
    """
    root = Path(settings.PAYLOAD_DIR) / STAGING
    mine = root / whose
    mine.mkdir(parents=True, exist_ok=True)
    with _locked(mine) as is_ours:
        if not is_ours:
            raise InUse("Another process of this server is at these files still.")
        folder = mine / version
        folder.mkdir(exist_ok=True)
        folder.touch()  # it is in use, however long it waited
        _delete(_left_behind(mine))
        for other in root.glob("*/"):
            if other != mine and _left_behind(other):
                with _locked(other) as is_idle:
                    _delete(_left_behind(other) if is_idle else [])
        yield folder
        shutil.rmtree(folder)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Take a folder's lock until the block ends; whether it was free."""
    with (folder / _LOCK).open("a") as lock:
        is_free = True
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            is_free = False
        yield is_free


def _left_behind(folder: Path) -> list[Path]:
    """What was begun long ago and never ended: newer releases took its place."""
    found = []
    for version in folder.glob("*/"):
        with suppress(FileNotFoundError):  # whoever has the lock ended just now
            if time.time() - version.stat().st_mtime > _LEFT_BEHIND_SECONDS:
                found.append(version)
    return found


def _delete(folders: list[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
