"""Bundles: what goes in, what comes out, and all that is refused on the way."""

import hashlib
import io
import json
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.utils import timezone

from oemupdates.domain import bundle
from oemupdates.domain.bundle import BadBundle, File, Manifest
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.domain.ustar import END, Member, header
from oemupdates.models import (
    Activity,
    Channel,
    DeadEnd,
    Floor,
    PackageList,
    Payload,
    Release,
)
from oemupdates.services import bundle_keys, bundles, channels
from oemupdates.services.bundle_import import Belief, CannotImportBundle, take
from oemupdates.services.bundles import CannotExport, Choice, Planned
from tests.services.bundle_maker import host, signed, tar, whole
from tests.services.makers import make_node, make_release, seeded_channel

pytestmark = pytest.mark.django_db
NEW, OLD = "4593.2.1", "4459.2.1"


@pytest.fixture(autouse=True)
def key(tmp_path: Path, settings: Any) -> Ed25519PrivateKey:
    settings.PAYLOAD_DIR = tmp_path / "hosted"
    settings.BUNDLE_KEY = tmp_path / "keys" / "bundle-key.pem"
    return bundle_keys.make()


@pytest.fixture
def planned(tmp_path: Path) -> Planned:
    host(tmp_path, OLD)
    return bundles.plan(Choice([host(tmp_path, NEW)], frozenset({"azure"}), running=[OLD]))


@pytest.fixture
def other_side(planned: Planned, tmp_path: Path, settings: Any) -> Callable[[bytes], Path]:
    """A server that has nothing yet, to which a bundle is carried."""
    planned_bytes = whole(planned)

    def carried(content: bytes = planned_bytes) -> Path:
        Payload.objects.all().delete()
        PackageList.objects.all().delete()
        Release.objects.all().delete()
        settings.PAYLOAD_DIR = tmp_path / "there"
        (tmp_path / "carried.tar").write_bytes(content)
        return tmp_path / "carried.tar"

    return carried


def believe() -> Belief:
    return Belief(bundle_keys.trusted())


class TestExport:
    def test_holds_what_was_chosen_and_what_running_nodes_need(self, planned: Planned) -> None:
        made = whole(planned)
        with tarfile.open(fileobj=io.BytesIO(made)) as read:
            names = read.getnames()
        folder, old = f"amd64-usr/{NEW}", f"amd64-usr/{OLD}"
        assert names == [
            "manifest.json",
            "manifest.json.sig",
            f"{old}/oem-azure.gz",
            f"{old}/oem-azure.gz.sha256",
            f"{old}/oem-azure_packages.txt",
            f"{folder}/flatcar_production_image_packages.txt",
            f"{folder}/{OS_PAYLOAD}",
            f"{folder}/{OS_PAYLOAD}.sha256",
            f"{folder}/oem-azure.gz",
            f"{folder}/oem-azure.gz.sha256",
            f"{folder}/oem-azure_packages.txt",
            f"{folder}/release-notes.txt",
        ]
        assert len(made) == planned.size
        assert bundle.verify(io.BytesIO(made), bundle_keys.trusted()).manifest == planned.manifest

    def test_is_the_same_bytes_each_time(self, tmp_path: Path) -> None:
        release = host(tmp_path, NEW)
        first, second = (whole(bundles.plan(Choice([release]))) for _ in range(2))
        assert first == second

    def test_can_be_checked_with_tools_that_every_system_has(
        self, planned: Planned, tmp_path: Path, key: Ed25519PrivateKey
    ) -> None:
        """Unpacked it is a release server's folder, with sums that `sha256sum` reads."""
        (tmp_path / "b.tar").write_bytes(whole(planned))
        (tmp_path / "key.pem").write_text(bundle_keys.public_pem(key))
        command = (
            "tar -xf b.tar && cd amd64-usr && for d in *; do (cd $d && sha256sum -c *.sha256)"
            " || exit 1; done"
        )
        if shutil.which("openssl"):
            command += (
                " && cd .. && openssl pkeyutl -verify -rawin -pubin -inkey key.pem"
                " -in manifest.json -sigfile manifest.json.sig"
            )
        subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, check=True, capture_output=True)

    def test_says_what_was_chosen_and_is_not_here(self, tmp_path: Path) -> None:
        release = host(tmp_path, NEW)
        choice = Choice([release], frozenset({"vmware"}), frozenset({"zfs"}), ["3510.2.0"])
        assert bundles.plan(choice).remarks == [
            "3510.2.0 (amd64), which nodes run, is not here: its OEM payloads are not in the"
            " bundle.",
            f"{NEW} (amd64) has no oem-vmware.gz.",
            f"{NEW} (amd64) has no flatcar-zfs.gz.",
        ]

    def test_begins_with_what_nodes_run(self) -> None:
        make_node(version="4459.2.1")
        make_node(version="4081.2.0", architecture="arm64")
        assert bundles.running_versions() == ["4081.2.0", "4459.2.1"]

    def test_refuses_what_is_not_whole_here(self, tmp_path: Path) -> None:
        release = host(tmp_path, NEW)
        with pytest.raises(CannotExport, match="Choose a release"):
            bundles.plan(Choice([]))
        away = make_release("4600.0.0", codebase="https://elsewhere.example.net/")
        with pytest.raises(CannotExport, match="has its payloads on https://elsewhere"):
            bundles.plan(Choice([away]))
        payload = release.payloads.get(name="oem-ami.gz")
        release.payloads.filter(pk=payload.pk).update(is_verified=False)
        with pytest.raises(CannotExport, match=r"oem-ami.gz of .* was not verified"):
            bundles.plan(Choice([release]))
        planned = bundles.plan(Choice([release], frozenset({"azure"})))
        place = tmp_path / "hosted" / "amd64-usr" / NEW / "oem-azure.gz"
        place.write_bytes(bytes(place.stat().st_size))
        with pytest.raises(CannotExport, match="its bytes changed"):
            whole(planned)
        place.unlink()
        with pytest.raises(CannotExport, match="is not on this server's disk"):
            bundles.plan(Choice([release], frozenset({"azure"})))

    def test_needs_a_key(self, tmp_path: Path, settings: Any) -> None:
        settings.BUNDLE_KEY.unlink()
        with pytest.raises(bundle_keys.NoKey, match="bundle keys makes one"):
            bundles.plan(Choice([host(tmp_path, NEW)]))


class TestKeys:
    def test_are_made_once_and_for_their_owner_alone(
        self, key: Ed25519PrivateKey, settings: Any
    ) -> None:
        assert bundle_keys.make().private_bytes_raw() == key.private_bytes_raw()
        assert settings.BUNDLE_KEY.stat().st_mode & 0o777 == 0o600

    def test_a_new_one_sets_the_former_aside(self, key: Ed25519PrivateKey, settings: Any) -> None:
        new = bundle_keys.make(replaces=True)
        assert new.private_bytes_raw() != key.private_bytes_raw()
        name = bundle.fingerprint(key.public_key())[:16]
        assert (settings.BUNDLE_KEY.parent / f"bundle-key-{name}.pem").is_file()

    @pytest.mark.parametrize("content", [b"", b"-----BEGIN PUBLIC KEY-----\nx\n"])
    def test_that_are_none_are_named(self, tmp_path: Path, settings: Any, content: bytes) -> None:
        (tmp_path / "bad.pem").write_bytes(content)
        settings.BUNDLE_KEYS = [tmp_path / "bad.pem"]
        with pytest.raises(bundle_keys.NoKey, match=r"bad\.pem"):
            bundle_keys.trusted()


class TestImport:
    def test_brings_releases_files_notes_and_lists(
        self, other_side: Callable[..., Path], planned: Planned, tmp_path: Path
    ) -> None:
        taken = take(other_side(), believe(), by=None)
        assert taken.changed
        new = Release.objects.get(version=NEW)
        assert [one.name for one in new.payloads.all()] == [OS_PAYLOAD, "oem-azure.gz"]
        assert all(one.is_verified for one in new.payloads.all())
        assert new.notes == f"What is new in {NEW}: é"
        assert [one.name for one in new.package_lists.all()] == [
            "flatcar_production_image",
            "oem-azure",
        ]
        old = Release.objects.get(version=OLD)
        assert [one.name for one in old.payloads.all()] == ["oem-azure.gz"]
        for one in planned.manifest.files:
            if one.is_payload or one.path.endswith(".sha256"):
                here, there = (tmp_path / side / one.path for side in ("hosted", "there"))
                assert here.read_bytes() == there.read_bytes()
        assert not Channel.objects.exclude(target=None).exists()
        assert [*(tmp_path / "there" / ".bundles").iterdir()] == []
        last = Activity.objects.latest("id")
        assert (last.verb, last.after["signed_by"]) == ("bundle.imported", "this server's own")

    def test_again_changes_nothing(self, other_side: Callable[..., Path]) -> None:
        path = other_side()
        take(path, believe(), by=None)
        before = Activity.objects.count()
        assert not take(path, believe(), by=None).changed
        assert Activity.objects.count() == before

    def test_completes_a_release_that_was_there_in_part(
        self, other_side: Callable[..., Path], tmp_path: Path, planned: Planned
    ) -> None:
        path = other_side()
        host(tmp_path / "again", NEW, names=())
        Release.objects.update(notes="Ours")
        taken = take(path, believe(), by=None)
        assert [one.added for one in taken.imported] == [("oem-azure.gz",), ("oem-azure.gz",)]
        assert Release.objects.get(version=NEW).notes == "Ours"

    def test_goes_on_where_it_broke_off(
        self, other_side: Callable[..., Path], planned: Planned, tmp_path: Path
    ) -> None:
        made = whole(planned)
        for share in (0.6, 0.9):
            with pytest.raises(CannotImportBundle, match=r"ends|stand"):
                take(other_side(made[: int(len(made) * share)]), believe(), by=None)
            kept = [*(tmp_path / "there" / ".bundles").rglob("*.gz")]
            times = {path: path.stat().st_mtime_ns for path in kept}
            assert kept
            if share == 0.6:
                before = times
        assert before.items() <= times.items()
        torn = kept[0]
        torn.write_bytes(bytes(torn.stat().st_size))
        assert not Release.objects.exists()
        take(other_side(made), believe(), by=None)
        assert Release.objects.count() == 2
        assert not [*(tmp_path / "there" / ".bundles").iterdir()]

    def test_refuses_a_release_that_is_registered_with_other_bytes(
        self, other_side: Callable[..., Path], tmp_path: Path
    ) -> None:
        """The release before it in the bundle is not registered either."""
        path = other_side()
        release = host(tmp_path / "again", NEW, names=())
        release.payloads.update(sha256="3" * 64)
        with pytest.raises(Exception, match="registered with another"):
            take(path, believe(), by=None)
        assert Release.objects.count() == 1
        assert not (tmp_path / "there" / "amd64-usr" / OLD).exists()

    def test_refuses_an_application_that_is_not_known(
        self, other_side: Callable[..., Path], planned: Planned, key: Ed25519PrivateKey
    ) -> None:
        strange = "00000000-0000-4000-8000-000000000000"
        releases = tuple(replace(one, application=strange) for one in planned.manifest.releases)
        members = signed(replace(planned.manifest, releases=releases), key) + planned.members[2:]
        with pytest.raises(CannotImportBundle, match="which is not registered here"):
            take(other_side(tar(members)), believe(), by=None)

    def test_refuses_what_no_payload_key_signed(
        self, other_side: Callable[..., Path], settings: Any
    ) -> None:
        path = other_side()
        settings.PAYLOAD_KEYS = [Path(__file__).parents[1] / "payloads/update-payload-key.pub.pem"]
        with pytest.raises(Exception, match="nothing that a node would take"):
            take(path, believe(), by=None)
        assert not Release.objects.exists()
        assert take(path, Belief(bundle_keys.trusted(), needs_signature=False), by=None).changed


@pytest.fixture
def way(planned: Planned) -> Channel:
    """A channel with a floor and a dead end, and more that lies beyond what is carried."""
    stable = seeded_channel()
    old, later = Release.objects.get(version=OLD), make_release("4700.0.0")
    channels.add_floor(stable, old, by=None, because="Migrates the OEM")
    channels.add_floor(stable, later, by=None, because="Later")
    channels.add_dead_end(stable, "3510.2.0", by=None, because="Reads no\nnew payloads")
    channels.add_dead_end(stable, "4701.0.0", by=None, because="Later")
    return stable


@pytest.fixture
def carried_ways(way: Channel, tmp_path: Path, settings: Any) -> Path:
    """A bundle of both releases, on a server that knows no more than the channel."""
    both = list(Release.objects.filter(version__in=[OLD, NEW]))
    (tmp_path / "ways.tar").write_bytes(whole(bundles.plan(Choice(both))))
    for model in (Floor, DeadEnd, Payload, PackageList, Release):
        model._default_manager.all().delete()
    settings.PAYLOAD_DIR = tmp_path / "there"
    return tmp_path / "ways.tar"


class TestWays:
    def test_come_along_as_far_as_the_newest_release(self, way: Channel) -> None:
        planned = bundles.plan(Choice([Release.objects.get(version=NEW)], running=[OLD]))
        said = [(one.kind, one.channel, one.version, one.reason) for one in planned.manifest.ways]
        assert said == [
            ("dead end", "stable", "3510.2.0", "Reads no new payloads"),
            ("floor", "stable", OLD, "Migrates the OEM"),
        ]
        assert planned.remarks == [f"{OLD} is a floor of stable (amd64) and is not in the bundle."]

    def test_are_added_with_their_reasons_once(self, carried_ways: Path) -> None:
        taken = take(carried_ways, believe(), by=None)
        assert taken.brought.changes == [
            "3510.2.0 is a dead end of stable (amd64).",
            f"{OLD} is a floor of stable (amd64).",
        ]
        assert Floor.objects.get().reason == "Migrates the OEM"
        assert DeadEnd.objects.get().reason == "Reads no new payloads"
        before = Activity.objects.count()
        assert not take(carried_ways, believe(), by=None).changed
        assert Activity.objects.count() == before

    def test_leave_what_operators_said_and_took_away(self, carried_ways: Path) -> None:
        stable = seeded_channel()
        channels.add_dead_end(stable, "3510.2.0", by=None, because="Ours")
        take(carried_ways, believe(), by=None)
        assert DeadEnd.objects.get().reason == "Ours"
        channels.remove_floor(Floor.objects.get(), by=None)
        taken = take(carried_ways, believe(), by=None)
        assert taken.brought.remarks == [
            f"{OLD} was a floor of stable (amd64) and is none any more."
        ]
        assert not Floor.objects.exists()

    def test_of_channels_that_are_not_here_are_told_of(self, carried_ways: Path) -> None:
        Channel.objects.filter(pk=seeded_channel().pk).update(name="ours")
        taken = take(carried_ways, believe(), by=None)
        assert taken.brought.remarks[1] == (
            f"{OLD} is a floor of stable (amd64), a channel that is not here."
        )
        assert not Floor.objects.exists()

    def test_that_cannot_be_are_told_of(self, carried_ways: Path) -> None:
        take(carried_ways, believe(), by=None)
        Floor.objects.all().delete()
        Release.objects.filter(version=OLD).update(
            blocked_at=timezone.now(), blocked_because="Breaks disks"
        )
        taken = take(carried_ways, believe(), by=None)
        assert "becomes no floor of stable (amd64)" in taken.brought.remarks[0]
        assert "Breaks disks" in taken.brought.remarks[0]

    @pytest.mark.parametrize(
        "change",
        [
            {"kind": "target"},
            {"version": "soon"},
            {"reason": ""},
            {"reason": "a\nb"},
            {"reason": "x" * 501},
            {"channel": ""},
            {"architecture": "arm64"},
            {"application": "00000000-0000-4000-8000-000000000000"},
        ],
    )
    def test_of_no_sense_are_in_no_manifest(self, way: Channel, change: dict[str, Any]) -> None:
        manifest = bundles.plan(Choice([Release.objects.get(version=NEW)])).manifest
        bundle.load(bundle.dump(manifest))
        first, *rest = manifest.ways
        for ways in ((replace(first, **change), *rest), (first, first, *rest), (*rest, first)):
            with pytest.raises(BadBundle):
                bundle.load(bundle.dump(replace(manifest, ways=ways)))


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
