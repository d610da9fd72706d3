"""Components: their files' names, the order of their versions, and lists of them."""

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oemupdates.domain.sysupdate import (
    BadImageName,
    Image,
    is_older,
    listed,
    newest_first,
    order,
    read_name,
    sums,
    version_of,
)

# systemd's exit statuses: the first is newer, or the second.
NEWER, OLDER = 11, 12
VERSIONS = st.text("019aAbz.-_+,~^v", max_size=6)


def image(version: str = "v1.31.0", architecture: str = "amd64", bound_to: str = "") -> Image:
    return Image("kubernetes", version, architecture, "ab" * 32, 1, bound_to)


class TestName:
    @pytest.mark.parametrize(
        ("file", "expected"),
        [
            ("kubernetes-v1.31.0-x86-64.raw", ("kubernetes", "v1.31.0", "amd64")),
            ("docker_compose-2.30.1-arm64.raw", ("docker_compose", "2.30.1", "arm64")),
            ("oemx-azure-2.12.0.4-r2-x86-64.raw", ("oemx-azure", "2.12.0.4-r2", "amd64")),
        ],
    )
    def test_says_component_version_and_architecture(
        self, file: str, expected: tuple[str, str, str]
    ) -> None:
        found = read_name(file)
        assert (found.component, found.version, found.architecture) == expected
        assert found.file == file

    def test_is_read_by_its_component_where_that_is_told(self) -> None:
        assert read_name("x-2-1.0-x86-64.raw", "x-2").version == "1.0"
        assert read_name("x-2-1.0-x86-64.raw").version == "2-1.0"
        assert read_name("wasm-main-x86-64.raw", "wasm").version == "main"

    @pytest.mark.parametrize(
        "file",
        [
            "kubernetes.raw",
            "kubernetes-v1.31.0.raw",
            "kubernetes-v1.31.0-x86-64.raw.xz",
            "kubernetes-v1.31.0-amd64.raw",
            "Kubernetes-v1.31.0-x86-64.raw",
            "-v1.31.0-x86-64.raw",
            "../kubernetes-v1.31.0-x86-64.raw",
            "kubernetes-x86-64.raw",
            f"kubernetes-1{'0' * 64}-x86-64.raw",
            "kubernetes-1.0\n-x86-64.raw",
        ],
    )
    def test_is_refused_if_it_is_none(self, file: str) -> None:
        with pytest.raises(BadImageName):
            read_name(file)

    @pytest.mark.parametrize(
        ("path", "version"),
        [
            ("../../opt/extensions/kubernetes/kubernetes-v1.31.0-x86-64.raw", "v1.31.0"),
            ("/etc/flatcar/sysext/kubernetes-4593.2.1.raw", ""),
            ("", ""),
        ],
    )
    def test_of_a_links_target_tells_its_version(self, path: str, version: str) -> None:
        assert version_of("kubernetes", path) == version


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
@given(VERSIONS, VERSIONS)
def test_versions_are_in_systemds_order(one: str, other: str) -> None:
    real = subprocess.run(
        ["systemd-analyze", "compare-versions", "--", one, other], check=False, capture_output=True
    )
    ours = order(one), order(other)
    expected = NEWER if ours[0] > ours[1] else OLDER if ours[0] < ours[1] else 0
    assert real.returncode == expected


@pytest.mark.parametrize(
    ("older", "newer"), [("1.9", "1.10"), ("v1.30.9", "v1.31.0"), ("1.0-rc1", "1.0.1")]
)
def test_a_version_is_older(older: str, newer: str) -> None:
    assert is_older(older, newer)
    assert not is_older(newer, older)
    assert not is_older(newer, newer)


class TestList:
    IMAGES = newest_first(
        [
            image("v1.30.1"),
            image("v1.32.0", bound_to="4757.1.0"),
            image("v1.31.0", bound_to="4593.2.1"),
            image("v1.31.0", "arm64"),
        ]
    )

    def listed(self, *, up_to: str = "", os: str = "4593.2.1", of: str = "amd64") -> list[str]:
        found = listed(self.IMAGES, up_to=up_to, os_version=os, architecture=of)
        return [one.version for one in found]

    def test_names_what_fits_the_newest_first(self) -> None:
        assert self.listed() == ["v1.31.0", "v1.30.1"]
        assert self.listed(os="4757.1.0") == ["v1.32.0", "v1.30.1"]
        assert self.listed(os="4800.0.0") == ["v1.30.1"]
        assert self.listed(of="arm64") == ["v1.31.0"]
        assert self.listed(os="4593.2.1+nightly-20260821-2100") == ["v1.31.0", "v1.30.1"]

    def test_ends_with_the_version_that_is_wanted(self) -> None:
        assert self.listed(up_to="v1.31.0") == ["v1.31.0", "v1.30.1"]
        assert self.listed(up_to="v1.30.9") == ["v1.30.1"]
        assert self.listed(up_to="v1.30.0") == []

    def test_is_never_empty_as_a_file(self) -> None:
        assert sums([image()]) == b"ab" * 32 + b"  kubernetes-v1.31.0-x86-64.raw\n"
        empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        assert sums([]) == f"{empty}  nothing-for-this-node\n".encode()
