"""Flatcar's update payload format: what a payload file holds, and whether to believe it.

A payload is a header (magic, version, length of the manifest), a manifest (protobuf), the data of
the operations in their order and without gaps, and the signatures, up to the end of the file. OS,
OEM and extension payloads are all of this one kind, whatever their names say. What is checked here
is what update_engine (`payload_processor.cc`, `payload_signer.cc`) checks on a node.
"""

import bz2
import hashlib
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from google.protobuf.message import DecodeError

from oemupdates.domain.payload_messages import REPLACE, REPLACE_BZ, Manifest, Signatures

MAGIC = b"CrAU"
_VERSION = 1
_HEADER = struct.Struct(">QQ")
_BLOCK_SIZE = 4096
_READ_BYTES = 1024 * 1024
# The one signature that update_engine looks at, of however many there are.
_SIGNATURE_VERSION = 2
# An OS payload of 500 MiB has a manifest of about 100 KiB; a signature has some 270 bytes.
_MAX_MANIFEST_BYTES = 16 * 1024 * 1024
_MAX_SIGNATURES_BYTES = 64 * 1024
# The OS partition has 1 GiB, extension images tens of MiB.
_MAX_IMAGE_BYTES = 4 * 1024 * 1024 * 1024
# update_engine's generator makes operations of 1 MiB.
_MAX_OPERATION_BYTES = 64 * 1024 * 1024


class BadPayload(ValueError):
    """Bytes that a node would refuse; the text says what is wrong with them."""


class NotSigned(BadPayload):
    """A payload without a signature, or with one by none of the keys."""


@dataclass(frozen=True, slots=True)
class Payload:
    """What a payload is once every byte of it was read; hashes are lower-case hex.

    `size` in bytes is the file's, `image_size` that of the partition or extension image which it
    makes. `signed_by` is the name of the key whose signature holds; it is empty when no keys were
    given, and then nothing is known of the signature.
    """

    size: int
    sha1: str
    sha256: str
    image_size: int
    image_sha256: str
    signed_by: str


def public_key(pem: bytes) -> RSAPublicKey:
    """Read a public key such as Flatcar's `update-payload-key.pub.pem`, or raise `BadPayload`."""
    try:
        key = load_pem_public_key(pem)
    except ValueError as error:
        raise BadPayload("The file holds no public key in PEM.") from error
    if not isinstance(key, RSAPublicKey):
        raise BadPayload("The key is no RSA key, and payloads are signed with no other kind.")
    return key


def verify(stream: BinaryIO, *, keys: Mapping[str, RSAPublicKey]) -> Payload:
    """Read a payload forward from its first byte to its last, and check what a node would check.

    Its sizes, the hash of each operation's data and, with `keys` by their names, that one of them
    signed it. Holds a piece of the file at a time. Raises `BadPayload`, or `NotSigned`.
    """
    reader = _Reader(stream)
    manifest = reader.manifest()
    for operation in _operations(manifest):
        for _piece in reader.data(operation):
            pass
    signed = reader.signed.digest()
    signatures = reader.signatures(manifest)
    signer = _signer(signatures, signed, keys) if keys else ""
    return Payload(
        size=reader.size,
        sha1=reader.sha1.hexdigest(),
        sha256=reader.sha256.hexdigest(),
        image_size=manifest.new_partition_info.size,
        image_sha256=manifest.new_partition_info.hash.hex(),
        signed_by=signer,
    )


def unsigned(image: bytes) -> bytes:
    """A payload that makes an image, for demos and measurements; its data is not packed."""
    manifest = Manifest()
    for start in range(0, len(image), _READ_BYTES):
        piece = image[start : start + _READ_BYTES]
        operation = manifest.partition_operations.add(
            type=REPLACE,
            data_offset=start,
            data_length=len(piece),
            data_sha256_hash=hashlib.sha256(piece).digest(),
        )
        operation.dst_extents.add(
            start_block=start // _BLOCK_SIZE, num_blocks=_READ_BYTES // _BLOCK_SIZE
        )
    manifest.new_partition_info.size = len(image)
    manifest.new_partition_info.hash = hashlib.sha256(image).digest()
    content: bytes = manifest.SerializeToString()
    return MAGIC + _HEADER.pack(_VERSION, len(content)) + content + image


def extract(stream: BinaryIO, image: BinaryIO) -> None:
    """Write the image that a full payload makes, and check it against the manifest's hash.

    `image` is written from its beginning and read again; it must be empty. Raises `BadPayload`,
    for a payload too that changes an older image, as extensions never do.
    """
    reader = _Reader(stream)
    manifest = reader.manifest()
    size = manifest.new_partition_info.size
    if not 0 < size <= _MAX_IMAGE_BYTES:
        raise BadPayload(f"The image would have {size} bytes.")
    for operation in manifest.partition_operations:
        _write(image, reader.data(operation), operation, size)
    image.truncate(size)
    image.seek(0)
    own = hashlib.sha256()
    for piece in iter(lambda: image.read(_READ_BYTES), b""):
        own.update(piece)
    if own.digest() != manifest.new_partition_info.hash:
        raise BadPayload("The image has not the hash that the manifest says.")


class _Reader:
    """A payload, read forward; keeps count and hashes of all that went by."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.size = 0
        self._data_read = 0
        self.sha1 = hashlib.sha1(usedforsecurity=False)
        self.sha256 = hashlib.sha256()
        self.signed = hashlib.sha256()

    def _pieces(self, length: int, *, is_signed: bool = True) -> Iterator[bytes]:
        while length:
            piece = self._stream.read(min(length, _READ_BYTES))
            if not piece:
                raise BadPayload(f"The file ends after {self.size} bytes; {length} are missing.")
            length -= len(piece)
            self.size += len(piece)
            self.sha1.update(piece)
            self.sha256.update(piece)
            if is_signed:
                self.signed.update(piece)
            yield piece

    def manifest(self) -> Any:
        """Read the header and the manifest."""
        if b"".join(self._pieces(len(MAGIC))) != MAGIC:
            raise BadPayload("It does not begin as an update payload does (CrAU).")
        version, length = _HEADER.unpack(b"".join(self._pieces(_HEADER.size)))
        if version != _VERSION:
            raise BadPayload(f"The payload has format version {version}; nodes know {_VERSION}.")
        if not 0 < length <= _MAX_MANIFEST_BYTES:
            raise BadPayload(f"The manifest would have {length} bytes.")
        manifest = Manifest()
        try:
            manifest.ParseFromString(b"".join(self._pieces(length)))
        except DecodeError as error:
            raise BadPayload("The manifest cannot be read.") from error
        return manifest

    def data(self, operation: Any) -> Iterator[bytes]:
        """Read the data of the next operation, and check its hash behind the last piece."""
        if not operation.data_length:
            return
        if operation.data_offset != self._data_read:
            raise BadPayload(
                f"An operation's data is at {operation.data_offset}; it must be at"
                f" {self._data_read}, as nodes read forward."
            )
        self._data_read += operation.data_length
        own = hashlib.sha256()
        for piece in self._pieces(operation.data_length):
            own.update(piece)
            yield piece
        if own.digest() != operation.data_sha256_hash:
            raise BadPayload(f"The data at {operation.data_offset} has not its manifest's hash.")

    def signatures(self, manifest: Any) -> bytes:
        """Read the signatures, behind which the file must end; empty if there are none."""
        size = manifest.signatures_size
        if size and manifest.signatures_offset != self._data_read:
            raise BadPayload("The signatures are not where the data ends.")
        if size > _MAX_SIGNATURES_BYTES:
            raise BadPayload(f"The signatures would have {size} bytes.")
        signatures = b"".join(self._pieces(size, is_signed=False))
        if self._stream.read(1):
            raise BadPayload("The file goes on behind its last part.")
        return signatures


def _operations(manifest: Any) -> Iterator[Any]:
    yield from manifest.partition_operations
    for procedure in manifest.procedures:
        yield from procedure.operations


def _signer(blob: bytes, digest: bytes, keys: Mapping[str, RSAPublicKey]) -> str:
    """The name of the key that signed a digest."""
    message = Signatures()
    try:
        message.ParseFromString(blob)
    except DecodeError as error:
        raise NotSigned("The signatures cannot be read.") from error
    signatures = [one.data for one in message.signatures if one.version == _SIGNATURE_VERSION]
    if not signatures:
        raise NotSigned("The payload carries no signature.")
    for name, key in keys.items():
        try:
            key.verify(signatures[0], digest, PKCS1v15(), Prehashed(SHA256()))
        except InvalidSignature:
            continue
        return name
    raise NotSigned(f"The signature is by none of the known keys ({', '.join(keys)}).")


def _write(image: BinaryIO, data: Iterator[bytes], operation: Any, size: int) -> None:
    """Write one operation's data where it belongs; what nobody writes is zeros.

    The last operation usually has more room than the image has left: nodes cut it off behind.
    """
    if operation.type not in {REPLACE, REPLACE_BZ} or len(operation.dst_extents) != 1:
        raise BadPayload("The payload changes an older image, as no extension's does.")
    extent = operation.dst_extents[0]
    start = extent.start_block * _BLOCK_SIZE
    room = extent.num_blocks * _BLOCK_SIZE
    if start >= size or room > _MAX_OPERATION_BYTES:
        raise BadPayload("An operation writes behind the end of the image.")
    image.seek(start)
    pieces = _unpacked(data, room) if operation.type == REPLACE_BZ else data
    for piece in pieces:
        room -= len(piece)
        if room < 0:
            raise BadPayload("An operation writes more than its room.")
        image.write(piece)


def _unpacked(data: Iterator[bytes], room: int) -> Iterator[bytes]:
    """Unpack bzip2, never more than a byte beyond `room`."""
    unpacker = bz2.BZ2Decompressor()
    for packed in data:
        piece = packed
        while not unpacker.eof:
            try:
                unpacked = unpacker.decompress(piece, max_length=min(room + 1, _READ_BYTES))
            except OSError as error:
                raise BadPayload("An operation's data is no bzip2.") from error
            piece = b""
            room -= len(unpacked)
            yield unpacked
            if room < 0 or unpacker.needs_input:
                break
    if not unpacker.eof:
        raise BadPayload("An operation's data ends too early.")
