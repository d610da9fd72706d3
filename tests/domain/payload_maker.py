"""Makes update payloads, signed and not, as update_engine's generator does; and crooked ones."""

import bz2
import hashlib
import struct
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from oemupdates.domain.payload_messages import REPLACE, REPLACE_BZ, Manifest, Signatures

BLOCK = 4096
CHUNK_BLOCKS = 2


def make_manifest(image: bytes, *, packs: bool = True) -> tuple[Any, bytes]:
    """The manifest of an image in pieces of two blocks, and the data of its operations."""
    manifest, data = Manifest(block_size=BLOCK), b""
    for start in range(0, len(image), CHUNK_BLOCKS * BLOCK):
        piece = image[start : start + CHUNK_BLOCKS * BLOCK]
        blob = bz2.compress(piece) if packs else piece
        operation = manifest.partition_operations.add(
            type=REPLACE_BZ if packs else REPLACE,
            data_offset=len(data),
            data_length=len(blob),
            data_sha256_hash=hashlib.sha256(blob).digest(),
        )
        operation.dst_extents.add(start_block=start // BLOCK, num_blocks=CHUNK_BLOCKS)
        data += blob
    manifest.new_partition_info.size = len(image)
    manifest.new_partition_info.hash = hashlib.sha256(image).digest()
    return manifest, data


def pack(manifest: Any, data: bytes, *, version: int = 1) -> bytes:
    """Header, manifest and data as one file."""
    body = manifest.SerializeToString()
    return struct.pack(">4sQQ", b"CrAU", version, len(body)) + body + data


def make_payload(image: bytes) -> bytes:
    """An unsigned payload that makes an image."""
    return pack(*make_manifest(image))


def sign(manifest: Any, data: bytes, *keys: rsa.RSAPrivateKey) -> bytes:
    """A whole payload with a signature by each key; update_engine numbers the last of them 2."""
    size = len(_signatures(b"", keys))
    manifest.signatures_offset, manifest.signatures_size = len(data), size
    signed = pack(manifest, data)
    return signed + _signatures(signed, keys)


def _signatures(signed: bytes, keys: tuple[rsa.RSAPrivateKey, ...]) -> bytes:
    message = Signatures()
    for version, key in enumerate(keys, start=3 - len(keys)):
        message.signatures.add(version=version, data=key.sign(signed, PKCS1v15(), SHA256()))
    found: bytes = message.SerializeToString()
    return found
