from datetime import timedelta

import pytest

from oemupdates.domain.collection import YOUNG, Wanted, why_kept

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Wanted(), ""),
        (Wanted(ran=1), "1 node ran it in the last 30 days."),
        (Wanted(offered=1), "1 node was offered it in the last 30 days."),
        (
            Wanted(ran=1200, offered=2),
            "1,200 nodes ran it and 2 nodes were offered it in the last 30 days.",
        ),
    ],
)
def test_says_who_wants_a_version(wanted: Wanted, words: str) -> None:
    assert wanted.words(30) == words


@pytest.mark.parametrize(
    ("is_wanted", "age", "why"),
    [
        (False, YOUNG, ""),
        (False, YOUNG - timedelta(seconds=1), "It came less than a day ago."),
        (True, 9 * YOUNG, "Nodes ran it or were offered it in the last 30 days."),
    ],
)
def test_what_a_node_could_ask_for_stays(*, is_wanted: bool, age: timedelta, why: str) -> None:
    assert why_kept(is_wanted=is_wanted, age=age, days=30) == why
