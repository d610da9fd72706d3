"""What lies on the disk of the payloads: files that are hosted, and those on their way there."""

import fcntl
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISDIR, S_ISREG

from django.conf import settings

from oemupdates.models import Release
from oemupdates.services.hosting import disk_room
from oemupdates.services.shared.activity import Refused

_BOARD = re.compile(r"(amd64|arm64)-usr", re.ASCII)
_PAYLOAD = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,127}\.gz(\.sha256)?", re.ASCII)
_IMAGE = re.compile(r"[0-9A-Za-z][0-9A-Za-z.,_+-]{0,255}\.raw(\.sha256)?", re.ASCII)
# Where images of components lie, beside the boards: a folder each.
COMPONENTS = "components"
_LOCK = ".hosting.lock"


class IsHosting(Refused):
    """Files are being put in place, so none may be taken away."""


@dataclass(frozen=True, slots=True)
class OnDisk:
    """One file, and when it was last written or put in place."""

    name: str
    size: int
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class HostedFolder:
    """The payload files of one version for one board, with their sums.

    Of a component they are its images, as if it were a version of the board `components`.
    """

    board: str
    version: str
    files: tuple[OnDisk, ...]

    @property
    def size(self) -> int:
        """Its bytes."""
        return sum(file.size for file in self.files)

    @property
    def architecture(self) -> str:
        """What its board is for."""
        return self.board.removesuffix("-usr")


@dataclass(frozen=True, slots=True)
class Begun:
    """What a sync, an import or an upload collects: a folder or a file beside the boards."""

    place: str
    size: int
    changed_at: datetime
    is_held: bool


@dataclass(slots=True)
class Disk:
    """All of the payload folder, and of the disk that it is on; sizes are in bytes.

    `promised` is still to come for those who bring files now. `components` are folders of images.
    `strange` are files that this server did not put there: it never touches them.
    """

    total: int
    free: int
    reserve: int
    promised: int
    folders: list[HostedFolder] = field(default_factory=list)
    components: list[HostedFolder] = field(default_factory=list)
    begun: list[Begun] = field(default_factory=list)
    strange: list[OnDisk] = field(default_factory=list)

    @property
    def hosted(self) -> int:
        """The bytes of all files in their places."""
        return sum(folder.size for folder in (*self.folders, *self.components))


@dataclass(frozen=True, slots=True)
class Held:
    """How much of the disk a release holds, and which of its payloads are not there as they were.

    A release whose payloads are on another host holds nothing, and misses nothing.
    """

    files: int
    size: int
    missing: tuple[str, ...]


def survey() -> Disk:
    """Look at the whole payload folder; names and sizes alone, no byte is read."""
    root = Path(settings.PAYLOAD_DIR)
    there = next(path for path in (root, *root.parents) if path.exists())
    usage = shutil.disk_usage(there)
    disk = Disk(usage.total, usage.free, settings.SYNC_DISK_RESERVE, disk_room.promised())
    for one in _entries(root):
        if one.name.startswith("."):
            disk.begun += _begun(one)
        elif _BOARD.fullmatch(one.name) and _is_folder(one):
            _read_board(one, _PAYLOAD, disk.folders, disk.strange)
        elif one.name == COMPONENTS and _is_folder(one):
            _read_board(one, _IMAGE, disk.components, disk.strange)
        else:
            disk.strange += _files(one)
    return disk


def held(release: Release) -> Held:
    """What a release holds of the disk, and what of it is missing there."""
    if release.codebase:
        return Held(0, 0, ())
    folder = Path(settings.PAYLOAD_DIR) / release.board / release.version
    sizes = {file.name: file.size for one in _entries(folder) for file in _files(one)}
    payloads = {one.name: one.size for one in release.payloads.all()}
    there = [name for name in sizes if name.removesuffix(".sha256") in payloads]
    return Held(
        len(there),
        sum(sizes[name] for name in there),
        tuple(name for name, size in payloads.items() if sizes.get(name) != size),
    )


@contextmanager
def hosting() -> Iterator[None]:
    """Put files in place and register them while none are taken away."""
    with _locked(fcntl.LOCK_SH):
        yield


@contextmanager
def taking_away() -> Iterator[None]:
    """Take files away while none are put in place; raises `IsHosting`."""
    try:
        with _locked(fcntl.LOCK_EX | fcntl.LOCK_NB):
            yield
    except BlockingIOError:
        raise IsHosting(
            "Files are being put in place by an import just now: try again when it is over."
        ) from None


@contextmanager
def _locked(how: int) -> Iterator[None]:
    root = Path(settings.PAYLOAD_DIR)
    root.mkdir(parents=True, exist_ok=True)
    with (root / _LOCK).open("a") as lock:
        fcntl.flock(lock, how)
        yield


def _read_board(
    board: Path, pattern: re.Pattern[str], folders: list[HostedFolder], strange: list[OnDisk]
) -> None:
    for version in _entries(board):
        if not _is_folder(version):
            strange += _files(version)
            continue
        files: list[OnDisk] = []
        for one in _entries(version):
            ours = pattern.fullmatch(one.name) and not _is_folder(one)
            (files if ours else strange).extend(_files(one))
        folders.append(HostedFolder(board.name, version.name, tuple(files)))


def _begun(root: Path) -> Iterator[Begun]:
    """What is on its way below one of the folders for that: an attempt each."""
    for one in _entries(root) if _is_folder(root) else ():
        files = _files(one)
        size = sum(file.size for file in files)
        if size and one.suffix != ".lock":
            locks = [one.with_name(f"{one.name}.lock"), one / "lock"]
            changed_at = max(file.changed_at for file in files)
            yield Begun(f"{root.name}/{one.name}", size, changed_at, any(map(_is_locked, locks)))


def _is_locked(path: Path) -> bool:
    with suppress(OSError), path.open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _files(path: Path) -> list[OnDisk]:
    """A file, or all that lie below a folder; links lead nowhere."""
    with suppress(OSError):  # it may go while it is looked at
        facts = path.lstat()
        if S_ISDIR(facts.st_mode):
            return [file for one in _entries(path) for file in _files(one)]
        size = facts.st_size if S_ISREG(facts.st_mode) else 0
        changed = max(facts.st_mtime, facts.st_ctime)
        return [OnDisk(path.name, size, datetime.fromtimestamp(changed, tz=UTC))]
    return []


def _entries(folder: Path) -> list[Path]:
    with suppress(OSError):
        return sorted(folder.iterdir())
    return []


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
