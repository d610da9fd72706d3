"""Bundles: whole releases in one signed file, carried to where there is no network.

A bundle is a ustar archive: `manifest.json`, its Ed25519 signature, and then every file that the
manifest names, sorted, in the layout of a release server. The manifest is canonical JSON that says
the size and the SHA-256 of each file, so all of the archive follows from it: whoever reads one
compares each header with the only one that may stand there, and believes nothing that it says.
"""

import hashlib
import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import date
from typing import BinaryIO
from uuid import UUID

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from oemupdates.domain.bundle_way import Way, check_ways
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.domain.ustar import BLOCK, END, MAX_SIZE, header, padding
from oemupdates.domain.version import BadVersion, parse

FORMAT = "oem-fleet-bundle/1"
MANIFEST, SIGNATURE = "manifest.json", "manifest.json.sig"
NOTES, PACKAGES, SUM = "release-notes.txt", "_packages.txt", ".sha256"
MAX_MANIFEST, MAX_TEXT = 4 * 1024 * 1024, 2 * 1024 * 1024
SIGNATURE_BYTES = 64
_CHUNK = 1024 * 1024
_PATH = re.compile(
    r"(?P<board>(?:amd64|arm64)-usr)/(?P<version>[0-9][0-9A-Za-z.+-]{0,63})/(?P<name>"
    rf"{re.escape(NOTES)}|[0-9A-Za-z][0-9A-Za-z._-]{{0,99}}{re.escape(PACKAGES)}"
    r"|(?:flatcar_production_update|oem-[0-9A-Za-z._-]{1,99}|flatcar-[0-9A-Za-z._-]{1,99})\.gz"
    rf"(?:{re.escape(SUM)})?)",
    re.ASCII,
)
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


class BadBundle(Exception):
    """A file that is no whole bundle of somebody who is trusted; the text is a sentence."""


@dataclass(frozen=True, slots=True)
class Bundled:
    """A release in a bundle; one that is not whole brings files for nodes that run it already."""

    application: str
    version: str
    architecture: str
    published_on: str = ""

    @property
    def folder(self) -> str:
        """Where its files are in the archive."""
        return f"{self.architecture}-usr/{self.version}"


@dataclass(frozen=True, slots=True)
class File:
    """A file in a bundle: size in bytes, SHA-256 in lower-case hex."""

    path: str
    size: int
    sha256: str

    @property
    def folder(self) -> str:
        """The folder of its release."""
        return self.path.rpartition("/")[0]

    @property
    def name(self) -> str:
        """Its name there."""
        return self.path.rpartition("/")[2]

    @property
    def is_payload(self) -> bool:
        """Whether nodes ask for it."""
        return self.name.endswith(".gz")


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is in a bundle, and by which key it says that it was signed."""

    key: str
    releases: tuple[Bundled, ...]
    files: tuple[File, ...]
    ways: tuple[Way, ...] = ()

    def of(self, release: Bundled) -> list[File]:
        """The files of a release."""
        return [file for file in self.files if file.folder == release.folder]

    def is_whole(self, release: Bundled) -> bool:
        """Whether it brings the OS."""
        return any(file.name == OS_PAYLOAD for file in self.of(release))

    @property
    def size(self) -> int:
        """How many bytes its files have together."""
        return sum(file.size for file in self.files)


@dataclass(frozen=True, slots=True)
class Opened:
    """A manifest whose signature holds, by which key, and its bytes."""

    manifest: Manifest
    key: str
    raw: bytes

    @property
    def identity(self) -> str:
        """What tells it from every other bundle."""
        return hashlib.sha256(self.raw).hexdigest()


def fingerprint(key: Ed25519PublicKey) -> str:
    """What a key is called: the SHA-256 of its 32 bytes."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()


def dump(manifest: Manifest) -> bytes:
    """A manifest as the bytes that are signed: the same each time."""
    said = {"format": FORMAT, **asdict(manifest)}
    return (json.dumps(said, sort_keys=True, indent=1, ensure_ascii=True) + "\n").encode()


def load(raw: bytes) -> Manifest:
    """Read a manifest; raises `BadBundle` unless it is one that `dump` would write."""
    try:
        said = json.loads(raw)
        manifest = Manifest(
            said["key"],
            tuple(Bundled(**one) for one in said["releases"]),
            tuple(File(**one) for one in said["files"]),
            tuple(Way(**one) for one in said["ways"]),
        )
        is_ours = said["format"] == FORMAT and dump(manifest) == raw
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadBundle("Its manifest is none that this server understands.") from error
    if not is_ours:
        raise BadBundle("Its manifest is not written as manifests are.")
    try:
        _check(manifest)
    except (TypeError, ValueError) as error:
        raise BadBundle(f"Its manifest makes no sense: {error}.") from error
    return manifest


def _check(manifest: Manifest) -> None:
    """Raise ValueError or TypeError if something in a manifest may not be."""
    folders = [release.folder for release in manifest.releases]
    paths = [file.path for file in manifest.files]
    if not folders or folders != sorted(set(folders)) or paths != sorted(set(paths)):
        raise ValueError("it names nothing, or something twice, or in another order")
    for release in manifest.releases:
        _check_release(release)
    for file in manifest.files:
        _check_file(file, folders)
    payloads = {file.path for file in manifest.files if file.is_payload}
    sums = {path.removesuffix(SUM) for path in paths if path.endswith(SUM)}
    if payloads != sums:
        raise ValueError("each payload has one file with its sum")
    if set(folders) != {path.rpartition("/")[0] for path in payloads}:
        raise ValueError("a release without a payload")
    check_ways(manifest.ways, {kind_of(one) for one in manifest.releases})


def kind_of(one: Bundled | Way) -> tuple[str, str]:
    """Whose releases something is about: an application for an architecture."""
    return one.application, one.architecture


def _check_release(release: Bundled) -> None:
    if str(UUID(release.application)) != release.application:
        raise ValueError(f"{release.application!r} is no application")
    if release.published_on:
        date.fromisoformat(release.published_on)
    try:
        parse(release.version)
    except BadVersion as error:
        raise ValueError(str(error)) from error


def _check_file(file: File, folders: list[str]) -> None:
    if not _PATH.fullmatch(file.path) or file.folder not in folders:
        raise ValueError(f"{file.path[:200]!r} has no place in a bundle")
    most = MAX_SIZE if file.is_payload else MAX_TEXT
    if type(file.size) is not int or not 0 < file.size <= most:
        raise ValueError(f"{file.path} cannot have {file.size} bytes")
    if not _SHA256.fullmatch(file.sha256):
        raise ValueError(f"the sum of {file.path} is none")


def read_manifest(file: BinaryIO, keys: Mapping[str, Ed25519PublicKey]) -> Opened:
    """Read the beginning of a bundle; `keys` are those that are trusted, by their names."""
    first = file.read(BLOCK)
    with suppress(tarfile.TarError, ValueError):
        size = tarfile.TarInfo.frombuf(first, "ascii", "strict").size
        if size > MAX_MANIFEST:
            raise BadBundle(f"Its manifest is larger than {MAX_MANIFEST} bytes.")
        if first == header(MANIFEST, size):
            raw = _take(file, size)
            if file.read(BLOCK) != header(SIGNATURE, SIGNATURE_BYTES):
                raise BadBundle("It has no signature behind its manifest.")
            signature = _take(file, SIGNATURE_BYTES)
            return Opened(*_believed(raw, signature, keys), raw)
    raise BadBundle(f"It does not begin with {MANIFEST}, as bundles do.")


def _believed(
    raw: bytes, signature: bytes, keys: Mapping[str, Ed25519PublicKey]
) -> tuple[Manifest, str]:
    for name, key in keys.items():
        with suppress(InvalidSignature):
            key.verify(signature, raw)
            return load(raw), name
    if not keys:
        raise BadBundle("No key is trusted here, so no bundle is.")
    claimed = ""
    with suppress(BadBundle):
        claimed = load(raw).key[:16]
    if claimed and claimed not in {fingerprint(key)[:16] for key in keys.values()}:
        raise BadBundle(f"It says that key {claimed} signed it: no key that is trusted.")
    raise BadBundle("Its signature does not hold for any key that is trusted.")


def _take(file: BinaryIO, size: int) -> bytes:
    """A small file's content; its padding too must be what it should."""
    found = file.read(size)
    if len(found) != size or file.read(-size % BLOCK) != padding(size):
        raise BadBundle("It ends too early.")
    return found


def contents(file: BinaryIO, manifest: Manifest) -> Iterator[tuple[File, Iterator[bytes]]]:
    """Each file of a bundle with its bytes, which must be read before the next one is.

    Whoever has heard the last byte of a file knows that the file is what the manifest says, and
    whoever has heard the end knows that of the bundle; else `BadBundle` is raised.
    """
    for one in manifest.files:
        if file.read(BLOCK) != header(one.path, one.size):
            raise BadBundle(f"{one.path} does not stand where it should: it is cut or changed.")
        yield one, _content(file, one)
        if file.read(-one.size % BLOCK) != padding(one.size):
            raise BadBundle(f"Something stands behind {one.path}.")
    if file.read(len(END)) != END or file.read(1):
        raise BadBundle("It does not end where it should.")


def _content(file: BinaryIO, one: File) -> Iterator[bytes]:
    sha256, left = hashlib.sha256(), one.size
    while left:
        chunk = file.read(min(left, _CHUNK))
        if not chunk:
            raise BadBundle(f"It ends in the middle of {one.path}.")
        left -= len(chunk)
        sha256.update(chunk)
        yield chunk
    if sha256.hexdigest() != one.sha256:
        raise BadBundle(f"{one.path} is not what the manifest says.")


def verify(file: BinaryIO, keys: Mapping[str, Ed25519PublicKey]) -> Opened:
    """Read all of a bundle and keep nothing; raises `BadBundle` if anything is wrong."""
    opened = read_manifest(file, keys)
    payloads = {one.path: one.sha256 for one in opened.manifest.files if one.is_payload}
    for one, chunks in contents(file, opened.manifest):
        if one.name.endswith(SUM):
            check_sum(one, b"".join(chunks), payloads)
        else:
            for _ in chunks:
                pass
    return opened


def check_sum(file: File, content: bytes, payloads: Mapping[str, str]) -> None:
    """Raise `BadBundle` unless a `.sha256` says of its payload what the manifest does."""
    path = file.path.removesuffix(SUM)
    if content != sum_line(path.rpartition("/")[2], payloads[path]):
        raise BadBundle(f"{file.path} says something else than the manifest.")


def sum_line(name: str, sha256: str) -> bytes:
    """What `sha256sum` says of a file."""
    return f"{sha256}  {name}\n".encode()
