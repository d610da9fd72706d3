import pytest

from oemupdates.domain.event import Event, Meaning, decode, error, is_check_error, meaning

CUSTOM, TEST_IMAGE, RESUMED, DEVELOPER = (
    "custom server",
    "test image",
    "resumed download",
    "developer mode",
)


@pytest.mark.parametrize(
    ("sent", "code", "flags"),
    [
        (0, 0, set()),
        (44, 44, set()),
        (10, 10, set()),
        (268435466, 10, {CUSTOM}),
        (268435465, 9, {CUSTOM}),
        (268435496, 40, {CUSTOM}),
        (268437959, 2503, {CUSTOM}),
        (1342177291, 11, {CUSTOM, RESUMED}),
        (805306373, 5, {CUSTOM, TEST_IMAGE}),
        # Bit 31 set: as the client's signed arithmetic prints it, and unsigned.
        (-2147483648 + 18, 18, {DEVELOPER}),
        (2147483648 + 18, 18, {DEVELOPER}),
        (-1879048182, 10, {DEVELOPER, CUSTOM}),
        (-1, 0x0FFFFFFF, {DEVELOPER, RESUMED, TEST_IMAGE, CUSTOM}),
        (4294967295, 0x0FFFFFFF, {DEVELOPER, RESUMED, TEST_IMAGE, CUSTOM}),
    ],
)
def test_decode(sent: int, code: int, flags: set[str]) -> None:
    base, names = decode(sent)
    assert (base, set(names)) == (code, flags)
    assert len(names) == len(flags)


# Every number of the client's list, with a word that its name must hold.
NAMES = {
    0: "success",
    1: "generic",
    2: "Omaha request",
    3: "response handler",
    4: "copier",
    5: "post-install",
    6: "bootable",
    7: "install device",
    8: "kernel device",
    9: "transfer",
    10: "hash mismatch",
    11: "size mismatch",
    12: "payload verification",
    13: "partition info",
    14: "write error",
    15: "root file system",
    16: "kernel verification",
    17: "signed payload expected",
    18: "another key",
    19: "firmware B",
    20: "state initialisation",
    21: "magic",
    22: "signature missing",
    23: "manifest parse",
    24: "metadata signature",
    25: "metadata signature",
    26: "metadata signature",
    27: "operation hash verification",
    28: "operation execution",
    29: "operation hash mismatch",
    30: "empty",
    31: "XML",
    32: "metadata size",
    33: "metadata signature",
    34: "response invalid",
    35: "policy",
    36: "policy",
    37: "HTTP",
    38: "operation hash missing",
    39: "metadata signature missing",
    40: "back-off",
    41: "powerwash",
    42: "PCR",
    43: "PCR",
    44: "rollback",
    100: "incomplete",
    2000: "no answer",
    2404: "HTTP 404",
    2503: "HTTP 503",
    2999: "HTTP 999",
    # Numbers that nobody has heard of yet are still shown.
    45: "45",
    1999: "1999",
    3000: "3000",
    0x0FFFFFFF: "268435455",
}


@pytest.mark.parametrize(("code", "word"), NAMES.items())
def test_error_has_a_name(code: int, word: str) -> None:
    assert word in error(code).name
    assert error(code).code == code


LIVE = [1, 2, 3, 4, 5, 7, 9, 10, 11, 12, 15, 16, 17, 18, 20, 21, 23, 28, 29, 30, 31, 34, 40, 42]


@pytest.mark.parametrize("code", [*LIVE, 43, 44, 2000, 2503])
def test_error_that_nodes_still_send_has_advice(code: int) -> None:
    assert error(code).advice.endswith(".")


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (1999, False),
        (2000, True),
        (2503, True),
        (2999, True),
        (3000, False),
        *((code, True) for code in (2, 3, 30, 31, 34, 35, 36, 37)),
        *((code, False) for code in (0, 1, 5, 9, 10, 11, 18, 40, 44)),
    ],
)
def test_check_errors_are_no_failed_updates(code: int, expected: object) -> None:
    assert is_check_error(code) is expected


FLAGGED = 268435456


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (Event(3, 2), Meaning.ROUTINE),
        (Event(3, 2, previous_version="0.0.0.0"), Meaning.FIRST_BOOT),  # noqa: S104 - a version
        (Event(3, 2, previous_version="4459.2.4"), Meaning.UPDATED),
        (Event(13, 1), Meaning.DOWNLOAD_STARTED),
        (Event(14, 1), Meaning.DOWNLOAD_FINISHED),
        (Event(3, 1), Meaning.APPLIED),
        (Event(3, 0, FLAGGED + 10), Meaning.FAILED),
        (Event(3, 0, FLAGGED + 5), Meaning.FAILED),
        (Event(3, 0, 44), Meaning.ROLLED_BACK),
        (Event(3, 0, FLAGGED + 34), Meaning.CHECK_FAILED),
        (Event(3, 0, FLAGGED + 2503), Meaning.CHECK_FAILED),
        (Event(3, 9, FLAGGED + 40), Meaning.DEFERRED),
        (Event(3, 0, FLAGGED + 40), Meaning.DEFERRED),
        (Event(3, 9), Meaning.DEFERRED),
        # Nothing that the stock client sends; other clients may.
        (Event(0, 0), Meaning.OTHER),
        (Event(13, 0), Meaning.OTHER),
        (Event(800, 1), Meaning.OTHER),
        (Event(-3, 2), Meaning.OTHER),
        (Event(2**31, 2**31, 2**31), Meaning.OTHER),
    ],
)
def test_meaning(event: Event, expected: Meaning) -> None:
    assert meaning(event) is expected


def test_each_meaning_has_a_label_for_people() -> None:
    assert len({each.label for each in Meaning}) == len(Meaning)
    assert all(each.label != each.value for each in Meaning)
