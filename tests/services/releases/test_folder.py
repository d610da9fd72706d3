"""What a folder may hold: by name, sum, signature, and what is inside."""

import hashlib

import pytest

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.models import Payload, Release
from oemupdates.services.hosting.payload_files import BadPayload
from tests.domain.payload_maker import make_payload
from tests.services.makers import last_activity, seeded_channel
from tests.services.release_maker import REAL, make_folder, run

pytestmark = pytest.mark.django_db


class TestImportRelease:
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
