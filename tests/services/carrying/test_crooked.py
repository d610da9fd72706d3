"""All that is refused on the way."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from oemupdates.domain import bundle
from oemupdates.domain.bundle import BadBundle, File, Manifest
from oemupdates.domain.ustar import END, Member, header
from oemupdates.models import Activity, Release
from oemupdates.services.carrying import bundle_keys
from oemupdates.services.carrying.bundle_import import CannotImportBundle, take
from oemupdates.services.carrying.bundles import Planned
from tests.services.bundle_maker import NEW, OLD, believe, signed, tar, whole

pytestmark = pytest.mark.django_db


def _changed(manifest: Manifest, **file: Any) -> Manifest:
    last = manifest.files[-1]
    return replace(manifest, files=(*manifest.files[:-1], replace(last, **file)))


def _link(name: str) -> bytes:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return member.tobuf(tarfile.USTAR_FORMAT)


def _resummed(planned: Planned, key: Ed25519PrivateKey) -> bytes:
    """All is signed, and a `.sha256` says something else than the manifest."""
    content = b"0" * 64 + b"  oem-azure.gz\n"
    path = f"amd64-usr/{OLD}/oem-azure.gz.sha256"
    files = tuple(
        File(one.path, len(content), hashlib.sha256(content).hexdigest())
        if one.path == path
        else one
        for one in planned.manifest.files
    )
    members = [
        Member.of(path, content) if one.name == path else one for one in planned.members[2:]
    ]
    return tar([*signed(replace(planned.manifest, files=files), key), *members])


# Each makes a bundle of which something is wrong, from one that is right.
CROOKED: dict[str, tuple[Callable[[Planned, Ed25519PrivateKey], bytes], str]] = {
    "empty": (lambda _p, _k: b"", "does not begin"),
    "text": (lambda _p, _k: b"x" * 2000, "does not begin"),
    "cut": (lambda p, _k: tar(p.members)[:-5000], "ends|stand"),
    "no end": (lambda p, _k: tar(p.members, end=b""), "does not end"),
    "more": (lambda p, _k: tar(p.members) + b"\0", "does not end"),
    "one more file": (
        lambda p, _k: tar([*p.members, Member.of("etc/passwd", b"x")]),
        "does not end",
    ),
    "one less": (lambda p, _k: tar(p.members[:-1]), "does not stand"),
    "twice": (lambda p, _k: tar([*p.members[:3], *p.members[2:]]), "does not stand"),
    "another order": (
        lambda p, _k: tar([*p.members[:2], *reversed(p.members[2:])]),
        "does not stand",
    ),
    "another byte": (
        lambda p, _k: tar(
            [*p.members[:-1], Member.of(p.members[-1].name, b"?" * p.members[-1].size)]
        ),
        "is not what the manifest says",
    ),
    "a link": (
        lambda p, _k: tar(p.members).replace(
            header(p.members[2].name, p.members[2].size), _link(p.members[2].name)
        ),
        "does not stand",
    ),
    "unsigned": (
        lambda p, _k: tar([p.members[0], *p.members[2:]]),
        "has no signature",
    ),
    "another signature": (
        lambda p, _k: tar([p.members[0], Member.of(bundle.SIGNATURE, bytes(64)), *p.members[2:]]),
        "signature does not hold",
    ),
    "another key": (
        lambda p, _k: tar([*signed(p.manifest, Ed25519PrivateKey.generate()), *p.members[2:]]),
        "no key that is trusted",
    ),
    "large manifest": (
        lambda _p, _k: header(bundle.MANIFEST, bundle.MAX_MANIFEST + 1) + bytes(1024),
        "manifest is larger",
    ),
    "a lie about the size": (
        lambda p, k: tar([*signed(_changed(p.manifest, size=1), k), *p.members[2:]]),
        "does not stand",
    ),
    "a lie about the hash": (
        lambda p, k: tar([*signed(_changed(p.manifest, sha256="0" * 64), k), *p.members[2:]]),
        "is not what the manifest says",
    ),
    "a sum that lies": (
        _resummed,
        "says something else than the manifest",
    ),
}


class TestCrooked:
    @pytest.mark.parametrize("name", CROOKED)
    def test_bundles_change_nothing(
        self,
        name: str,
        other_side: Callable[..., Path],
        planned: Planned,
        key: Ed25519PrivateKey,
        tmp_path: Path,
    ) -> None:
        make, words = CROOKED[name]
        made = make(planned, key)
        with pytest.raises(BadBundle, match=words):
            bundle.verify(io.BytesIO(made), bundle_keys.trusted())
        activities = Activity.objects.count()
        with pytest.raises(CannotImportBundle, match=words):
            take(other_side(made), believe(), by=None)
        assert not Release.objects.exists()
        assert Activity.objects.count() == activities
        assert not (tmp_path / "there" / "amd64-usr").exists()

    def test_every_byte_of_the_beginning_counts(self, planned: Planned) -> None:
        made = bytearray(whole(planned))
        for place in range(0, 4096, 37):
            made[place] ^= 1
            with pytest.raises(BadBundle):
                bundle.verify(io.BytesIO(made), bundle_keys.trusted())
            made[place] ^= 1
        bundle.verify(io.BytesIO(made), bundle_keys.trusted())
        assert made.endswith(END)

    @pytest.mark.parametrize(
        "path",
        [
            "../../etc/passwd",
            "/etc/passwd",
            f"amd64-usr/{NEW}/../oem-x.gz",
            f"amd64-usr/{NEW}/sub/oem-x.gz",
            f"amd64-usr/{NEW}/.hidden.gz",
            f"riscv-usr/{NEW}/oem-x.gz",
            f"amd64-usr/{NEW}/oem-x.gz\n",
            f"amd64-usr/{NEW}/run.sh",
        ],
    )
    def test_paths_are_in_no_manifest(self, planned: Planned, path: str) -> None:
        more = (File(path, 1, "0" * 64), File(path + ".sha256", 1, "0" * 64))
        files = tuple(sorted((*planned.manifest.files, *more), key=lambda one: one.path))
        with pytest.raises(BadBundle, match="has no place"):
            bundle.load(bundle.dump(replace(planned.manifest, files=files)))

    @pytest.mark.parametrize(
        "change",
        [
            {"files": []},
            {"releases": []},
            {"format": "oem-fleet-bundle/2"},
            {"key": 1},
            {"more": 1},
            {"releases": [1]},
            {"files": [{"path": "x"}]},
        ],
    )
    def test_manifests_are_none(self, planned: Planned, change: dict[str, Any]) -> None:
        said = json.loads(bundle.dump(planned.manifest)) | change
        raw = (json.dumps(said, sort_keys=True, indent=1) + "\n").encode()
        if change == {"key": 1}:
            raw = raw.replace(b"\n", b"\n\n", 1)  # nor is one that is written otherwise
        with pytest.raises(BadBundle):
            bundle.load(raw)

    def test_nobody_is_trusted_without_a_key(self, planned: Planned) -> None:
        with pytest.raises(BadBundle, match="No key is trusted here"):
            bundle.verify(io.BytesIO(whole(planned)), {})
