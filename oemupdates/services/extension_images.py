"""Looking into the images of systemd-sysext payloads, with the file systems' own tools."""

import shutil
import struct
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from oemupdates.domain.extension import ExtensionRelease, parse, path_of
from oemupdates.domain.payload import extract

_TIMEOUT_SECONDS = 120
_MAX_RELEASE_BYTES = 64 * 1024
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

    Raises `CannotLook`, or `BadPayload` or `BadExtension` for bytes that are wrong.
    """
    name = payload.name.removesuffix(".gz")
    with tempfile.TemporaryDirectory(prefix="fleet-extension-") as folder:
        path = Path(folder) / "image"
        with payload.open("rb") as stream, path.open("w+b") as image:
            extract(stream, image)
            read = _reader(image, path)
        return parse(read(path, path_of(name), Path(folder)))


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


def _from_squashfs(image: Path, name: str, _folder: Path) -> str:
    return _text(_run("unsquashfs", "-cat", str(image), name))


def _from_erofs(image: Path, name: str, folder: Path) -> str:
    tree = folder / "tree"
    _run("fsck.erofs", f"--extract={tree}", "--no-preserve", str(image))
    return _file(tree, name)


def _from_btrfs(image: Path, name: str, folder: Path) -> str:
    tree = folder / "tree"
    tree.mkdir()
    # The tool wants each folder on the way to be matched too.
    *folders, last = name.split("/")
    regex = "^/(|" + "(|/".join([*folders, last]) + ")" * (len(folders) + 1) + "$"
    _run("btrfs", "restore", f"--path-regex={regex}", str(image), str(tree))
    return _file(tree, name)


def _run(tool: str, *arguments: str) -> bytes:
    """Run a tool on an image from outside: bounded in time, heard as far as is needed."""
    program = shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/sbin")
    if program is None:
        raise CannotLook(f"{tool} is not installed here")
    try:
        done = subprocess.run(  # noqa: S603 - a program by its path, with a path of ours
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CannotLook(f"{tool} did not come to an end") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise CannotLook(f"{tool} cannot read it: {said[-1] if said else 'it does not say why'}")
    return done.stdout


def _file(tree: Path, name: str) -> str:
    """A file of a tree that was taken from an image, and of nowhere else."""
    path = (tree / name).resolve()
    if not path.is_relative_to(tree.resolve()) or not path.is_file():
        raise CannotLook("it holds no extension-release of its name")
    with path.open("rb") as file:
        return _text(file.read(_MAX_RELEASE_BYTES + 1))


def _text(content: bytes) -> str:
    if len(content) > _MAX_RELEASE_BYTES:
        raise CannotLook("its extension-release is longer than any")
    return content.decode(errors="replace")


_MAGIC = (
    (0, b"hsqs", _from_squashfs),
    (1024, b"\xe2\xe1\xf5\xe0", _from_erofs),
    (0x10040, b"_BHRfS_M", _from_btrfs),
)
