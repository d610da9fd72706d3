"""Payload files of a folder: which of them nodes accept, and what they hold."""

import re
from dataclasses import dataclass, field, replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from django.conf import settings

from oemupdates.domain import payload as payloads
from oemupdates.domain.extension import BadExtension, ExtensionRelease, check
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.services.hosting import extension_images
from oemupdates.services.hosting.extension_images import CannotLook
from oemupdates.services.oem import catalogue
from oemupdates.services.shared.activity import Refused

_OEM = re.compile(r"oem-([0-9A-Za-z][0-9A-Za-z._-]{0,99})\.gz", re.ASCII)
_EXTENSION = re.compile(r"flatcar-([0-9A-Za-z][0-9A-Za-z._-]{0,99})\.gz", re.ASCII)
SUM = ".sha256"
_MAX_SUM_BYTES = 1024 * 1024
_MAX_BECAUSE = 200


class BadPayload(Refused):
    """A file that nodes would refuse, or that is not what its own sum says."""


@dataclass(frozen=True, slots=True)
class PayloadFile:
    """One payload file and what its bytes say: size in bytes, hashes in lower-case hex.

    `signed_by` is the name of the key that signed it; empty if this server knows no keys. `inside`
    is what the image of an OEM or an extension says of itself; None if nobody could look, and then
    `unread_because` says why. `is_verified` is whether all was found out that must be.
    """

    path: Path
    size: int
    sha1: str
    sha256: str
    signed_by: str
    inside: ExtensionRelease | None = None
    unread_because: str = ""
    is_verified: bool = True

    @property
    def name(self) -> str:
        """The file name, by which nodes ask for it."""
        return self.path.name


@dataclass(slots=True)
class Folder:
    """What a folder holds for a release; `ignored` maps other files to why, `warnings` are lines.

    The OS payload is the first of `files`.
    """

    files: list[PayloadFile] = field(default_factory=list)
    ignored: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def unread(self) -> dict[str, list[str]]:
        """The files whose images nobody could look into, by why."""
        found: dict[str, list[str]] = {}
        for file in self.files:
            if file.unread_because:
                found.setdefault(file.unread_because, []).append(file.name)
        return found


def read(
    directory: Path,
    *,
    version: str,
    architecture: str,
    needs_signature: bool = True,
    needs_inside: bool = False,
    needs_os: bool = True,
) -> Folder:
    """Read a folder of payload files, each byte once; `BadPayload` names the file that is none.

    With public keys in the settings (`PAYLOAD_KEYS`) one of them must have signed each file, if
    that is needed. The image of an OEM or an extension must be for the version and architecture;
    one that cannot be looked into is verified all the same, unless its inside is needed.
    """
    if not directory.is_dir():
        raise BadPayload(f"{directory} is no folder.")
    folder, keys = Folder(), _keys()
    paths = sorted(directory.iterdir(), key=lambda path: (path.name != OS_PAYLOAD, path.name))
    names = {path.name for path in paths}
    if needs_os and OS_PAYLOAD not in names:
        raise BadPayload(f"{directory} holds no {OS_PAYLOAD}, without which nothing updates.")
    for path in paths:
        if path.name.endswith(SUM) and path.name.removesuffix(SUM) in names:
            continue
        why = why_left_out(path.name) if path.is_file() else "no file"
        if why:
            folder.ignored[path.name] = why
            continue
        file = _read_file(path, keys, needs_signature=needs_signature)
        if path.name != OS_PAYLOAD:
            file = _look_into(file, version=version, architecture=architecture)
            file = replace(file, is_verified=not (needs_inside and file.unread_because))
        folder.files.append(file)
        if warning := _warning(path.name, architecture):
            folder.warnings.append(warning)
    return folder


def why_left_out(file_name: str) -> str:
    """Why no node would ask for a file of that name; empty if some do."""
    if file_name == OS_PAYLOAD:
        return ""
    name = _OEM.fullmatch(file_name) or _EXTENSION.fullmatch(file_name)
    if name is None:
        return "no name that nodes ask for"
    if "oem-" in name[1] or "flatcar-" in name[1]:
        # Nodes look for `*oem-<id>.gz` and take the first that ends so.
        return "nodes would take it for another file"
    return ""


def _warning(name: str, architecture: str) -> str:
    match = _OEM.fullmatch(name)
    known = catalogue.load().oems.get(match[1]) if match else None
    if known is None or architecture in known.architectures:
        return ""
    return f"{name}: this OEM is for {', '.join(sorted(known.architectures))} only."


def _keys() -> dict[str, RSAPublicKey]:
    """The public keys of the settings, by the names of their files."""
    keys = {}
    for path in settings.PAYLOAD_KEYS:
        try:
            keys[path.name] = payloads.public_key(path.read_bytes())
        except (OSError, payloads.BadPayload) as error:
            raise BadPayload(f"The payload key {path} cannot be read: {error}") from error
    return keys


def _read_file(path: Path, keys: dict[str, RSAPublicKey], *, needs_signature: bool) -> PayloadFile:
    try:
        found = _verify(path, keys, needs_signature=needs_signature)
    except payloads.BadPayload as error:
        raise BadPayload(f"{path.name} is nothing that a node would take. {error}") from None
    read_file = PayloadFile(path, found.size, found.sha1, found.sha256, found.signed_by)
    _check_sum(read_file)
    return read_file


def _verify(
    path: Path, keys: dict[str, RSAPublicKey], *, needs_signature: bool
) -> payloads.Payload:
    with path.open("rb") as file:
        try:
            return payloads.verify(file, keys=keys)
        except payloads.NotSigned:
            if needs_signature:
                raise
        file.seek(0)
        return payloads.verify(file, keys={})


def _look_into(file: PayloadFile, *, version: str, architecture: str) -> PayloadFile:
    try:
        inside = extension_images.look(file.path)
        check(inside, version=version, architecture=architecture)
    except CannotLook as error:
        return replace(file, unread_because=str(error)[:_MAX_BECAUSE])
    except (BadExtension, payloads.BadPayload) as error:
        raise BadPayload(f"No node would merge what {file.name} holds. {error}") from None
    return replace(file, inside=inside)


def _check_sum(file: PayloadFile) -> None:
    """Compare with the `.sha256` beside the file, if there is one."""
    path = file.path.with_name(file.name + SUM)
    if not path.is_file():
        return
    if path.stat().st_size > _MAX_SUM_BYTES:
        raise BadPayload(f"{path.name} is too long to be a list of SHA-256 sums.")
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        said, _, name = line.partition(" ")
        # In sha256sum's format a star before the name says that the file was read as bytes.
        if name.strip().removeprefix("*").rpartition("/")[2] in {file.name, ""} and said:
            if said.lower() != file.sha256:
                raise BadPayload(
                    f"{file.name} is not what {path.name} says: its SHA-256 is {file.sha256}."
                )
            return
    raise BadPayload(f"{path.name} says nothing of {file.name}.")
