"""Room on the disk of the payloads: what is on its way there is as good as taken.

Whoever brings files leaves a note of how many bytes are to come, and holds its lock meanwhile:
whoever dies gives the room back by that. One at a time looks how much is left.
"""

import fcntl
import json
import shutil
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from stat import S_ISREG

from django.conf import settings
from django.template.defaultfilters import filesizeformat

from oemupdates.services.shared.activity import Refused

_NOTES = ".room"
_LOCK, _NOTE = "looking.lock", ".taken.lock"


class NoRoom(Refused):
    """The disk has no room for what is to come."""


@contextmanager
def taking(place: Path, size: int) -> Iterator[None]:
    """Have room for what is to come to a place, until the block ends; raises `NoRoom`.

    `size` are the bytes of all of it, those that lie there already among them.
    """
    root = Path(settings.PAYLOAD_DIR)
    notes = root / _NOTES
    notes.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        with (notes / _LOCK).open("a") as alone:
            fcntl.flock(alone, fcntl.LOCK_EX)
            _check(size - _lies_at(place), notes)
            path = notes / f"{uuid.uuid4().hex}{_NOTE}"
            note = stack.enter_context(path.open("w", encoding="utf-8"))
            stack.callback(path.unlink, missing_ok=True)
            fcntl.flock(note, fcntl.LOCK_EX)
            json.dump({"place": str(place.relative_to(root)), "size": size}, note)
            note.flush()
        yield


def promised() -> int:
    """How many bytes are still to come for those who bring files now."""
    notes = (Path(settings.PAYLOAD_DIR) / _NOTES).glob(f"*{_NOTE}")
    return sum(_outstanding(note) or 0 for note in notes)


def _check(size: int, notes: Path) -> None:
    """Refuse what would leave less free than syncs must leave; notes of the dead go."""
    others = 0
    for note in notes.glob(f"*{_NOTE}"):
        outstanding = _outstanding(note)
        if outstanding is None:
            note.unlink(missing_ok=True)
        others += outstanding or 0
    free = shutil.disk_usage(settings.PAYLOAD_DIR).free
    needed = size + settings.SYNC_DISK_RESERVE
    if needed > free - others:
        of_it = f", {_words(others)} of it for what is on its way already" if others else ""
        raise NoRoom(
            f"There is no room for it: the payload folder's disk needs {_words(needed)} free,"
            f" and has {_words(free)}{of_it}."
        )


def _outstanding(path: Path) -> int | None:
    """What a note says is still to come; None if nobody holds it any more."""
    # It may go, or not be written yet, while it is looked at.
    with suppress(FileNotFoundError, ValueError), path.open(encoding="utf-8") as note:
        try:
            fcntl.flock(note, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            said = json.load(note)
            there = _lies_at(Path(settings.PAYLOAD_DIR) / said["place"])
            return max(int(said["size"]) - there, 0)
        return None
    return 0


def _lies_at(place: Path) -> int:
    """How many bytes a file has, or all below a folder; links lead nowhere."""
    size = 0
    for path in (place, *place.rglob("*")):
        with suppress(OSError):  # it may go while it is looked at
            facts = path.lstat()
            size += facts.st_size if S_ISREG(facts.st_mode) else 0
    return size


def _words(size: int) -> str:
    return filesizeformat(size).replace("\xa0", " ")
