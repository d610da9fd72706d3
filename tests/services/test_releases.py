import hashlib
import os
import shutil
import time
from pathlib import Path

import pytest

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.domain.version import sort_key
from oemupdates.models import Activity, Payload, Release
from oemupdates.services import channels, payload_files, releases
from oemupdates.services.activity import BadWords
from oemupdates.services.payload_files import BadPayload
from oemupdates.services.releases import CannotImport, Source
from tests.domain.payload_maker import make_payload
from tests.services.makers import last_activity, make_operator, make_release, seeded_channel

pytestmark = pytest.mark.django_db
REAL = Path(__file__).parents[1] / "payloads" / "4593.2.1"


@pytest.fixture
def hosted(tmp_path, settings):
    """Where the payloads of amd64 are hosted in this test."""
    settings.PAYLOAD_DIR = tmp_path / "hosted"
    return settings.PAYLOAD_DIR / "amd64-usr"


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path / "folder")


def make_folder(path, **files):
    """A folder with an OS payload, and with what is given as `oem_azure="contents"`."""
    path.mkdir()
    (path / OS_PAYLOAD).write_bytes(make_payload(b"the system"))
    for name, contents in files.items():
        (path / f"{name.replace('_', '-')}.gz").write_bytes(contents)
    return path


def run(folder, version="4593.2.1", *, channel=None, by=None, **given):
    source = Source(folder, version, **given)
    return releases.import_release(source, channel=channel or seeded_channel(), by=by)


def files_below(path):
    """What lies there, without the lock of those who put files in place."""
    found = {str(one.relative_to(path)) for one in path.rglob("*") if one.is_file()}
    return found - {".hosting.lock"}


def written(path: Path) -> dict[Path, tuple[int, int]]:
    """Which file stands where, and when it was written."""
    return {one: (one.stat().st_ino, one.stat().st_mtime_ns) for one in path.rglob("*")}


class TestImportRelease:
    def test_computes_what_the_real_files_are(self, hosted):
        run(REAL)
        for name in (OS_PAYLOAD, "oem-azure.gz"):
            contents = (REAL / name).read_bytes()
            payload = Payload.objects.get(name=name)
            assert payload.size == len(contents)
            assert payload.sha1 == hashlib.sha1(contents, usedforsecurity=False).hexdigest()
            assert f"{payload.sha256}  {name}\n" == (REAL / f"{name}.sha256").read_text()
            assert payload.is_verified

    def test_registers_the_release_for_the_architecture_of_the_channel(self, hosted, folder):
        imported = run(folder, channel=seeded_channel("stable", "arm64"))
        row = Release.objects.get()
        assert (row.version, row.architecture, row.codebase) == ("4593.2.1", "arm64", "")
        assert row.order == sort_key("4593.2.1")
        assert imported.is_new
        assert imported.changed

    def test_hosts_copies_with_their_sums(self, hosted, folder):
        (folder / "oem-azure.gz").write_bytes(make_payload(b"azure"))
        run(folder)
        place = hosted / "4593.2.1"
        assert files_below(hosted.parent) == {
            f"amd64-usr/4593.2.1/{name}{end}"
            for name in (OS_PAYLOAD, "oem-azure.gz")
            for end in ("", ".sha256")
        }
        assert (place / "oem-azure.gz").read_bytes() == make_payload(b"azure")
        digest = hashlib.sha256(make_payload(b"azure")).hexdigest()
        assert (place / "oem-azure.gz.sha256").read_text() == f"{digest}  oem-azure.gz\n"

    def test_hosts_nothing_that_is_elsewhere(self, hosted, folder):
        imported = run(folder, codebase="https://mirror.example.net/flatcar/4593.2.1")
        assert imported.release.codebase == "https://mirror.example.net/flatcar/4593.2.1/"
        assert not hosted.parent.exists()

    @pytest.mark.parametrize(
        "url",
        [
            "mirror.example.net/a",
            "ftp://mirror.example.net/",
            "https:///a",
            "https://mirror.example.net/?a=b",
            "https://mirror.example.net/#a",
            "https://mirror.example.net/a b",
            "https://mirror.example.net/" + "a" * 500,
            "https://mirror.example.net:http/",
            "https://[mirror/",
        ],
    )
    def test_refuses_what_is_no_url_of_a_folder(self, folder, url):
        with pytest.raises(CannotImport, match=r"no http or https (address|URL)|no address"):
            run(folder, codebase=url)

    @pytest.mark.parametrize("who", ["me:secret@", "me@", ":secret@"])
    def test_refuses_an_address_that_names_somebody(self, folder, who):
        with pytest.raises(CannotImport, match="a user name or a password") as refused:
            run(folder, codebase=f"https://{who}mirror.example.net/a/")
        assert "secret" not in str(refused.value)
        assert not Release.objects.exists()

    def test_refuses_what_is_no_version(self, folder):
        with pytest.raises(CannotImport, match="latest"):
            run(folder, "latest")

    def test_moves_the_target_of_the_channel(self, hosted, folder):
        assert run(folder, by=make_operator()).target_moved
        assert seeded_channel().target.version == "4593.2.1"
        assert list(Activity.objects.values_list("verb", flat=True).order_by("id")) == [
            "release.imported",
            "channel.target_set",
        ]

    def test_leaves_a_target_that_is_newer(self, hosted, folder):
        newer = make_release("4593.2.2")
        channels.set_target(seeded_channel(), newer, by=None)
        assert not run(folder).target_moved
        assert seeded_channel().target == newer

    def test_leaves_the_target_when_told_so(self, hosted, folder):
        assert not run(folder, moves_target=False).target_moved
        assert seeded_channel().target is None

    def test_does_not_make_a_blocked_release_the_target(self, hosted, folder):
        releases.block(run(folder, moves_target=False).release, by=None, because="breaks disks")
        assert not run(folder).target_moved

    def test_of_the_same_folder_changes_nothing(self, hosted, folder, epoch):
        run(folder)
        before = list(Payload.objects.values()), Activity.objects.count()
        stamps = written(hosted)
        assert not run(folder).changed
        assert (list(Payload.objects.values()), Activity.objects.count()) == before
        assert written(hosted) == stamps

    def test_refuses_other_bytes_under_the_same_version(self, hosted, folder):
        run(folder)
        (folder / OS_PAYLOAD).write_bytes(make_payload(b"another"))
        with pytest.raises(CannotImport, match=rf"another {OS_PAYLOAD}"):
            run(folder)
        assert (hosted / "4593.2.1" / OS_PAYLOAD).read_bytes() == make_payload(b"the system")

    def test_refuses_to_move_payloads_to_another_host(self, hosted, folder):
        run(folder)
        with pytest.raises(CannotImport, match="this server"):
            run(folder, codebase="https://mirror.example.net/")

    def test_adds_payloads_that_came_later(self, hosted, folder):
        run(folder)
        (folder / "oem-azure.gz").write_bytes(make_payload(b"azure"))
        imported = run(folder)
        assert (imported.is_new, imported.added) == (False, ("oem-azure.gz",))
        written = last_activity()
        assert written.verb == "release.completed"
        assert list(written.after) == ["oem-azure.gz"]
        assert "amd64-usr/4593.2.1/oem-azure.gz" in files_below(hosted.parent)

    def test_keeps_payloads_that_a_later_folder_lacks(self, hosted, tmp_path):
        run(make_folder(tmp_path / "all", oem_azure=make_payload(b"azure")))
        assert not run(make_folder(tmp_path / "less")).changed
        assert Payload.objects.count() == 2

    def test_mends_a_hosted_file_that_went_bad(self, hosted, folder):
        run(folder)
        place = hosted / "4593.2.1" / OS_PAYLOAD
        place.write_bytes(make_payload(b"the systeM"))
        run(folder)
        assert place.read_bytes() == make_payload(b"the system")

    def test_leaves_no_half_of_a_file_when_it_is_cut_short(self, hosted, folder, monkeypatch):
        (folder / "oem-azure.gz").write_bytes(make_payload(b"azure"))

        def full_disk(descriptor):
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full_disk)
            with pytest.raises(OSError, match="No space"):
                run(folder)
        assert files_below(hosted.parent) == set()
        assert not Release.objects.exists()
        assert run(folder).is_new

    def test_deletes_what_a_killed_import_left_a_day_ago(self, hosted, folder):
        incoming = hosted.parent / ".incoming"
        for name, age in (("dead", 25 * 3600), ("alive", 3600)):
            (incoming / name).mkdir(parents=True)
            os.utime(incoming / name, (time.time() - age,) * 2)
        run(folder)
        assert [path.name for path in incoming.iterdir()] == ["alive"]

    def test_refuses_a_file_that_changes_while_it_is_copied(self, hosted, folder, monkeypatch):
        real = payload_files.read

        def read_then_change(directory, **known):
            found = real(directory, **known)
            (folder / OS_PAYLOAD).write_bytes(make_payload(b"the systeM"))
            return found

        monkeypatch.setattr(releases, "read", read_then_change)
        with pytest.raises(BadPayload, match="changed while"):
            run(folder)
        assert not Release.objects.exists()

    def test_needs_an_os_payload(self, hosted, folder):
        (folder / OS_PAYLOAD).rename(folder / "oem-azure.gz")
        with pytest.raises(BadPayload, match="without which"):
            run(folder)

    def test_refuses_what_is_no_folder(self, hosted, tmp_path):
        with pytest.raises(BadPayload, match="no folder"):
            run(tmp_path / "nowhere")

    @pytest.mark.parametrize("contents", [b"", b"CrA", b"\x1f\x8b\x08 gzip", b"<html>"])
    def test_refuses_what_is_no_update_payload_by_name(self, hosted, folder, contents):
        (folder / "oem-azure.gz").write_bytes(contents)
        with pytest.raises(BadPayload, match=r"oem-azure\.gz is nothing that a node would take"):
            run(folder)
        assert not Release.objects.exists()

    @pytest.mark.parametrize(
        "line", ["{}  oem-azure.gz\n", "{} *oem-azure.gz", "{}", "{}  build/oem-azure.gz\r\n"]
    )
    def test_agrees_with_a_sum_beside_the_file(self, hosted, folder, line):
        (folder / "oem-azure.gz").write_bytes(make_payload(b"azure"))
        digest = hashlib.sha256(make_payload(b"azure")).hexdigest()
        (folder / "oem-azure.gz.sha256").write_text(line.format(digest.upper()))
        assert run(folder).is_new

    @pytest.mark.parametrize(
        ("line", "why"),
        [
            ("0" * 64 + "  oem-azure.gz\n", "is not what"),
            ("0" * 64 + "  oem-qemu.gz\n", "says nothing"),
            ("", "says nothing"),
            ("x" * 2_000_000, "too long"),
        ],
    )
    def test_refuses_a_file_that_its_sum_does_not_fit(self, hosted, folder, line, why):
        (folder / "oem-azure.gz").write_bytes(make_payload(b"azure"))
        (folder / "oem-azure.gz.sha256").write_text(line)
        with pytest.raises(BadPayload, match=why):
            run(folder)

    def test_names_what_it_ignores_and_why(self, hosted, folder):
        for name in (
            "version.txt",
            "my-oem-azure.gz",
            "flatcar-oem-azure.gz",
            "oem-azure.gz.sig",
            "oem-.gz",
            "lonely.gz.sha256",
        ):
            (folder / name).write_bytes(make_payload(b"any"))
        (folder / "flatcar-dir.gz").mkdir()
        imported = run(folder)
        assert imported.folder.ignored == {
            "version.txt": "no name that nodes ask for",
            "my-oem-azure.gz": "no name that nodes ask for",
            "flatcar-oem-azure.gz": "nodes would take it for another file",
            "oem-azure.gz.sig": "no name that nodes ask for",
            "oem-.gz": "no name that nodes ask for",
            "lonely.gz.sha256": "no name that nodes ask for",
            "flatcar-dir.gz": "no file",
        }
        assert imported.added == (OS_PAYLOAD,)

    def test_takes_extensions_and_names_them_as_they_are(self, hosted, tmp_path):
        folder = make_folder(
            tmp_path / "folder", flatcar_python=make_payload(b"py"), oem_own=make_payload(b"own")
        )
        assert run(folder).added == (OS_PAYLOAD, "flatcar-python.gz", "oem-own.gz")

    def test_warns_of_an_oem_of_other_machines(self, hosted, tmp_path):
        folder = make_folder(
            tmp_path / "folder", oem_vmware=make_payload(b"vm"), oem_azure=make_payload(b"az")
        )
        imported = run(folder, channel=seeded_channel("stable", "arm64"))
        assert imported.folder.warnings == ["oem-vmware.gz: this OEM is for amd64 only."]

    def test_takes_a_nightly_version(self, hosted, folder):
        run(folder, "4799.0.0+nightly-20260821-2100", channel=seeded_channel("alpha"))
        assert (hosted / "4799.0.0+nightly-20260821-2100" / OS_PAYLOAD).is_file()

    def test_links_what_a_sync_fetched_and_copies_what_is_somebody_elses(self, hosted, folder):
        staged = hosted.parent / ".staging" / "1-1"
        staged.parent.mkdir(parents=True)
        shutil.copytree(folder, staged)
        run(staged)
        run(folder, "4593.2.2")
        inodes = {
            path.stat().st_ino
            for path in (
                staged / OS_PAYLOAD,
                hosted / "4593.2.1" / OS_PAYLOAD,
                folder / OS_PAYLOAD,
            )
        }
        assert (hosted / "4593.2.1" / OS_PAYLOAD).samefile(staged / OS_PAYLOAD)
        assert (hosted / "4593.2.2" / OS_PAYLOAD).stat().st_ino not in inodes

    def test_can_read_the_folder_that_it_hosts(self, hosted, folder):
        hosted.mkdir(parents=True)
        shutil.move(folder, hosted / "4593.2.1")
        assert run(hosted / "4593.2.1").is_new
        assert (hosted / "4593.2.1" / OS_PAYLOAD).read_bytes() == make_payload(b"the system")


class TestBlock:
    def test_keeps_when_and_why(self, epoch):
        release = releases.block(make_release(), by=make_operator(), because="breaks disks")
        row = Release.objects.get(pk=release.pk)
        assert row.blocked_because == "breaks disks"
        assert row.blocked_at is not None
        assert epoch() == 1

    def test_says_what_the_release_was_to_whom(self):
        release = make_release()
        channels.set_target(seeded_channel(), release, by=None)
        channels.add_floor(seeded_channel("beta"), release, by=None, because="new updater")
        releases.block(release, by=make_operator(), because="breaks disks")
        written = last_activity()
        assert (written.verb, written.why) == ("release.blocked", "breaks disks")
        assert written.after == {
            "is_blocked": True,
            "target_of": ["stable (amd64)"],
            "floor_of": ["beta (amd64)"],
        }

    def test_needs_a_reason(self):
        with pytest.raises(BadWords):
            releases.block(make_release(), by=None, because="")

    def test_lets_only_one_of_two_hands_win(self):
        release = make_release()
        releases.block(release, by=None, because="breaks disks")
        with pytest.raises(releases.CannotBlock):
            releases.block(release, by=None, because="breaks the network")
        assert Release.objects.get().blocked_because == "breaks disks"


class TestUnblock:
    def test_takes_the_block_away_and_writes_down_what_it_was(self):
        release = releases.block(make_release(), by=None, because="breaks disks")
        releases.unblock(release, by=None, why="was the cable")
        row = Release.objects.get()
        assert (row.blocked_at, row.blocked_because) == (None, "")
        assert last_activity().before == {"blocked_because": "breaks disks"}

    def test_refuses_a_release_that_is_not_blocked(self):
        with pytest.raises(releases.CannotUnblock):
            releases.unblock(make_release(), by=None)


class TestSignatures:
    def test_are_checked_with_the_keys_of_the_settings(self, hosted, settings):
        settings.PAYLOAD_KEYS = [REAL.parent / "update-payload-key.pub.pem"]
        run(REAL)
        signers = set(Payload.objects.values_list("signed_by", flat=True))
        assert signers == {"update-payload-key.pub.pem"}

    def test_are_not_looked_at_without_a_key(self, hosted):
        run(REAL)
        assert set(Payload.objects.values_list("signed_by", flat=True)) == {""}

    def test_that_are_missing_keep_a_release_out(self, hosted, folder, settings):
        settings.PAYLOAD_KEYS = [REAL.parent / "update-payload-key.pub.pem"]
        with pytest.raises(BadPayload, match=r"flatcar_production_update\.gz .* no signature"):
            run(folder)
        assert not Release.objects.exists()
        assert not hosted.exists()

    def test_need_a_key_that_can_be_read(self, hosted, settings, tmp_path):
        settings.PAYLOAD_KEYS = [tmp_path / "key.pem"]
        settings.PAYLOAD_KEYS[0].write_text("no key")
        with pytest.raises(BadPayload, match=r"key\.pem cannot be read"):
            run(REAL)


class TestInside:
    def test_is_remembered(self, hosted):
        run(REAL)
        azure = Payload.objects.get(name="oem-azure.gz")
        assert (azure.built_for, azure.own_version) == ("4593.2.1", "")

    def test_that_is_of_another_release_keeps_it_out(self, hosted):
        with pytest.raises(BadPayload, match=r"oem-azure\.gz holds.*built for 4593\.2\.1"):
            run(REAL, version="4593.2.2")
        assert not Release.objects.exists()

    def test_that_nobody_can_read_is_said_to_be_unread(self, hosted, tmp_path):
        folder = make_folder(tmp_path / "folder", oem_azure=make_payload(b"azure"))
        (why,) = run(folder).folder.unread
        azure = Payload.objects.get(name="oem-azure.gz")
        assert (azure.built_for, azure.unread_because, azure.is_verified) == ("", why, True)
        assert "squashfs" in why

    def test_that_was_not_looked_into_is_when_it_can_be(self, hosted):
        run(REAL)
        unread = "unsquashfs is not installed here"
        Payload.objects.filter(name="oem-azure.gz").update(built_for="", unread_because=unread)
        run(REAL)
        azure = Payload.objects.get(name="oem-azure.gz")
        assert (azure.built_for, azure.unread_because) == ("4593.2.1", "")
        written = last_activity()
        assert (written.verb, written.after) == (
            "release.verified",
            {"payloads": ["oem-azure.gz"]},
        )
