"""What a node is given for a component, read and run by systemd's own programs."""

import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from oemupdates.domain.transfer import Source, butane, transfer, units
from oemupdates.services.components import component_wants
from tests.component_images import host_image
from tests.omaha.live import serving
from tests.services.makers import seeded_group
from tests.sysupdate_node import SysupdateNode

OS = "4593.2.1"


@pytest.mark.once
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not here")
def test_systemd_reads_both_units(tmp_path: Path) -> None:
    paths = []
    for unit in units("kubernetes"):
        paths.append(tmp_path / unit.name)
        # What they run is on nodes.
        paths[-1].write_text(unit.text.replace("/usr/bin/bash", "/bin/sh"))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *paths],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [unit.is_enabled for unit in units("kubernetes")] == [False, True]


@pytest.mark.once
def test_butane_holds_each_file_line_by_line() -> None:
    source = Source("https://fleet.example.net/a%b", "rack:7", key=b"a key")
    text = butane(["kubernetes", "wasmtime"], source)
    for component in ("kubernetes", "wasmtime"):
        assert f"- path: /etc/sysupdate.{component}.d/{component}.conf\n" in text
        for line in (*transfer(component, source).splitlines(), *_lines(component)):
            assert not line or f"  {line}\n" in text
    assert "Path=https://fleet.example.net/a%%b/sysupdate/v1/rack:7/%m/%b/%w/kubernetes/" in text
    assert "Verify=yes" in text
    assert text.count("/etc/systemd/import-pubring.gpg") == 1
    assert "source: data:;base64,YSBrZXk=\n" in text
    assert "pubring" not in butane(["kubernetes"], Source("https://fleet", "stable"))


def _lines(component: str) -> Iterator[str]:
    for unit in units(component):
        yield from unit.text.splitlines()


@pytest.mark.django_db(transaction=True)
def test_the_service_fetches_what_is_new_and_asks_for_a_reboot_then(
    tmp_path: Path, settings: Any
) -> None:
    settings.PAYLOAD_DIR = tmp_path / "hosted"
    service = units("kubernetes")[0].text
    commands = [
        shlex.split(line.partition("=")[2].replace("$$", "$"))
        for line in service.splitlines()
        if line.startswith("ExecStart")
    ]
    image = host_image(tmp_path)
    component_wants.want(seeded_group(), image.component, by=None)
    with serving() as (host, port):
        source = Source(f"http://{host}:{port}", "stable")
        node = SysupdateNode(tmp_path / "node", "kubernetes", source, OS)
        node.images.rmdir()
        asked = node.root / "run/reboot-required"
        for is_new in (True, False):
            for command in commands:
                done = node.run(*command)
                assert done.returncode == 0, done.stderr
            assert node.in_use == image.image.file
            assert asked.exists() is is_new
            asked.unlink(missing_ok=True)
