"""What can be said of an image and a hole."""

import pytest

from oemupdates.domain.advisory import Advisory, read
from oemupdates.domain.ebuild import Package
from oemupdates.domain.exposure import Image, Inside, Ran, Verdict, images, judge
from oemupdates.domain.shipped import OEMS
from tests.services.makers import osv

TOOLS = "app-emulation/open-vm-tools"
KNOWN = {oem.id: oem for oem in OEMS}
LISTS = {
    Image("vmware", "4081.3.6", "amd64"): [Package(TOOLS, "12.4.5")],
    Image("vmware", "4593.2.1", "amd64"): [Package(TOOLS, "13.0.5")],
    Image("", "4593.2.1", "amd64"): [],
    Image("acme", "4593.2.1", "amd64"): [],
}
HOLE = read(osv())


def about(package: str, fixed: str = "") -> Advisory:
    events = [{"introduced": "0"}, *([{"fixed": fixed}] if fixed else [])]
    ranges = [{"type": "ECOSYSTEM", "events": events}]
    affected = [{"package": {"ecosystem": "Gentoo", "name": package}, "ranges": ranges}]
    return read(osv(affected=affected))


def verdict(image: Image, hole: Advisory = HOLE) -> Verdict:
    return judge(hole, image, Inside(LISTS, KNOWN)).verdict


@pytest.mark.parametrize(
    ("oem", "version", "build", "said"),
    [
        ("vmware", "4081.3.6", "", Verdict.EXPOSED),
        ("vmware", "4593.2.1", "", Verdict.CLEAR),
        ("vmware", "4757.1.0", "", Verdict.UNKNOWN),
        # Nothing is known to be merged: an older installation's files may run.
        ("vmware", "", "", Verdict.UNKNOWN),
        # A build is believed before a list, and where there is none.
        ("vmware", "4593.2.1", "12.4.5", Verdict.EXPOSED),
        ("vmware", "4593.2.1", "12.4.5-r3", Verdict.EXPOSED),
        ("vmware", "4081.3.6", "13.0.5", Verdict.CLEAR),
        ("vmware", "4757.1.0", "13.0.10-r1", Verdict.CLEAR),
        ("vmware", "4757.1.0", "13.0.4", Verdict.EXPOSED),
        # What is no version tells nothing, whatever a list says of another build.
        ("vmware", "4593.2.1", "custom", Verdict.UNKNOWN),
        ("vmware", "4593.2.1", "0", Verdict.CLEAR),
        # Configuration only, in no list; and an OEM that nobody knows anything of.
        ("hetzner", "4593.2.1", "", Verdict.CLEAR),
        ("hetzner", "", "", Verdict.CLEAR),
        ("strange", "4593.2.1", "", Verdict.UNKNOWN),
        ("acme", "4757.1.0", "", Verdict.CLEAR),
        # An OEM's tool is looked for in the OS where some OS has it alone.
        ("", "4757.1.0", "", Verdict.CLEAR),
    ],
)
def test_says_of_an_image_whether_it_has_the_hole(
    oem: str, version: str, build: str, said: Verdict
) -> None:
    assert verdict(Image(oem, version, "amd64", build)) is said


def test_a_package_that_no_oem_brings_may_be_in_the_os() -> None:
    hole = about("net-misc/openssh")
    assert verdict(Image("", "4593.2.1", "amd64"), hole) is Verdict.CLEAR
    assert verdict(Image("", "4757.1.0", "amd64"), hole) is Verdict.UNKNOWN
    assert verdict(Image("vmware", "4757.1.0", "amd64"), hole) is Verdict.CLEAR


def test_a_build_tells_of_the_tool_of_its_version_alone() -> None:
    hole = about("net-misc/chrony")
    assert verdict(Image("azure", "4593.2.1", "amd64", "2.12.0.4"), hole) is Verdict.UNKNOWN


def test_a_build_with_a_version_of_its_own_tells_nothing() -> None:
    # Hyper-V's own package is at 0.2.0, whatever its daemons are; Google's is the newest of two.
    for oem, build, tool in (
        ("hyperv", "0.2.0", "app-emulation/hv-daemons"),
        ("gce", "20260504", "app-emulation/google-compute-engine"),
    ):
        for fixed in ("0.1", "30000000"):
            image = Image(oem, "4593.2.1", "amd64", build)
            assert verdict(image, about(tool, fixed=fixed)) is Verdict.UNKNOWN


def test_a_list_of_another_build_tells_nothing_of_this_one() -> None:
    listed = Image("azure", "4593.2.1", "amd64")
    lists = {listed: [Package("net-misc/chrony", "4.8")]}
    hole, builds = about("net-misc/chrony", fixed="4.7"), {listed: "2.12.0.4-r2"}

    def said(build: str) -> Verdict:
        image = listed._replace(build=build)
        return judge(hole, image, Inside(lists, KNOWN, builds)).verdict

    assert said("2.12.0.4-r2") is Verdict.CLEAR
    assert said("") is Verdict.CLEAR
    assert said("2.13.0") is Verdict.UNKNOWN
    builds.clear()
    assert said("2.13.0") is Verdict.CLEAR


def test_the_revision_of_a_build_is_not_the_tools() -> None:
    hole = about(TOOLS, fixed="13.0.5-r1")
    assert verdict(Image("vmware", "4757.1.0", "amd64", "13.0.5-r2"), hole) is Verdict.UNKNOWN
    assert verdict(Image("vmware", "4593.2.1", "amd64", "13.0.5-r2"), hole) is Verdict.EXPOSED
    assert verdict(Image("vmware", "4757.1.0", "amd64", "13.0.4-r2"), hole) is Verdict.EXPOSED


@pytest.mark.parametrize(
    ("oem", "oem_version", "basis", "of_oem"),
    [
        ("vmware", "4593.2.1", "derived", [Image("vmware", "4593.2.1", "amd64")]),
        ("vmware", "", "reported", [Image("vmware", "", "amd64")]),
        ("vmware", "", "", [Image("vmware", "", "amd64")]),
        # A beacon sees that nothing is merged, and not what a partition holds.
        ("vmware", "", "observed", [Image("vmware", "", "amd64")]),
        ("hetzner", "", "observed", []),
        ("strange", "", "observed", [Image("strange", "", "amd64")]),
        ("", "", "", []),
        ("diskless", "", "", []),
    ],
)
def test_a_node_runs_the_os_and_what_its_oem_is(
    oem: str, oem_version: str, basis: str, of_oem: list[Image]
) -> None:
    ran = Ran("amd64", "4593.2.1", oem, oem_version, "", basis)
    assert images(ran, KNOWN) == [Image("", "4593.2.1", "amd64"), *of_oem]


def test_why_nobody_can_say_is_said() -> None:
    assert "older installation" in Image("vmware", "", "amd64").why_unknown
    assert "build" in Image("vmware", "4593.2.1", "amd64", "x").why_unknown
    assert "No list" in Image("", "4593.2.1", "amd64").why_unknown
