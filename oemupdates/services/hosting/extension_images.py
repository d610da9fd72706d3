"""Looking into the images of systemd-sysext payloads, with the file systems' own tools."""

import os
import resource
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from oemupdates.domain.extension import BadExtension, ExtensionRelease, parse, path_of
from oemupdates.domain.payload import extract

_TIMEOUT_SECONDS = 120
_MAX_RELEASE_BYTES = 64 * 1024
_MAX_COMPLAINT_BYTES = 4096
# What a tool may write and hold before it is ended: an OEM's files are a tenth of that at most.
MAX_BYTES, MAX_FILES = 2 * 1024**3, 100_000
_MAX_MEMORY = 2 * 1024**3
_LOOK_SECONDS = 0.1
_BLOCK = 512
_SAID = "said"
_NOTHING = "It holds no extension-release of its name, so no node would merge it."
_SECTOR = 512
_COPY_BYTES = 1024 * 1024
# A GUID partition table: its header is in the second sector; an entry begins with two GUIDs, then
# come its first and last sector.
_GPT = struct.Struct("<8s64xQII")
_GPT_ENTRY = struct.Struct("<16s16sQQ")
_MAX_PARTITIONS = 128
_MAX_SECTORS = 2**40


class CannotLook(Exception):
    """An image that cannot be read here; the text says why. Nothing is known of its inside."""


def look(payload: Path) -> ExtensionRelease:
    """Read the `extension-release` of a payload such as `oem-azure.gz`.

    Raises `CannotLook`, or `BadPayload` or `BadExtension` for bytes that are wrong, and for an
    image without a file of its name: systemd merges none of those.
    """
    with tempfile.TemporaryDirectory(prefix="fleet-extension-") as folder:
        path = Path(folder) / "image"
        with payload.open("rb") as stream, path.open("w+b") as image:
            extract(stream, image)
        return _look(path, payload.name.removesuffix(".gz"))


def look_at(image: Path, name: str) -> ExtensionRelease:
    """The same of an image as it is, which nodes merge under a name; it stays as it is."""
    with tempfile.TemporaryDirectory(prefix="fleet-extension-") as folder:
        path = Path(folder) / "image"
        path.symlink_to(image.absolute())
        return _look(path, name)


def _look(path: Path, name: str) -> ExtensionRelease:
    """Read an image whose path is ours to put something else at."""
    out = path.with_name("out")
    out.mkdir()
    with path.open("rb") as image:
        read = _reader(image, path)
    return parse(read(path, path_of(name), out))


def _reader(image: BinaryIO, path: Path) -> Callable[[Path, str, Path], str]:
    """What reads a file of the image; of a disk image, one partition alone is left."""
    reader = _by_magic(image, 0)
    if reader is not None:
        return reader
    for start, end in _partitions(image):
        reader = _by_magic(image, start)
        if reader is not None:
            _cut_out(image, path, start, end)
            return reader
    raise CannotLook("its file system is none of squashfs, erofs and btrfs")


def _by_magic(image: BinaryIO, start: int) -> Callable[[Path, str, Path], str] | None:
    for offset, magic, reader in _MAGIC:
        image.seek(start + offset)
        if image.read(len(magic)) == magic:
            return reader
    return None


def _partitions(image: BinaryIO) -> list[tuple[int, int]]:
    """Where the partitions of a disk image begin and end, in bytes; none in any other image."""
    image.seek(_SECTOR)
    header = image.read(_GPT.size)
    if len(header) < _GPT.size:
        return []
    signature, at, count, size = _GPT.unpack(header)
    if signature != b"EFI PART" or at > _MAX_PARTITIONS or not 0 < size <= _COPY_BYTES:
        return []
    found = []
    for number in range(min(count, _MAX_PARTITIONS)):
        image.seek(at * _SECTOR + number * size)
        entry = image.read(_GPT_ENTRY.size)
        if len(entry) < _GPT_ENTRY.size:
            break
        kind, _own, first, last = _GPT_ENTRY.unpack(entry)
        if any(kind) and first <= last < _MAX_SECTORS:
            found.append((first * _SECTOR, (last + 1) * _SECTOR))
    return found


def _cut_out(image: BinaryIO, path: Path, start: int, end: int) -> None:
    """Leave one partition of a disk image at the image's path."""
    part = path.with_suffix(".partition")
    image.seek(start)
    with part.open("wb") as out:
        while (left := end - start) > 0 and (piece := image.read(min(left, _COPY_BYTES))):
            out.write(piece)
            start += len(piece)
    part.replace(path)


def _from_squashfs(image: Path, name: str, out: Path) -> str:
    # Its own caches are as large as the machine's memory allows, if nobody says otherwise.
    small = ("-processors", "1", "-data-queue", "16", "-frag-queue", "16")
    try:
        _run(out, "unsquashfs", *small, "-cat", str(image), name)
    except CannotLook as problem:
        if "no matches" in str(problem):
            raise BadExtension(_NOTHING) from None
        raise
    return _text(out / _SAID)


def _from_erofs(image: Path, name: str, out: Path) -> str:
    _run(out, "fsck.erofs", f"--extract={out / 'tree'}", "--no-preserve", str(image))
    return _file(out / "tree", name)


def _from_btrfs(image: Path, name: str, out: Path) -> str:
    tree = out / "tree"
    tree.mkdir()
    # The tool wants each folder on the way to be matched too.
    *folders, last = name.split("/")
    regex = "^/(|" + "(|/".join([*folders, last]) + ")" * (len(folders) + 1) + "$"
    _run(out, "btrfs", "restore", "--symlinks", f"--path-regex={regex}", str(image), str(tree))
    return _file(tree, name)


def _run(out: Path, tool: str, *arguments: str) -> None:
    """Run a tool on an image from outside; all that it writes is below `out`, and bounded."""
    program = shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/sbin")
    if program is None:
        raise CannotLook(f"{tool} is not installed here")
    with (
        (out / _SAID).open("wb") as said,
        (out / "complaints").open("w+b") as complaints,
        subprocess.Popen(  # noqa: S603 - a program by its path, with a path of ours
            [program, *arguments], stdin=subprocess.DEVNULL, stdout=said, stderr=complaints
        ) as process,
    ):
        try:
            _watch(process, tool, out)
        finally:
            process.kill()
        if process.wait():
            complaints.seek(0, os.SEEK_END)
            complaints.seek(max(0, complaints.tell() - _MAX_COMPLAINT_BYTES))
            lines = complaints.read().decode(errors="replace").strip().splitlines()
            why = lines[-1] if lines else "it does not say why"
            raise CannotLook(f"{tool} cannot read it: {why}")


def _watch(process: subprocess.Popen[bytes], tool: str, out: Path) -> None:
    """Wait for a tool; `CannotLook` as soon as it takes more time, memory or disk than any."""
    with suppress(ProcessLookupError):  # it came to its end already
        resource.prlimit(process.pid, resource.RLIMIT_AS, (_MAX_MEMORY, _MAX_MEMORY))
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (MAX_BYTES, MAX_BYTES))
    deadline = time.monotonic() + _TIMEOUT_SECONDS
    while True:
        try:
            process.wait(_LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            if time.monotonic() > deadline:
                raise CannotLook(f"{tool} did not come to an end") from None
        if not _is_within_bounds(out):
            raise CannotLook("it holds more than any OEM or extension does")
        if process.returncode is not None:
            return


def _is_within_bounds(out: Path) -> bool:
    """Whether the files that a tool has written so far are as many, and as large, as they may."""
    size = 0
    for number, path in enumerate(out.rglob("*")):
        with suppress(FileNotFoundError):
            size += path.lstat().st_blocks * _BLOCK
        if size > MAX_BYTES or number > MAX_FILES:
            return False
    return True


def _file(tree: Path, name: str) -> str:
    """A file of a tree that was taken from an image, and of nowhere else."""
    path = tree / name
    if not path.is_symlink() and not path.exists():
        raise BadExtension(_NOTHING)
    if not path.resolve().is_relative_to(tree.resolve()) or not path.is_file():
        raise CannotLook("its extension-release leads elsewhere")
    return _text(path)


def _text(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(_MAX_RELEASE_BYTES + 1)
    if len(content) > _MAX_RELEASE_BYTES:
        raise CannotLook("its extension-release is longer than any")
    return content.decode(errors="replace")


_MAGIC = (
    (0, b"hsqs", _from_squashfs),
    (1024, b"\xe2\xe1\xf5\xe0", _from_erofs),
    (0x10040, b"_BHRfS_M", _from_btrfs),
)
