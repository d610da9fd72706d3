import pytest

from oemupdates.domain.checkin import (
    MAX_LENGTHS,
    NO_BASIS,
    OBSERVED,
    REPORTED,
    BadCheckIn,
    OemClaim,
    check,
    read_oem_version,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # Birth versions, whatever they look like: nothing about today.
        ("", OemClaim(NO_BASIS)),
        ("2.9.1.1-r4", OemClaim(REPORTED, build="2.9.1.1-r4")),
        ("0", OemClaim(REPORTED, build="0")),
        ("4593.2.1", OemClaim(REPORTED, build="4593.2.1")),
        ("4593.2.1+2.13.0", OemClaim(REPORTED, build="4593.2.1+2.13.0")),
        # The beacon's form.
        ("sysext/4593.2.1/2.12.0.4-r2", OemClaim(OBSERVED, "4593.2.1", "2.12.0.4-r2")),
        ("sysext/4593.2.1/-", OemClaim(OBSERVED, "4593.2.1")),
        ("sysext/4593.2.1/", OemClaim(OBSERVED, "4593.2.1")),
        ("sysext/4593.2.1", OemClaim(OBSERVED, "4593.2.1")),
        ("sysext/1.0/-", OemClaim(OBSERVED, "1.0")),
        ("sysext/none", OemClaim(OBSERVED)),
        ("sysext/none/-", OemClaim(OBSERVED)),
        # Nearly the beacon's form: not observed, for nobody knows what it says.
        ("sysext", OemClaim(REPORTED, build="sysext")),
        ("sysext/", OemClaim(REPORTED, build="sysext/")),
        ("sysext//2.12", OemClaim(REPORTED, build="sysext//2.12")),
        ("sysext/4593.2.1/2.12/x", OemClaim(REPORTED, build="sysext/4593.2.1/2.12/x")),
        ("SYSEXT/4593.2.1/-", OemClaim(REPORTED, build="SYSEXT/4593.2.1/-")),
        (" sysext/none", OemClaim(REPORTED, build=" sysext/none")),
    ],
)
def test_read_oem_version(text: str, expected: OemClaim) -> None:
    assert read_oem_version(text) == expected


MACHINE = "0f3c9a7d1e5b4a2f8c6d7e8f90a1b2c3"


@pytest.mark.parametrize("name", sorted(MAX_LENGTHS))
def test_the_longest_value_passes_and_one_more_does_not(name: str) -> None:
    longest = "a" * MAX_LENGTHS[name]
    check({"machine_id": MACHINE} | {name: longest})
    with pytest.raises(BadCheckIn, match=f"{name} is longer"):
        check({"machine_id": MACHINE} | {name: longest + "a"})


def test_a_value_without_a_limit_of_its_own_has_one_too() -> None:
    check({"machine_id": MACHINE, "odd": "a" * 64})
    with pytest.raises(BadCheckIn):
        check({"machine_id": MACHINE, "odd": "a" * 65})


@pytest.mark.parametrize(
    "character",
    ["\x00", "\x01", "\t", "\n", "\r", "\x1b", "\x7f", "\x85", "\u2028", "\ud800", "\ufffe"],
    ids=lambda character: f"U+{ord(character):04X}",
)
def test_characters_that_hurt_are_refused(character: str) -> None:
    with pytest.raises(BadCheckIn, match="control characters"):
        check({"machine_id": MACHINE, "oem": f"az{character}ure"})


@pytest.mark.parametrize(
    "text", ["bär<1>&2", "機械 7", 'O\'Brien "x"', "100 %", "\U0001f5a5", "\u00a0"]
)
def test_other_characters_pass(text: str) -> None:
    check({"machine_id": MACHINE, "track": text})


@pytest.mark.parametrize(
    "machine_id",
    [
        MACHINE,
        "7",
        "{0f3c9a7d-1e5b-4a2f-8c6d-7e8f90a1b2c3}"[1:-1],
        "a" * 64,
    ],
)
def test_machine_ids(machine_id: str) -> None:
    check({"machine_id": machine_id})


@pytest.mark.parametrize(
    "machine_id",
    ["", " ", "-a", "a b", "a/b", "../a", "<a>", "ä", "\u0661", "{a}", "a'--", "a" * 65],
)
def test_texts_that_are_no_machine_id(machine_id: str) -> None:
    with pytest.raises(BadCheckIn):
        check({"machine_id": machine_id})
