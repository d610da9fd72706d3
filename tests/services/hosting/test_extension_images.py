"""Images are really made, by each file system's own tool, and looked into."""

import os
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from oemupdates.domain.extension import BadExtension, ExtensionRelease
from oemupdates.domain.payload import BadPayload, unsigned
from oemupdates.services.hosting import extension_images
from oemupdates.services.hosting.extension_images import CannotLook, look
from tests.tools import need

PAYLOADS = Path(__file__).parents[2] / "payloads"
SECTOR, FIRST = 512, 2048
INSIDE = ExtensionRelease(
    id="flatcar", version="4593.2.1", own_version="2.13.0.0-r1", architecture="x86-64"
)
TEXT = "ID=flatcar\nVERSION_ID=4593.2.1\nSYSEXT_VERSION_ID=2.13.0.0-r1\nARCHITECTURE=x86-64\n"
PLACE = Path("usr/lib/extension-release.d/extension-release.oem-azure")

MAKERS: dict[str, Callable[[Path, Path], list[str]]] = {
    "mksquashfs": lambda tree, image: ["mksquashfs", str(tree), str(image), "-quiet"],
    "mkfs.erofs": lambda tree, image: ["mkfs.erofs", "-zlz4", str(image), str(tree)],
    "mkfs.btrfs": lambda tree, image: [
        "mkfs.btrfs",
        "-q",
        "--shrink",
        "-r",
        str(tree),
        str(image),
    ],
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    tree = tmp_path / "tree"
    place = tree / PLACE
    place.parent.mkdir(parents=True)
    place.write_text(TEXT)
    (tree / "usr/bin").mkdir()
    (tree / "usr/bin/waagent").write_bytes(bytes(range(256)) * 400)
    return tree


def make_image(tool: str, tree: Path) -> bytes:
    need(tool)
    image = tree.parent / "image"
    if tool == "mkfs.btrfs":
        with image.open("wb") as file:
            file.truncate(112 * 1024 * 1024)
    subprocess.run(
        MAKERS[tool](tree, image),
        check=True,
        capture_output=True,
        env={"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"},
    )
    return image.read_bytes()


def payload_of(image: bytes, folder: Path, name: str = "oem-azure.gz") -> Path:
    path = folder / name
    path.write_bytes(unsigned(image))
    return path


def in_a_partition(image: bytes) -> bytes:
    """A disk image with two partitions, of which the second is the file system."""
    last = FIRST + len(image) // SECTOR - 1
    header = struct.pack("<8s64xQII", b"EFI PART", 2, 2, 128).ljust(SECTOR, b"\0")
    verity = struct.pack("<16s16sQQ", b"v" * 16, b"1" * 16, 40, 50).ljust(128, b"\0")
    root = struct.pack("<16s16sQQ", b"r" * 16, b"2" * 16, FIRST, last).ljust(128, b"\0")
    table = bytes(SECTOR) + header + verity + root
    return table.ljust(FIRST * SECTOR, b"\0") + image + bytes(33 * SECTOR)


class TestLook:
    @pytest.mark.parametrize(
        ("path", "inside"),
        [
            ("4593.2.1/oem-azure.gz", ExtensionRelease(id="flatcar", version="4593.2.1")),
            (
                "4757.1.0/oem-vmware.gz",
                ExtensionRelease(
                    id="flatcar",
                    version="4757.1.0",
                    own_version="13.0.10",
                    architecture="x86-64",
                ),
            ),
        ],
    )
    def test_reads_the_real_payloads(self, path: str, inside: ExtensionRelease) -> None:
        need("mksquashfs")
        need("mkfs.erofs")
        assert look(PAYLOADS / path) == inside

    @pytest.mark.parametrize("tool", MAKERS)
    def test_reads_each_file_system(self, tool: str, tree: Path, tmp_path: Path) -> None:
        assert look(payload_of(make_image(tool, tree), tmp_path)) == INSIDE

    @pytest.mark.parametrize("tool", ["mksquashfs", "mkfs.erofs"])
    def test_reads_a_partition_of_a_disk_image(
        self, tool: str, tree: Path, tmp_path: Path
    ) -> None:
        image = in_a_partition(make_image(tool, tree))
        assert look(payload_of(image, tmp_path)) == INSIDE

    @pytest.mark.parametrize("tool", MAKERS)
    def test_refuses_an_image_without_a_release_file_of_its_name(
        self, tool: str, tree: Path, tmp_path: Path
    ) -> None:
        payload = payload_of(make_image(tool, tree), tmp_path, "oem-vmware.gz")
        with pytest.raises(BadExtension, match="no extension-release of its name"):
            look(payload)

    @pytest.mark.parametrize("tool", MAKERS)
    def test_reads_no_release_file_that_is_a_bomb(
        self, tool: str, tree: Path, tmp_path: Path
    ) -> None:
        (tree / PLACE).write_bytes(bytes(20 * 1024 * 1024))
        with pytest.raises(CannotLook):
            look(payload_of(make_image(tool, tree), tmp_path))

    @pytest.mark.parametrize("limit", ["MAX_BYTES", "MAX_FILES"])
    def test_ends_a_tool_that_unpacks_too_much(
        self, limit: str, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        payload = payload_of(make_image("mkfs.erofs", tree), tmp_path)
        monkeypatch.setattr(extension_images, limit, 5)
        with pytest.raises(CannotLook):
            look(payload)

    @pytest.mark.parametrize("tool", ["mkfs.erofs", "mkfs.btrfs"])
    def test_follows_no_link_out_of_the_image(self, tool: str, tree: Path, tmp_path: Path) -> None:
        (tmp_path / "secret").write_text(TEXT)
        (tree / PLACE).unlink()
        (tree / PLACE).symlink_to(tmp_path / "secret")
        with pytest.raises(CannotLook):
            look(payload_of(make_image(tool, tree), tmp_path))

    @pytest.mark.parametrize("tool", MAKERS)
    def test_takes_nothing_from_a_broken_image(
        self, tool: str, tree: Path, tmp_path: Path
    ) -> None:
        image = make_image(tool, tree)
        broken = image[:0x10100] if tool == "mkfs.btrfs" else image[:1200]
        with pytest.raises((CannotLook, BadExtension)):
            look(payload_of(broken.ljust(8192, b"\0"), tmp_path))

    @pytest.mark.parametrize(
        "image", [b"no image", bytes(4096), b"\0" * 512 + b"EFI PART" + b"\xff" * 4096]
    )
    def test_says_that_it_knows_no_such_file_system(self, image: bytes, tmp_path: Path) -> None:
        with pytest.raises(CannotLook, match="none of squashfs, erofs and btrfs"):
            look(payload_of(image, tmp_path))

    def test_says_which_tool_is_missing(
        self, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        payload = payload_of(b"hsqs" + bytes(4096), tmp_path)
        monkeypatch.setattr(shutil, "which", lambda *_args, **_kwargs: None)
        with pytest.raises(CannotLook, match="unsquashfs is not installed here"):
            look(payload)

    def test_refuses_bytes_that_make_no_image(self, tmp_path: Path) -> None:
        path = tmp_path / "oem-azure.gz"
        path.write_bytes(b"CrAU")
        with pytest.raises(BadPayload):
            look(path)
