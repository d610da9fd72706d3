"""What goes into a bundle, and what cannot."""

import io
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from oemupdates.domain import bundle
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.services.carrying import bundle_keys, bundles
from oemupdates.services.carrying.bundles import CannotExport, Choice, Planned
from tests.services.bundle_maker import NEW, OLD, host, whole
from tests.services.makers import make_node, make_release

pytestmark = pytest.mark.django_db


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
