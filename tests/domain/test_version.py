import pytest
import semver
from hypothesis import given
from hypothesis import strategies as st

from oemupdates.domain.version import MAX_LENGTH, BadVersion, parse, sort_key

NUMBERS = st.integers(0, 999_999_999).map(str)
WORDS = st.from_regex(r"[0-9A-Za-z-]*[A-Za-z-][0-9A-Za-z-]*", fullmatch=True)
IDENTIFIERS = st.one_of(st.integers(0, 10**18 - 1).map(str), WORDS)
SMALL = st.one_of(st.integers(0, 11).map(str), st.sampled_from(["a", "a-", "A", "-", "b", "0a"]))


def _text(number: st.SearchStrategy[str], identifier: st.SearchStrategy[str]) -> object:
    """Version texts of the shape that the specification gives, no longer than we accept."""
    words = st.lists(identifier, max_size=4).map(".".join)
    return (
        st.tuples(number, number, number, words, words)
        .map(
            lambda part: (
                ".".join(part[:3])
                + (f"-{part[3]}" if part[3] else "")
                + (f"+{part[4]}" if part[4] else "")
            )
        )
        .filter(lambda text: len(text) <= MAX_LENGTH and _pre_release_length(text) <= 40)
    )


def _pre_release_length(text: str) -> int:
    return len(text.partition("+")[0].partition("-")[2])


# Wide ones to find what breaks a single field, narrow ones so that neighbours really meet.
VERSIONS = st.one_of(_text(NUMBERS, IDENTIFIERS), _text(st.sampled_from(["0", "1", "10"]), SMALL))


def sign(one: object, other: object) -> int:
    return (one > other) - (one < other)  # type: ignore[operator]


@given(VERSIONS, VERSIONS)
def test_order_is_that_of_the_specification(one: str, other: str) -> None:
    judge = semver.Version.parse(one).compare(other)
    assert sign(parse(one), parse(other)) == judge


@given(VERSIONS, VERSIONS)
def test_sort_key_orders_as_parse_does(one: str, other: str) -> None:
    assert sign(sort_key(one), sort_key(other)) == sign(parse(one), parse(other))


@given(VERSIONS)
def test_sort_key_is_plain_and_fits_its_column(text: str) -> None:
    """Digits and small letters alone order alike under every collation of a database."""
    key = sort_key(text)
    assert len(key) <= 128
    assert key.isascii()
    assert key.isalnum()
    assert key == key.lower()


ASCENDING = [
    "0.0.0",
    "3510.3.6",
    "4081.2.0",
    "4081.3.0",
    "4593.0.0-alpha-nightly",
    "4593.0.0",
    "4593.1.0-beta.2",
    "4593.1.0-beta.11",
    "4593.1.0-beta.x",
    "4593.1.0",
    "4593.2.1",
    "4593.2.10",
    "4593.10.0",
    "10000.0.0",
]


def test_flatcars_own_versions_ascend() -> None:
    shuffled = ASCENDING[1::2] + ASCENDING[::2]
    assert sorted(shuffled, key=parse) == ASCENDING
    assert sorted(shuffled, key=sort_key) == ASCENDING


def test_build_metadata_is_never_newer() -> None:
    assert parse("4593.2.0+nightly-20260821-2100") == parse("4593.2.0")
    assert sort_key("4593.2.0+nightly-20260821-2100") == sort_key("4593.2.0")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "4593",
        "4593.2",
        "4593.2.1.0",
        "4593.2.x",
        "v4593.2.1",
        "4593.2.1 ",
        "4593.2.1\n",
        "4593.2.01",
        "04593.2.1",
        "-1.2.3",
        "4593.2.1-",
        "4593.2.1+",
        "4593.2.1-a..b",
        "4593.2.1-01",
        "4593.2.1-ä",
        "4593.2.1+a+b",
        "4593.2.1/../../etc",
        "<4593.2.1>",
        "\u0664\u0665\u0669\u0663.\u0662.\u0661",
        "\uff14593.2.1",
        "1000000000.0.0",
        "4593.2.1-" + "9" * 19,
        "4593.2.1-" + "a" * 41,
        "4593.2.1+" + "a" * 56,
        "9" * 5000 + ".0.0",
        "\x00",
    ],
)
def test_hostile_and_careless_texts_are_no_versions(text: str) -> None:
    with pytest.raises(BadVersion) as refusal:
        parse(text)
    assert len(str(refusal.value)) < 200
    assert sort_key(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "999999999.0.0",
        "4593.2.1-" + "9" * 18,
        "4593.2.1-" + "a" * 40,
        "4593.2.1+" + "a" * 55,
        "4593.2.1-0",
        "4593.2.1--",
        "4593.2.1+001",
    ],
)
def test_the_widest_that_is_accepted(text: str) -> None:
    assert sort_key(text) > sort_key("4593.0.0")
