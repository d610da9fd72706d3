"""What releases show of OEMs, against what the catalogue says."""

import pytest

from oemupdates.domain.oem import AMD64, BOTH, Catalogue, Oem
from oemupdates.domain.oem_seen import Carried, Seen, propose, seen

KNOWN = Catalogue(
    [
        Oem("azure", BOTH, "3732.0.0", "3760.2.0"),
        Oem("ami", BOTH, "3745.0.0", "3760.2.0"),
        Oem("nutanix", AMD64, "4515.0.1", "4459.2.1"),
        Oem("packet", BOTH, "3760.0.0", "3760.2.0", dropped_in="4722.0.0"),
        Oem("brightbox", AMD64),
    ]
)
MOST = ("azure", "ami", "nutanix")


def release(version: str, *oems: str, architecture: str = "amd64") -> Carried:
    return Carried(version, architecture, frozenset(oems))


@pytest.mark.parametrize(
    ("releases", "oem", "changes"),
    [
        # An id that nobody knows.
        (
            [release("4593.2.1", "acme"), release("4459.2.1", "acme", architecture="arm64")],
            "acme",
            {"architectures": "amd64 arm64", "alpha_since": "4459.2.1"},
        ),
        # Earlier than is known: an Alpha, and a branch that it was carried back to.
        ([release("4487.0.0", "nutanix")], "nutanix", {"alpha_since": "4487.0.0"}),
        ([release("4230.2.3", "nutanix")], "nutanix", {"stable_since": "4230.2.3"}),
        ([release("4459.2.1", "nutanix"), release("4515.0.1", "nutanix")], "nutanix", {}),
        # For a machine that is not known, as a sysext that never was one, and again after all.
        (
            [release("4593.2.1", "nutanix", architecture="arm64")],
            "nutanix",
            {"architectures": "amd64 arm64"},
        ),
        ([release("4593.2.1", "brightbox")], "brightbox", {"alpha_since": "4593.2.1"}),
        ([release("4722.0.0", "packet")], "packet", {"dropped_in": ""}),
        # Gone where most others are, and not where a release is here in part.
        (
            [release("4593.2.1", *MOST), release("4757.0.0", "ami", "nutanix")],
            "azure",
            {"dropped_in": "4757.0.0"},
        ),
        ([release("4593.2.1", *MOST), release("4757.0.0", "nutanix")], "azure", {}),
        ([release("4757.0.0", *MOST), release("4593.2.1", "ami", "nutanix")], "azure", {}),
    ],
)
def test_proposes_what_the_catalogue_does_not_say(
    releases: list[Carried], oem: str, changes: dict[str, str]
) -> None:
    found = {one.oem: one for one in propose(KNOWN, releases)}
    assert dict(found[oem].changes if oem in found else {}) == changes
    assert oem not in found or found[oem].is_new == (oem not in KNOWN.oems)


def test_says_where_a_payload_was_seen() -> None:
    releases = [release("4757.0.0", "azure"), release("593.2.1", "azure", architecture="arm64")]
    assert seen(releases) == {"azure": Seen("593.2.1", "4757.0.0", ("amd64", "arm64"))}
