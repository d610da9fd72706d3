import shlex
import subprocess
from pathlib import Path

import pytest

from oemupdates.domain.carry_in import CarryIn, carry_in
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.domain.shipped import SHIPPED
from tests.flatcar_update_rules import OnNode, Run, WouldNotBegin, run

OFFERED = {OS_PAYLOAD, "oem-azure.gz", "oem-ami.gz", "flatcar-python.gz", "flatcar-zfs.gz"}
HOST = "https://update.release.flatcar-linux.net"


def made(
    oem: str = "azure",
    *extensions: str,
    offered: set[str] = OFFERED,
    version: str = "4593.2.1",
) -> CarryIn:
    return carry_in(
        version=version,
        oem=oem,
        needs_oem=SHIPPED.is_mandatory(
            oem, running="4459.2.1", target=version, architecture="amd64"
        ),
        is_dropped=SHIPPED.is_dropped(oem, target=version),
        extensions=extensions,
        offered=offered,
    )


def arguments(line: str) -> list[str]:
    sudo, tool, *words = shlex.split(line)
    assert (sudo, tool) == ("sudo", "flatcar-update")
    return words


@pytest.mark.parametrize(
    ("oem", "extensions", "files"),
    [
        ("azure", (), ["oem-azure.gz"]),
        ("", (), []),
        ("diskless", (), []),
        ("interoute", (), []),
        ("ami", ("zfs", "python", "zfs"), ["oem-ami.gz", "flatcar-python.gz", "flatcar-zfs.gz"]),
    ],
)
def test_the_tool_begins_with_the_line(
    oem: str, extensions: tuple[str, ...], files: list[str]
) -> None:
    node = OnNode(oem if files else "", extensions)
    told = run(arguments(made(oem, *extensions).line), node)
    assert told == Run("4593.2.1", OS_PAYLOAD, files)


def test_the_judge_refuses_what_the_tool_refuses() -> None:
    node = OnNode("azure", ("zfs",))
    for line in (
        made("azure").line,
        made("", "zfs").line,
        "sudo flatcar-update -P x",
        "sudo flatcar-update -V 1.0.0 -E oem-azure.gz",
        "sudo flatcar-update -V 1.0.0 -P x -E my-oem-azure.gz",
        "sudo flatcar-update -V 1.0.0 more",
        "sudo flatcar-update -V 1.0.0 -O maybe",
        "sudo flatcar-update --no-such",
        "sudo flatcar-update -V 1.0.0 -P ''",
    ):
        with pytest.raises(WouldNotBegin):
            run(arguments(line), node)


@pytest.mark.parametrize(
    ("found", "missing", "words"),
    [
        (made("vmware"), "oem-vmware.gz", "4593.2.1 has no oem-vmware.gz here"),
        (made("azure", "podman"), "flatcar-podman.gz", "has no flatcar-podman.gz here"),
        (made("azure", offered={"oem-azure.gz"}), OS_PAYLOAD, f"has no {OS_PAYLOAD} here"),
        (made("packet", version="4722.0.0"), "oem-packet.gz", "Flatcar builds no oem-packet.gz"),
    ],
)
def test_there_is_no_line_that_would_fail(found: CarryIn, missing: str, words: str) -> None:
    assert found.missing == (missing,)
    assert words in found.problems[0]
    assert (found.line, found.mirror_lines("https://mirror")) == ("", "")


def test_a_name_that_the_tool_does_not_take_is_missing() -> None:
    assert made("azure", "zfs\n", offered=OFFERED | {"flatcar-zfs\n.gz"}).missing == (
        "flatcar-zfs\n.gz",
    )


@pytest.mark.parametrize(
    "mirror",
    [
        "https://fleet.example.net/payloads",
        "http://10.0.0.1:8000/payloads",
        r"https://odd.example/a&b#c\d/payloads",
    ],
)
def test_a_copy_of_the_tool_asks_the_mirror_for_all(tmp_path: Path, mirror: str) -> None:
    """The lines are run by a shell; the tool is one of ours that asks as the real one does."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    tool = (
        "#!/bin/bash\n"
        f'for f in {OS_PAYLOAD} oem-azure.gz; do echo "{HOST}/amd64-usr/$2/$f";'
        f' echo "{HOST}/amd64-usr/$2/$f.sha256"; done\n'
        "echo https://update-release.flatcar-linux.net/left-alone\n"
    )
    for name, content in {"flatcar-update": tool, "sudo": '#!/bin/sh\nexec "$@"\n'}.items():
        (bin_folder / name).write_text(content)
        (bin_folder / name).chmod(0o755)
    said = subprocess.run(
        ["/bin/bash", "-euc", made().mirror_lines(mirror + "/")],
        cwd=tmp_path,
        env={"PATH": f"{bin_folder}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    folder = f"{mirror}/amd64-usr/4593.2.1"
    expected = [
        f"{folder}/{name}{ending}"
        for name in (OS_PAYLOAD, "oem-azure.gz")
        for ending in ("", ".sha256")
    ]
    lines = said.stdout.splitlines()
    assert lines == [*expected, "https://update-release.flatcar-linux.net/left-alone"]
