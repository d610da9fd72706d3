"""Removing releases, and collecting what lies on the payload disk for nobody."""

import fcntl
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from oemupdates.domain import collection
from oemupdates.domain.node import State
from oemupdates.models import BundleImport, Node, Release, VersionInterval
from oemupdates.services.groups import channels
from oemupdates.services.hosting import payload_disk
from oemupdates.services.hosting.payload_disk import IsHosting
from oemupdates.services.releases import release_removal
from oemupdates.services.releases.release_removal import CannotRemove
from oemupdates.services.releases.releases import Source, import_release
from oemupdates.services.upkeep import collecting
from oemupdates.services.upkeep.collecting import NothingToCollect
from tests.services.bundle_maker import host
from tests.services.makers import (
    last_activity,
    make_node,
    make_operator,
    make_release,
    seeded_channel,
)

pytestmark = pytest.mark.django_db
VERSION = "4459.2.1"


@pytest.fixture(autouse=True)
def root(tmp_path: Path, settings: Any) -> Path:
    settings.PAYLOAD_DIR = tmp_path / "hosted"
    folder: Path = settings.PAYLOAD_DIR
    return folder


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at the disk as if all of it had come long ago."""
    monkeypatch.setattr(collection, "YOUNG", timedelta(0))
    monkeypatch.setattr(collecting, "LEFT_BEHIND", timedelta(0))


def ran(node: Node, version: str, *, ended_days_ago: int | None) -> None:
    now = timezone.now()
    ended = None if ended_days_ago is None else now - timedelta(days=ended_days_ago)
    VersionInterval.objects.create(
        node=node, version=version, started_at=now - timedelta(days=300), ended_at=ended
    )


def below(root: Path) -> set[str]:
    return {str(one.relative_to(root)) for one in root.rglob("*.gz")}


class TestRemoveARelease:
    def test_takes_its_rows_and_leaves_its_files(self, tmp_path: Path, root: Path) -> None:
        release, ann = host(tmp_path, VERSION), make_operator()
        release_removal.remove(release, by=ann, why="Nobody runs it")
        assert not Release.objects.exists()
        done = last_activity()
        assert (done.verb, done.subject, done.why) == (
            "release.removed",
            f"{VERSION} (amd64)",
            "Nobody runs it",
        )
        assert done.before["oem-azure.gz"].startswith("sha256 ")
        assert f"amd64-usr/{VERSION}/oem-azure.gz" in below(root)
        with pytest.raises(CannotRemove, match="Someone else removed"):
            release_removal.remove(release, by=ann)

    def test_refuses_while_channels_name_it(self) -> None:
        release, channel = make_release(VERSION), seeded_channel()
        floor = channels.add_floor(channel, release, by=None, because="Migrates the OEM")
        channel = channels.set_target(channel, release, by=None)
        with pytest.raises(CannotRemove, match=r"it is what stable .amd64. offers"):
            release_removal.remove(release, by=None)
        channels.clear_target(channel, by=None)
        with pytest.raises(CannotRemove, match="it is a floor of stable"):
            release_removal.remove(release, by=None)
        channels.remove_floor(floor, by=None)
        release_removal.remove(release, by=None)

    @pytest.mark.parametrize(
        ("ended", "offered", "stays"),
        [
            (None, None, "1 node ran it in the last 30 days"),
            (29, None, "1 node ran it in the last 30 days"),
            (31, 29, "1 node was offered it in the last 30 days"),
            (31, 31, ""),
        ],
    )
    def test_refuses_while_a_node_could_ask_for_it(
        self, ended: int | None, offered: int | None, stays: str
    ) -> None:
        release = make_release(VERSION)
        on_the_way: dict[str, Any] = {}
        if offered:
            at = timezone.now() - timedelta(days=offered)
            on_the_way = {
                "target_version": VERSION,
                "offered_at": at,
                "state": State.DOWNLOADING,
            }
        node = make_node(version="4593.2.1", **on_the_way)
        ran(node, VERSION, ended_days_ago=ended)
        ran(make_node(architecture="arm64"), VERSION, ended_days_ago=1)
        ran(make_node(is_archived=True), VERSION, ended_days_ago=1)
        if not stays:
            release_removal.remove(release, by=None)
            return
        with pytest.raises(CannotRemove, match=stays):
            release_removal.remove(release, by=None)


class TestCollect:
    def test_keeps_what_releases_name(self, tmp_path: Path, root: Path, later: None) -> None:
        host(tmp_path, VERSION)
        assert collecting.plan().pieces == ()
        with pytest.raises(NothingToCollect):
            collecting.collect(by=None)
        assert len(below(root)) == 3

    def test_takes_what_no_release_names(self, tmp_path: Path, root: Path, later: None) -> None:
        host(tmp_path, "4593.2.1")
        release_removal.remove(host(tmp_path, VERSION), by=None)
        (root / "amd64-usr/4593.2.1/oem-gone.gz").write_bytes(b"1234")
        (root / "amd64-usr/README").write_bytes(b"mine")
        plan = collecting.plan()
        assert [(one.place, len(one.names), one.why) for one in plan.going] == [
            (f"amd64-usr/{VERSION}", 6, "No release names it."),
            ("amd64-usr/4593.2.1", 1, "No payload of the release is called so."),
        ]
        before = payload_disk.survey().hosted
        collecting.collect(by=None, why="The disk is full")
        assert payload_disk.survey().hosted == before - plan.size
        assert below(root) == {
            f"amd64-usr/4593.2.1/{name}"
            for name in ("flatcar_production_update.gz", "oem-ami.gz", "oem-azure.gz")
        }
        assert not (root / "amd64-usr" / VERSION).exists()
        assert (root / "amd64-usr/README").exists()
        done = last_activity()
        assert done.verb == "payloads.collected"
        assert done.after["taken"] == [
            f"amd64-usr/{VERSION}, 6 files",
            "amd64-usr/4593.2.1, 1 file",
        ]

    def test_never_takes_what_a_node_could_ask_for(
        self, tmp_path: Path, root: Path, later: None
    ) -> None:
        release_removal.remove(host(tmp_path, VERSION), by=None)
        offered = timezone.now() - timedelta(days=3)
        make_node(target_version=VERSION, offered_at=offered, state=State.DOWNLOADING)
        (piece,) = collecting.plan().pieces
        assert (piece.goes, piece.why) == (
            False,
            "Nodes ran it or were offered it in the last 30 days.",
        )
        with pytest.raises(NothingToCollect):
            collecting.collect(by=None)

    def test_leaves_what_came_just_now(self, root: Path) -> None:
        (root / "arm64-usr/4593.2.1").mkdir(parents=True)
        (root / "arm64-usr/4593.2.1/oem-azure.gz").write_bytes(b"1")
        (piece,) = collecting.plan().pieces
        assert (piece.goes, piece.why) == (False, "It came less than a day ago.")

    def test_takes_work_that_never_ended_alone(self, root: Path, later: None) -> None:
        for place in (
            ".staging/1-2/4593.2.1",
            ".staging/1-3/4593.2.1",
            ".incoming/ab",
            ".bundles",
        ):
            (root / place).mkdir(parents=True)
            (root / place / "some.gz").write_bytes(b"12345")
        (root / ".bundles/upload-ab.tar").write_bytes(b"123")
        BundleImport.objects.create(
            name="b.tar",
            path=str(root / ".bundles/upload-ab.tar"),
            is_upload=True,
            size=3,
            asked_at=timezone.now(),
        )
        with (root / ".staging/1-2/lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            plan = collecting.plan()
            collecting.collect(by=None)
        assert {one.place: one.why for one in plan.staying} == {
            ".staging/1-2": "Somebody is working on it.",
            ".bundles/upload-ab.tar": "It waits for a worker that takes it in.",
        }
        assert below(root) == {".staging/1-2/4593.2.1/some.gz"}

    def test_leaves_work_that_may_be_gone_on_with(self, root: Path) -> None:
        (root / ".staging/1-2/4593.2.1").mkdir(parents=True)
        (root / ".staging/1-2/4593.2.1/a.part").write_bytes(b"12345")
        (piece,) = collecting.plan().pieces
        assert (piece.goes, piece.size) == (False, 5)

    def test_waits_for_imports(self, root: Path) -> None:
        with (
            payload_disk.hosting(),
            payload_disk.hosting(),
            pytest.raises(IsHosting, match="by an import just now"),
        ):
            collecting.collect(by=None)

    def test_an_import_holds_files_until_they_are_registered(
        self, tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        release = host(tmp_path, VERSION)
        release_removal.remove(release, by=None)
        refused = []

        def register(*args: Any, **more: Any) -> None:
            with pytest.raises(IsHosting) as words:
                collecting.collect(by=None)
            refused.append(words)

        monkeypatch.setattr("oemupdates.services.releases.releases.register", register)
        source = Source(tmp_path / "from" / VERSION, VERSION, moves_target=False)
        import_release(source, channel=seeded_channel(), by=None)
        assert refused


class TestDisk:
    def test_says_what_a_release_holds_and_what_is_missing(
        self, tmp_path: Path, root: Path
    ) -> None:
        release = host(tmp_path, VERSION)
        held = payload_disk.held(release)
        assert (held.files, held.missing) == (6, ())
        assert held.size == payload_disk.survey().hosted
        os.truncate(root / "amd64-usr" / VERSION / "oem-azure.gz", 5)
        (root / "amd64-usr" / VERSION / "oem-ami.gz").unlink()
        assert payload_disk.held(release).missing == ("oem-ami.gz", "oem-azure.gz")
        release.codebase = "https://example.net/"
        assert payload_disk.held(release) == payload_disk.Held(0, 0, ())

    def test_counts_what_it_never_touches(self, root: Path) -> None:
        for name in ("README", "amd64-usr/notes.txt", "amd64-usr/4593.2.1/deep/oem-x.gz"):
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(b"1")
        (root / "amd64-usr/4593.2.1/oem-link.gz").symlink_to(root / "README")
        disk = payload_disk.survey()
        assert len(disk.strange) == 3
        assert disk.hosted == 0
        assert collecting.plan(disk).going == []
