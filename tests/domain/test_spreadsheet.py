import pytest

from oemupdates.domain.spreadsheet import guarded


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t1", "\r1", "\n1", "\u00a0=1", '=HYPERLINK("x")'],
)
def test_a_formula_stays_a_text(text: str) -> None:
    assert guarded(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", " ", "web-1", "4593.2.1", "a=1", "'=1", "2026-09-01"])
def test_what_is_no_formula_stays_as_it_is(text: str) -> None:
    assert guarded(text) == text
