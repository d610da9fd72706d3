import pytest

from oemupdates.domain.reason import Change, Reason, Why, change, sentence

NOT_REFUSED = {Why.TARGET, Why.FLOOR, Why.UNDER_WAY, Why.OEM_NOT_IN_RELEASE}


@pytest.mark.parametrize("why", Why)
def test_each_has_a_plain_sentence(why: Why) -> None:
    words = sentence(Reason(why, "4593.2.1", "4628.0.0"))
    assert words.endswith(".")
    assert words[0].isupper() or words[0].isdigit()
    assert not set("{}").intersection(words)
    assert sentence(Reason(why)).endswith(".")


@pytest.mark.parametrize("why", Why)
def test_each_refusal_says_what_would_change_it(why: Why) -> None:
    wanted = change(Reason(why, "4593.2.1"))
    assert (wanted.kind == "nothing") is (why in NOT_REFUSED)
    assert wanted.kind in {"time", "event", "person", "nothing"}
    assert wanted.words.endswith(".")


def test_codes_are_stored_and_so_differ() -> None:
    assert len({why.value for why in Why}) == len(Why)
    assert all(why.value.replace("_", "").isalpha() for why in Why)


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (Reason(Why.HELD, "kernel bug"), "It is held: kernel bug."),
        (Reason(Why.HELD, "kernel bug."), "It is held: kernel bug."),
        (
            Reason(Why.HELD, "kernel bug", "2026-09-01 12:00 UTC"),
            "It is held: kernel bug, until 2026-09-01 12:00 UTC.",
        ),
        (
            Reason(Why.HELD, "kernel bug.", "2026-09-01 12:00 UTC"),
            "It is held: kernel bug, until 2026-09-01 12:00 UTC.",
        ),
        (
            Reason(Why.BLOCKED, "4593.2.1", "see ../boot and wait..."),
            "Release 4593.2.1 is blocked: see ../boot and wait.",
        ),
        (Reason(Why.HELD, "{detail} {0} %s"), "It is held: {detail} {0} %s."),
        (
            Reason(Why.DEAD_END, "3510.2.0", "cgroup v1"),
            "Its version 3510.2.0 is a dead end: cgroup v1.",
        ),
        (Reason(Why.LIMIT, "5"), "5 nodes of its group are under way, which is the limit."),
    ],
)
def test_sentence(reason: Reason, words: str) -> None:
    assert sentence(reason) == words


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        (Reason(Why.HELD, "kernel bug"), Change("person", "Release the hold.")),
        (
            Reason(Why.HELD, "kernel bug", "2026-09-01 12:00 UTC"),
            Change("time", "The hold ends at 2026-09-01 12:00 UTC, or an operator releases it."),
        ),
        (
            Reason(Why.DEAD_END, "3510.2.0", "cgroup v1"),
            Change("person", "Reinstall the node, or take the dead end away."),
        ),
        (Reason(Why.TARGET, "4593.2.1"), Change("nothing", "Nothing needs to change.")),
    ],
)
def test_change(reason: Reason, expected: Change) -> None:
    assert change(reason) == expected
