"""A server with releases to carry, and bundles of them, right and crooked."""

import io
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from oemupdates.domain import bundle
from oemupdates.domain.bundle import Manifest
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.domain.ustar import END, Member, pieces
from oemupdates.models import PackageList, Release
from oemupdates.services.carrying import bundle_keys, bundles
from oemupdates.services.carrying.bundle_import import Belief
from oemupdates.services.releases.releases import Source, import_release
from tests.domain.payload_maker import make_payload
from tests.services.makers import seeded_channel

NEW, OLD = "4593.2.1", "4459.2.1"


def host(
    tmp_path: Path, version: str, names: tuple[str, ...] = ("oem-azure.gz", "oem-ami.gz")
) -> Release:
    """A release that this server hosts, with notes and a list of packages."""
    folder = tmp_path / "from" / version
    folder.mkdir(parents=True)
    for name in (OS_PAYLOAD, *names):
        (folder / name).write_bytes(make_payload(f"{version} {name}".encode() * 700))
    source = Source(folder, version, moves_target=False)
    release = import_release(source, channel=seeded_channel(), by=None).release
    release.notes = f"What is new in {version}: é"
    release.save()
    for name in ("flatcar_production_image", "oem-azure", "oem-ami"):
        PackageList.objects.create(release=release, name=name, content=f"{name}-1.0\n")
    return release


def whole(planned: bundles.Planned) -> bytes:
    file = io.BytesIO()
    bundles.write(planned, file)
    return file.getvalue()


def tar(members: list[Member], end: bytes = END) -> bytes:
    """An archive of members that need not be what a manifest says."""
    read = [
        one.content.read_bytes() if isinstance(one.content, Path) else one.content
        for one in members
    ]
    held = [Member.of(one.name, content) for one, content in zip(members, read, strict=True)]
    parts = [part for part, _ in pieces(held)]
    return b"".join(part for part in parts[:-1] if isinstance(part, bytes)) + end


def signed(manifest: Manifest, key: Ed25519PrivateKey) -> list[Member]:
    """The first members of a bundle of which the key's owner says so."""
    manifest = replace(manifest, key=bundle.fingerprint(key.public_key()))
    raw = bundle.dump(manifest)
    return [Member.of(bundle.MANIFEST, raw), Member.of(bundle.SIGNATURE, key.sign(raw))]


def believe() -> Belief:
    """A bundle is believed that is signed with a key of this server's."""
    return Belief(bundle_keys.trusted())
