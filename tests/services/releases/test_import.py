"""What an import registers, and what it does to the channel."""

import hashlib

import pytest

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.domain.version import sort_key
from oemupdates.models import Activity, Payload, Release
from oemupdates.services.groups import channels
from oemupdates.services.releases import releases
from oemupdates.services.releases.releases import CannotImport
from tests.domain.payload_maker import make_payload
from tests.services.makers import last_activity, make_operator, make_release, seeded_channel
from tests.services.release_maker import REAL, files_below, make_folder, run, written

pytestmark = pytest.mark.django_db


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

    def test_takes_a_nightly_version(self, hosted, folder):
        run(folder, "4799.0.0+nightly-20260821-2100", channel=seeded_channel("alpha"))
        assert (hosted / "4799.0.0+nightly-20260821-2100" / OS_PAYLOAD).is_file()
