import pytest

from oemupdates.domain.checkin import DERIVED, NO_BASIS, OBSERVED, REPORTED
from oemupdates.domain.confidence import WORDS, Confidence, grade

OLD, NEW = "4459.2.1", "4593.2.1"


@pytest.mark.parametrize(
    ("aleph", "applied", "expected"),
    [
        (NEW, "", Confidence.HIGH),
        (NEW, "applied", Confidence.HIGH),
        (OLD, "applied", Confidence.MEDIUM),
        (OLD, "", Confidence.LOW),
        ("", "", Confidence.LOW),
    ],
)
def test_how_a_node_came_to_its_version_tells(
    aleph: str, applied: str, expected: Confidence
) -> None:
    found = grade(basis=DERIVED, version=NEW, aleph_version=aleph, has_applied=bool(applied))
    assert found is expected
    assert WORDS[expected]


@pytest.mark.parametrize("basis", [OBSERVED, REPORTED, NO_BASIS])
def test_what_is_not_derived_has_none(basis: str) -> None:
    assert grade(basis=basis, version=NEW, aleph_version=NEW, has_applied=True) is None
