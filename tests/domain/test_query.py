"""The query box reads what it writes, means what it says, and names what it does not know."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oemupdates.domain.query import (
    KNOWN,
    SINGLE,
    TIMES,
    VERSIONS,
    BadQuery,
    Key,
    Op,
    Query,
    Term,
    Value,
    meets,
    seconds,
)
from oemupdates.domain.query_reading import MAX_LENGTH, MAX_TERMS, read
from oemupdates.models import Architecture
from oemupdates.models.standing import Standing
from oemupdates.models.sysext import Sysext


def test_a_query_is_read_term_by_term() -> None:
    query = read(
        "oem:azure os:<4593.2 seen:>6h group:berlin state:failed,waiting is:held basis:derived"
        " arch:arm64 -oem:qemu berlin*"
    )
    assert query.terms == (
        Term(Key.OEM, (Value("azure"),)),
        Term(Key.OS, (Value("4593.2", Op.LESS),)),
        Term(Key.SEEN, (Value("6h", Op.MORE),)),
        Term(Key.GROUP, (Value("berlin"),)),
        Term(Key.STATE, (Value("failed"), Value("waiting"))),
        Term(Key.IS, (Value("held"),)),
        Term(Key.BASIS, (Value("derived"),)),
        Term(Key.ARCH, (Value("arm64"),)),
        Term(Key.OEM, (Value("qemu"),), is_negated=True),
        Term(Key.WORD, (Value("berlin"),)),
    )


@pytest.mark.parametrize(
    ("text", "term"),
    [
        ("os:4459..4593.2", Term(Key.OS, (Value("4459", Op.RANGE, "4593.2"),))),
        ("version:>=4593", Term(Key.OS, (Value("4593", Op.AT_LEAST),))),
        ("OEM:azure", Term(Key.OEM, (Value("azure"),))),
        ("oem:-", Term(Key.OEM, (Value(""),))),
        ('oem:""', Term(Key.OEM, (Value(""),))),
        ('oem:"-"', Term(Key.OEM, (Value("-"),))),
        ("oem:a,b", Term(Key.OEM, (Value("a"), Value("b")))),
        ('oem:"a,b"', Term(Key.OEM, (Value("a,b"),))),
        ('group:"my group (amd64)"', Term(Key.GROUP, (Value("my group (amd64)"),))),
        ("group:<b", Term(Key.GROUP, (Value("<b"),))),
        (r'"a \"b\" \\ c"', Term(Key.WORD, (Value(r'a "b" \ c'),))),
        ("-web", Term(Key.WORD, (Value("web"),), is_negated=True)),
        ('"-web"', Term(Key.WORD, (Value("-web"),))),
        ("2001:db8::7", Term(Key.WORD, (Value("2001:db8::7"),))),
        ("abcd::1", Term(Key.WORD, (Value("abcd::1"),))),
        ("10.2.0.0/16", Term(Key.WORD, (Value("10.2.0.0/16"),))),
        ('"oem:azure"', Term(Key.WORD, (Value("oem:azure"),))),
    ],
)
def test_each_spelling_has_its_meaning(text: str, term: Term) -> None:
    assert read(f" {text}\t").terms == (term,)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("colour:red", "There is no filter 'colour'"),
        ("state:brken", "no node has the state 'brken'; there are new, up_to_date"),
        ("is:held,dark", "is takes one value"),
        ("is:", "“is:” has no value"),
        ("oem:a,,b", "“oem:a,,b” has no value"),
        ("oem:a,", "“oem:a,” has no value"),
        ("os:<", "'' is no version"),
        ("os:<4593.x", "'4593.x' is no version"),
        ("os:1..", "'' is no version"),
        ("seen:6h", "say seen:>6h"),
        ("hold_ends:6h", "say hold_ends:>6h for later, hold_ends:<6h for sooner"),
        ("hold_ends:<tomorrow", "'tomorrow' is no age"),
        ("seen:>6", "'6' is no age"),
        ("seen:>6y", "'6y' is no age"),
        ('a "b', 'A quote is opened and not closed in “"b”'),
        ('"a"b', "quotes go around the whole word"),
        ('oem:a"b"', "quotes go around a whole value"),
        ("-", "“-” says nothing"),
        ("*", "“*” says nothing"),
        ('""', "says nothing"),
        ('"a\x01"', "holds characters"),
        ("oem:a\x01", "No node has the oem"),
        ("a" * 257, "at most 256"),
        ("a " * MAX_LENGTH, f"at most {MAX_LENGTH}"),
        ("a " * (MAX_TERMS + 1), f"at most {MAX_TERMS}"),
    ],
)
def test_what_cannot_be_understood_is_named(text: str, words: str) -> None:
    with pytest.raises(BadQuery) as refused:
        read(text)
    assert words in str(refused.value)


def test_the_longest_query_is_one() -> None:
    assert len(read("a " * MAX_TERMS).terms) == MAX_TERMS
    assert read("a" * 256)
    assert not read(" " * MAX_LENGTH)


def test_the_words_it_knows_are_those_that_nodes_have() -> None:
    assert set(KNOWN[Key.ARCH]) == {"", *Architecture.values}
    assert set(KNOWN[Key.SYSEXT]) == set(Sysext.values)
    assert set(KNOWN[Key.STANDING]) == set(Standing)


_text = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp", "Cf", "Cn", "Co", "Zs")),
    min_size=1,
    max_size=20,
) | st.sampled_from(["a b", "-", "a,b", 'q"q', "\\", "1..2", "<x", "a:b", "x*", "10.0.0.0/8"])
_version = st.from_regex(r"[1-9][0-9]{0,3}(\.[0-9]{1,3}){0,2}", fullmatch=True)
_age = st.from_regex(r"[0-9]{1,4}[smhdw]", fullmatch=True).filter(str.isascii)


def _values(key: Key) -> st.SearchStrategy[Value]:
    ops = st.sampled_from([Op.LESS, Op.AT_MOST, Op.MORE, Op.AT_LEAST])
    if key in KNOWN:
        return st.sampled_from(KNOWN[key]).map(Value)
    bound = _age if key in TIMES else _version
    compared = st.builds(Value, bound, ops) | st.builds(Value, bound, st.just(Op.RANGE), bound)
    if key in TIMES:
        return compared
    plain = _text.map(Value)
    return plain | compared | st.just(Value("")) if key in VERSIONS else plain | st.just(Value(""))


@st.composite
def _terms(draw: st.DrawFn) -> Term:
    key = draw(st.sampled_from(list(Key)))
    if key is Key.WORD:
        word = draw(_text.filter(lambda text: text != "-"))
        return Term(key, (Value(word),), draw(st.booleans()))
    most = 1 if key in SINGLE else 4
    values = draw(st.lists(_values(key), min_size=1, max_size=most))
    return Term(key, tuple(values), draw(st.booleans()))


@given(st.lists(_terms(), max_size=8).map(lambda terms: Query(tuple(terms))))
def test_what_is_written_is_read_as_it_was(query: Query) -> None:
    assert read(str(query)) == query


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_and_read_again_as_the_same(text: str) -> None:
    try:
        query = read(text)
    except BadQuery:
        return
    assert read(str(query)) == query


@pytest.mark.parametrize(
    ("said", "version", "is_met"),
    [
        ("4593.2", "4593.2.1", True),
        ("4593.2", "4593.2", True),
        ("4593.2", "4593.20.1", False),
        ("4593.2.1", "4593.2.1", True),
        ("4593.2.1", "4593.2.10", False),
        ("<4593.2", "4593.1.9", True),
        ("<4593.2", "4593.2.0", False),
        ("<=4593.2", "4593.2.9", True),
        ("<=4593.2", "4593.3.0", False),
        (">4593.2", "4593.2.9", False),
        (">4593.2", "4593.3.0", True),
        (">=4593.2", "4593.2.0", True),
        (">=4593.2", "4593.1.9", False),
        ("<4593.2.1", "4593.2.1-rc", True),
        (">=4593.2.1", "4593.2.1", True),
        (">4593.2.1", "4593.2.1", False),
        ("4459..4593.2", "4459.0.0", True),
        ("4459..4593.2", "4593.2.9", True),
        ("4459..4593.2", "4593.3.0", False),
        ("4459..4593.2", "4458.9.9", False),
        ("<4593", "", False),
        (">=0", "not a version", False),
    ],
)
def test_versions_are_compared_by_the_fields_that_are_given(
    said: str,
    version: str,
    is_met: bool,  # noqa: FBT001 - a case of a table
) -> None:
    (term,) = read(f"os:{said}").terms
    assert meets(version, term.values[0]) is is_met


def test_ages_have_units() -> None:
    assert [seconds(age) for age in ("90s", "2m", "6h", "1d", "1w")] == [
        90,
        120,
        21_600,
        86_400,
        604_800,
    ]


class TestToggling:
    def test_adds_a_value_and_takes_it_away(self) -> None:
        one = read("").toggled(Key.STATE, "failed")
        two = one.toggled(Key.STATE, "waiting")
        assert str(two) == "state:failed,waiting"
        assert two.toggled(Key.STATE, "failed").toggled(Key.STATE, "waiting") == Query()

    def test_leaves_other_terms_alone(self) -> None:
        assert (
            str(read("-oem:qemu is:held").toggled(Key.OEM, "ami")) == "-oem:qemu is:held oem:ami"
        )

    def test_gives_flags_terms_of_their_own(self) -> None:
        both = read("is:held").toggled(Key.IS, "dark")
        assert str(both) == "is:held is:dark"
        assert str(both.toggled(Key.IS, "held")) == "is:dark"
