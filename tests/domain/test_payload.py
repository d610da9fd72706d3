"""Payload files: the real ones hold, and whatever is done to them is found."""

import bz2
import hashlib
import io
import tempfile
import tracemalloc
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from oemupdates.domain.payload import (
    BadPayload,
    NotSigned,
    extract,
    public_key,
    unsigned,
    verify,
)
from oemupdates.domain.payload_messages import MOVE
from tests.domain.payload_maker import BLOCK, make_manifest, pack, sign

PAYLOADS = Path(__file__).parent.parent / "payloads"
FILES = sorted(PAYLOADS.rglob("*.gz"), key=lambda path: path.name)
SMALL = [path for path in FILES if path.stat().st_size < 1000]
KEY = public_key((PAYLOADS / "update-payload-key.pub.pem").read_bytes())
KEYS = {"flatcar": KEY}
OWN = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OWN_KEYS = {"own": OWN.public_key()}
IMAGE = bytes(range(256)) * 100  # 25,600 bytes: three operations and a bit, and no whole block


def name(path: Path) -> str:
    return path.name


def extracted(content: bytes) -> bytes:
    with tempfile.TemporaryFile() as image:
        extract(io.BytesIO(content), cast(BinaryIO, image))
        image.seek(0)
        return image.read()


class TestRealPayloads:
    @pytest.mark.parametrize("path", FILES, ids=name)
    def test_verify_with_their_key(self, path: Path) -> None:
        content = path.read_bytes()
        payload = verify(io.BytesIO(content), keys=KEYS)
        assert payload.signed_by == "flatcar"
        assert payload.size == len(content)
        assert payload.sha1 == hashlib.sha1(content, usedforsecurity=False).hexdigest()
        assert payload.sha256 == hashlib.sha256(content).hexdigest()

    @pytest.mark.parametrize("path", FILES, ids=name)
    def test_make_the_image_that_their_manifest_says(self, path: Path) -> None:
        content = path.read_bytes()
        payload = verify(io.BytesIO(content), keys={})
        image = extracted(content)
        assert len(image) == payload.image_size
        assert hashlib.sha256(image).hexdigest() == payload.image_sha256

    @pytest.mark.parametrize("path", SMALL, ids=name)
    def test_fail_with_any_byte_changed(self, path: Path) -> None:
        content = bytearray(path.read_bytes())
        for at in range(len(content)):
            content[at] ^= 0x01
            with pytest.raises(BadPayload):
                verify(io.BytesIO(content), keys=KEYS)
            content[at] ^= 0x01
        verify(io.BytesIO(content), keys=KEYS)

    @pytest.mark.parametrize("path", SMALL, ids=name)
    def test_fail_with_an_end_missing_or_more_behind_it(self, path: Path) -> None:
        content = path.read_bytes()
        for end in range(len(content)):
            with pytest.raises(BadPayload):
                verify(io.BytesIO(content[:end]), keys=KEYS)
        with pytest.raises(BadPayload, match="goes on behind"):
            verify(io.BytesIO(content + b"\0"), keys=KEYS)

    @pytest.mark.parametrize("path", FILES, ids=name)
    def test_fail_with_a_byte_missing_or_changed_in_the_middle(self, path: Path) -> None:
        content = path.read_bytes()
        for at in range(0, len(content), len(content) // 20):
            changed = bytes([content[at] ^ 0x80])
            for crooked in (
                content[:at] + content[at + 1 :],
                content[:at] + changed + content[at + 1 :],
            ):
                with pytest.raises(BadPayload):
                    verify(io.BytesIO(crooked), keys=KEYS)

    @pytest.mark.parametrize("path", FILES, ids=name)
    def test_fail_with_another_key(self, path: Path) -> None:
        with path.open("rb") as stream, pytest.raises(NotSigned, match="none of the known keys"):
            verify(stream, keys=OWN_KEYS)

    def test_of_any_size_take_little_memory(self) -> None:
        path = max(FILES, key=lambda path: path.stat().st_size)
        tracemalloc.start()
        with path.open("rb") as stream:
            verify(stream, keys=KEYS)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < path.stat().st_size, "it is read in pieces of 1 MiB"


class TestSignatures:
    def test_of_several_keys_the_known_one_fits(self) -> None:
        manifest, data = make_manifest(IMAGE)
        keys = {"other": OTHER.public_key(), **OWN_KEYS}
        assert verify(io.BytesIO(sign(manifest, data, OWN)), keys=keys).signed_by == "own"

    def test_of_several_signatures_nodes_look_at_the_last(self) -> None:
        manifest, data = make_manifest(IMAGE)
        assert verify(io.BytesIO(sign(manifest, data, OTHER, OWN)), keys=OWN_KEYS).signed_by
        with pytest.raises(NotSigned):
            verify(io.BytesIO(sign(manifest, data, OWN, OTHER)), keys=OWN_KEYS)

    def test_are_missed_with_keys_and_not_asked_for_without(self) -> None:
        content = pack(*make_manifest(IMAGE))
        with pytest.raises(NotSigned, match="no signature"):
            verify(io.BytesIO(content), keys=OWN_KEYS)
        assert verify(io.BytesIO(content), keys={}).signed_by == ""

    def test_of_another_payload_do_not_fit(self) -> None:
        signed = sign(*make_manifest(IMAGE), OWN)
        manifest, data = make_manifest(IMAGE[:-1] + b"x")
        size = verify(io.BytesIO(signed), keys={}).size
        manifest.signatures_offset = len(data)
        length = 262
        manifest.signatures_size = length
        with pytest.raises(NotSigned):
            verify(io.BytesIO(pack(manifest, data) + signed[size - length :]), keys=OWN_KEYS)

    def test_that_are_no_message_are_none(self) -> None:
        manifest, data = make_manifest(IMAGE)
        manifest.signatures_offset, manifest.signatures_size = len(data), 3
        with pytest.raises(NotSigned):
            verify(io.BytesIO(pack(manifest, data) + b"\xff\xff\xff"), keys=OWN_KEYS)


class TestCrookedPayloads:
    @pytest.mark.parametrize(
        ("content", "why"),
        [
            (b"", "ends after 0 bytes"),
            (b"<html>404 Not Found</html>", "CrAU"),
            (b"\x1f\x8b\x08" + bytes(40), "CrAU"),
            (pack(*make_manifest(IMAGE), version=2), "format version 2"),
            (b"CrAU" + (1).to_bytes(8, "big") + (1 << 40).to_bytes(8, "big"), "manifest would"),
            (b"CrAU" + (1).to_bytes(8, "big") + bytes(8), "manifest would"),
            (b"CrAU" + (1).to_bytes(8, "big") + (3).to_bytes(8, "big") + b"\xff" * 3, "cannot be"),
        ],
    )
    def test_say_what_is_wrong(self, content: bytes, why: str) -> None:
        with pytest.raises(BadPayload, match=why):
            verify(io.BytesIO(content), keys={})

    def test_with_a_gap_or_an_overlap_are_refused(self) -> None:
        for shift in (1, -1):
            manifest, data = make_manifest(IMAGE)
            manifest.partition_operations[1].data_offset += shift
            with pytest.raises(BadPayload, match="read forward"):
                verify(io.BytesIO(pack(manifest, data)), keys={})

    def test_with_signatures_elsewhere_or_without_end_are_refused(self) -> None:
        manifest, data = make_manifest(IMAGE)
        manifest.signatures_offset, manifest.signatures_size = len(data) + 1, 10
        with pytest.raises(BadPayload, match="not where the data ends"):
            verify(io.BytesIO(pack(manifest, data) + bytes(11)), keys={})
        manifest.signatures_offset, manifest.signatures_size = len(data), 1 << 40
        with pytest.raises(BadPayload, match="signatures would have"):
            verify(io.BytesIO(pack(manifest, data)), keys={})

    @given(content=st.binary(max_size=300))
    def test_of_any_bytes_are_refused_and_nothing_worse(self, content: bytes) -> None:
        header = b"CrAU" + (1).to_bytes(8, "big")
        for crooked in (content, header + len(content).to_bytes(8, "big") + content):
            with pytest.raises(BadPayload):
                verify(io.BytesIO(crooked), keys=KEYS)


def test_an_unsigned_payload_makes_its_image() -> None:
    content = unsigned(IMAGE)
    assert verify(io.BytesIO(content), keys={}).image_sha256 == hashlib.sha256(IMAGE).hexdigest()
    assert extracted(content) == IMAGE


class TestExtract:
    @pytest.mark.parametrize("packs", [True, False])
    def test_gives_the_image_back(self, packs: bool) -> None:  # noqa: FBT001 - a case
        assert extracted(pack(*make_manifest(IMAGE, packs=packs))) == IMAGE

    def test_leaves_zeros_where_nobody_writes(self) -> None:
        manifest, data = make_manifest(IMAGE[:BLOCK])
        whole = IMAGE[:BLOCK] + bytes(3 * BLOCK)
        manifest.new_partition_info.size = len(whole)
        manifest.new_partition_info.hash = hashlib.sha256(whole).digest()
        assert extracted(pack(manifest, data)) == whole

    def test_refuses_a_change_to_an_older_image(self) -> None:
        manifest, data = make_manifest(IMAGE)
        manifest.partition_operations[0].type = MOVE
        with pytest.raises(BadPayload, match="older image"):
            extracted(pack(manifest, data))

    def test_refuses_more_than_the_room(self) -> None:
        manifest, data = make_manifest(IMAGE)
        manifest.partition_operations[0].dst_extents[0].num_blocks = 1
        with pytest.raises(BadPayload, match="more than its room"):
            extracted(pack(manifest, data))

    @pytest.mark.parametrize(("start", "blocks"), [(7, 2), (1 << 50, 1), (0, 1 << 40)])
    def test_refuses_to_write_anywhere_else(self, start: int, blocks: int) -> None:
        manifest, data = make_manifest(IMAGE)
        extent = manifest.partition_operations[0].dst_extents[0]
        extent.start_block, extent.num_blocks = start, blocks
        with pytest.raises(BadPayload, match="behind the end"):
            extracted(pack(manifest, data))

    @pytest.mark.parametrize("size", [0, 1 << 40])
    def test_refuses_an_image_of_no_size_or_of_any(self, size: int) -> None:
        manifest, data = make_manifest(IMAGE)
        manifest.new_partition_info.size = size
        with pytest.raises(BadPayload, match="image would have"):
            extracted(pack(manifest, data))

    def test_refuses_another_image_than_was_said(self) -> None:
        manifest, data = make_manifest(IMAGE)
        manifest.new_partition_info.hash = bytes(32)
        with pytest.raises(BadPayload, match="image has not the hash"):
            extracted(pack(manifest, data))

    @pytest.mark.parametrize(("blob", "why"), [(b"no bzip2 at all", "no bzip2"), (b"BZ", "early")])
    def test_refuses_what_cannot_be_unpacked(self, blob: bytes, why: str) -> None:
        manifest, _data = make_manifest(IMAGE[:BLOCK])
        operation = manifest.partition_operations[0]
        operation.data_length = len(blob)
        operation.data_sha256_hash = hashlib.sha256(blob).digest()
        with pytest.raises(BadPayload, match=why):
            extracted(pack(manifest, blob))

    def test_unpacks_no_bomb(self) -> None:
        manifest, _data = make_manifest(bytes(BLOCK))
        operation = manifest.partition_operations[0]
        packed = bz2.compress(bytes(200_000_000))
        operation.data_length = len(packed)
        operation.data_sha256_hash = hashlib.sha256(packed).digest()
        tracemalloc.start()
        with pytest.raises(BadPayload, match="more than its room"):
            extracted(pack(manifest, packed))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 2_000_000


class TestPublicKey:
    def test_refuses_what_is_no_key(self) -> None:
        with pytest.raises(BadPayload, match="no public key"):
            public_key(b"-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----\n")

    def test_refuses_another_kind_of_key(self) -> None:
        other = ec.generate_private_key(ec.SECP256R1()).public_key()
        pem = other.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        with pytest.raises(BadPayload, match="no RSA key"):
            public_key(pem)
