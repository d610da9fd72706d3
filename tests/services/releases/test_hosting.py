"""Where an import puts files, whatever happens meanwhile."""

import hashlib
import os
import shutil
import time

import pytest

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Release
from oemupdates.services.hosting import payload_files
from oemupdates.services.hosting.payload_files import BadPayload
from oemupdates.services.releases import releases
from tests.domain.payload_maker import make_payload
from tests.services.release_maker import files_below, run

pytestmark = pytest.mark.django_db


class TestImportRelease:
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
