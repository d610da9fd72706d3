import re
import shlex

import pytest

from oemupdates.domain.carry_in import CarryIn, carry_in
from oemupdates.domain.policy import OS_PAYLOAD

OFFERED = {OS_PAYLOAD, "oem-azure.gz", "oem-ami.gz", "flatcar-python.gz", "flatcar-zfs.gz"}


def made(oem: str = "azure", *extensions: str, offered: set[str] = OFFERED) -> CarryIn:
    return carry_in(
        version="4593.2.1",
        architecture="amd64",
        running="4459.2.1",
        oem=oem,
        extensions=extensions,
        offered=offered,
    )


def options(line: str) -> list[tuple[str, str]]:
    """Read a line by the tool's own rules for -V, -P and -E."""
    sudo, tool, *words = shlex.split(line)
    assert (sudo, tool) == ("sudo", "flatcar-update")
    pairs = list(zip(words[::2], words[1::2], strict=True))
    for option, value in pairs:
        assert option in {"-V", "-P", "-E"}
        if option == "-E":
            assert re.search(r"^(flatcar|oem).*gz$", value)
    assert [option for option, _ in pairs].count("-V") == 1
    assert [option for option, _ in pairs].count("-P") == 1
    return pairs


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
def test_the_tool_takes_the_line(oem: str, extensions: tuple[str, ...], files: list[str]) -> None:
    assert options(made(oem, *extensions).line) == [
        ("-V", "4593.2.1"),
        ("-P", OS_PAYLOAD),
        *(("-E", name) for name in files),
    ]


@pytest.mark.parametrize(
    ("found", "missing"),
    [
        (made("vmware"), "oem-vmware.gz"),
        (made("azure", "podman"), "flatcar-podman.gz"),
        (made("azure", offered={"oem-azure.gz"}), OS_PAYLOAD),
    ],
)
def test_there_is_no_line_that_would_fail(found: CarryIn, missing: str) -> None:
    assert found.missing == (missing,)
    assert (found.line, found.mirror_lines("https://mirror")) == ("", "")


def test_the_copy_of_the_tool_asks_the_mirror() -> None:
    edit, run = made().mirror_lines("https://fleet.example.net/payloads/").splitlines()
    assert shlex.split(edit)[1] == (
        "s#https://update.release.flatcar-linux.net#https://fleet.example.net/payloads#g"
    )
    assert shlex.split(run) == ["sudo", "bash", "./flatcar-update", "-V", "4593.2.1"]
