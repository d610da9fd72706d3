from datetime import timedelta

import pytest
from django.template import Context, Template
from django.utils import timezone

from oemupdates.dashboard.frame import parts, tags

pytestmark = pytest.mark.once


def render(source: str, **context: object) -> str:
    return Template(source).render(Context(context))


@pytest.mark.parametrize(
    ("away", "words"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=60), "1 min ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=1), "1 h ago"),
        (timedelta(hours=23, minutes=59), "23 h ago"),
        (timedelta(days=1), "1 d ago"),
        (timedelta(days=60, hours=23), "60 d ago"),
        (timedelta(seconds=-30), "in a moment"),
        (timedelta(hours=-2, seconds=-5), "in 2 h"),
    ],
)
def test_times_are_told_from_now(away: timedelta, words: str) -> None:
    moment = timezone.now() - away
    html = render("{% ago moment %}", moment=moment)
    assert f">{words}</time>" in html
    assert f'title="{moment:%Y-%m-%d %H:%M:%S} UTC"' in html


def test_times_long_ago_are_dates() -> None:
    moment = timezone.now() - timedelta(days=61)
    assert f">{moment:%Y-%m-%d}</time>" in render("{% ago moment %}", moment=moment)


def test_no_time_is_never() -> None:
    assert render("{% ago moment %}", moment=None) == "never"


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0 s"), (59, "59 s"), (2700, "45 min"), (21600, "6 h"), (90061, "1 d 1 h")],
)
def test_spans_have_their_largest_units(value: int, words: str) -> None:
    assert tags.seconds(value) == words


def test_numbers_have_their_thousands_apart() -> None:
    assert [tags.number(value) for value in (None, 0, 999, 1_000_000)] == [
        "0",
        "0",
        "999",
        "1,000,000",
    ]


def test_a_state_is_an_icon_and_a_word() -> None:
    html = render('{% state "failed" %}')
    assert "<svg" in html
    assert ">Failed<" in html.replace("</svg>Failed", "</svg>>Failed")


def test_a_basis_says_where_a_value_comes_from() -> None:
    html = render('{% basis "reported" %}')
    assert "birth version" in html
    assert "<svg" in html


def test_links_to_nodes_write_lists_and_empty_values() -> None:
    url = tags.nodes_url(state=["failed", "rolled_back"], oem="", version="1+2&3")
    assert url == "/nodes/?state=failed&state=rolled_back&oem=-&version=1%2B2%263"


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ((1, 3, 4), [("0.00", "25.00"), ("25.00", "75.00")]),
        ((0, 4, 4), [("0.00", "0.00"), ("0.00", "100.00")]),
        ((1, 9999, 10000), [("0.00", "0.60"), ("0.60", "99.99")]),
        ((0, 0, 0), [("0.00", "0.00"), ("0.00", "0.00")]),
    ],
)
def test_a_bar_shows_even_the_smallest_share(
    shares: tuple[int, int, int], expected: list[tuple[str, str]]
) -> None:
    first, second, whole = shares
    drawn = parts.bar("good", first, "wait", second, whole)["pieces"]
    assert [(piece.start, piece.width) for piece in drawn] == expected


def test_titles_hold_strangers_text_as_text() -> None:
    html = render('{% mark "lock" label "bad" why %}', label="<b>", why='"><script>')
    assert "<b>" not in html
    assert "<script>" not in html
