"""What a bundle brings to a server, and what keeps all of it out."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Activity, Channel, Release
from oemupdates.services.carrying import bundle_keys
from oemupdates.services.carrying.bundle_import import Belief, CannotImportBundle, take
from oemupdates.services.carrying.bundles import Planned
from tests.services.bundle_maker import NEW, OLD, believe, host, signed, tar, whole

pytestmark = pytest.mark.django_db


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
        settings.PAYLOAD_KEYS = [Path(__file__).parents[2] / "payloads/update-payload-key.pub.pem"]
        with pytest.raises(Exception, match="nothing that a node would take"):
            take(path, believe(), by=None)
        assert not Release.objects.exists()
        assert take(path, Belief(bundle_keys.trusted(), needs_signature=False), by=None).changed
