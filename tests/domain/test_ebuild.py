import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oemupdates.domain.ebuild import MOST, BadVersion, Package, order, packages

# In their order, by the Package Manager Specification.
ASCENDING = (
    "0",
    "0.0.1",
    "1_alpha",
    "1_alpha1",
    "1_beta2",
    "1_pre",
    "1_rc1",
    "1_rc1_p1",
    "1",
    "1-r1",
    "1-r10",
    "1_p",
    "1_p20",
    "1.0",
    "1.01",
    "1.010.1",
    "1.1",
    "1.9",
    "1.10",
    "1.10a",
    "1.10b",
    "1.10c",
    "12.4.5",
    "12.4.5-r1",
    "12.5.4",
    "13.0.0",
    "20190124",
)
NUMBERS = st.lists(st.from_regex(r"\A[0-9]{1,5}\Z"), min_size=1, max_size=4).map(".".join)
VERSIONS = st.builds(
    "".join,
    st.tuples(
        NUMBERS,
        st.sampled_from(["", "a", "z"]),
        st.sampled_from(["", "_alpha", "_beta3", "_pre", "_rc1", "_p", "_p4", "_rc1_p2"]),
        st.sampled_from(["", "-r0", "-r1", "-r12"]),
    ),
)


def test_versions_are_in_gentoos_order() -> None:
    for lower, higher in itertools.combinations(ASCENDING, 2):
        assert order(lower) < order(higher), (lower, higher)


@given(VERSIONS, VERSIONS, VERSIONS)
def test_any_three_versions_have_one_order(one: str, two: str, three: str) -> None:
    assert (order(one) < order(two)) + (order(one) > order(two)) + (order(one) == order(two)) == 1
    if order(one) <= order(two) <= order(three):
        assert order(one) <= order(three)


@given(VERSIONS)
def test_no_revision_is_the_revision_nought(version: str) -> None:
    if "-r" not in version:
        assert order(version) == order(f"{version}-r0") < order(f"{version}-r1")


@pytest.mark.parametrize(
    "text", ["", "v1", "1.", ".1", "1ab", "1_x", "1-r", "1 ", "1\n", "\u0661", "9" * 65]
)
def test_what_is_no_version_is_refused(text: str) -> None:
    with pytest.raises(BadVersion):
        order(text)


def test_a_list_is_read_by_its_lines() -> None:
    text = (
        "app-emulation/open-vm-tools-12.4.5-r1::coreos-overlay\n"
        "\n"
        "# made by a machine\n"
        "  dev-libs/libdnet-1.14-r2\r\n"
        "app-emulation/open-vm-tools-12.4.5-r1::coreos-overlay\n"
        "x11-libs/libX11-1.8.10_p1::portage-stable\n"
        "acct-group/adm-0-r2::portage-stable\n"
        "no-version/here\n" + "a" * 400 + "\n"
    )
    assert packages(text) == [
        Package("app-emulation/open-vm-tools", "12.4.5-r1"),
        Package("dev-libs/libdnet", "1.14-r2"),
        Package("x11-libs/libX11", "1.8.10_p1"),
        Package("acct-group/adm", "0-r2"),
    ]


def test_a_list_without_end_is_read_so_far() -> None:
    assert len(packages("".join(f"a/b-{number}\n" for number in range(MOST + 10)))) == MOST


@given(st.text(max_size=500))
def test_any_text_is_read(text: str) -> None:
    for name, version in packages(text):
        assert "/" in name
        order(version)
