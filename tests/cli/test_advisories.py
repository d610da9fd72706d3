import pytest

from oemupdates.services.counters import counters
from tests.cli.conftest import Terminal
from tests.services.makers import make_advisory
from tests.services.security.test_exposure import CLEARED, HOLED, listed, vmware

pytestmark = [pytest.mark.processes, pytest.mark.once]


@pytest.fixture
def hole(terminal: Terminal) -> str:
    """A hole on one node, of another of which nobody can say; what clears it is here."""
    listed("4081.3.6", HOLED)
    listed("4593.2.0", CLEARED)
    vmware("4081.3.6")
    vmware("3975.2.0")
    counters.repair()
    return make_advisory(own=True).name


def test_lists_the_holes_that_are_known(terminal: Terminal, hole: str) -> None:
    lines = terminal.run("advisories").splitlines()
    assert lines[0].split() == ["ID", "NAME", "PUBLISHED", "MODIFIED", "IS_OWN", "SUMMARY"]
    assert lines[1].split()[1:5] == [hole, "2025-09-29T00:00:00Z", "2025-10-30T00:00:00Z", "yes"]
    assert lines[1].endswith("Somebody becomes root")
    assert [one["name"] for one in terminal.json("advisories")] == [hole]


def test_says_who_has_one_and_what_clears_it(terminal: Terminal, hole: str) -> None:
    told = [line.split() for line in terminal.run("advisories", hole).splitlines()]
    assert ["name", hole] in told
    assert ["nodes", "1"] in told
    holed = "vmware 4081.3.6 amd64 app-emulation/open-vm-tools 12.4.5 1 4593.2.0"
    assert told[told.index(["Images", "with", "it:"]) + 2] == holed.split()
    unknown = told[told.index(["Not", "known", "of:"]) + 1 :]
    assert unknown[0] == ["IMAGE", "VERSION", "ARCHITECTURE", "BUILD", "NODES", "WHY"]
    assert ["vmware", "3975.2.0", "amd64", "1"] in [line[:4] for line in unknown]


def test_gives_one_to_scripts_as_one_value(terminal: Terminal, hole: str) -> None:
    (one,) = terminal.json("advisories", hole)
    assert one["content"]["id"] == hole  # type: ignore[index]
    assert one["images"][0]["cleared_by"] == "4593.2.0"  # type: ignore[index]
    assert terminal.json("advisories", str(one["id"])) == [one]


def test_knows_no_hole_of_another_name(terminal: Terminal, hole: str) -> None:
    refused = terminal.run("advisories", f"{hole}0", code=3)
    assert f"Nothing in advisories is called {hole}0." in refused
