from dataclasses import replace

import pytest

from oemupdates.domain import span
from oemupdates.domain.policy import PayloadSource
from oemupdates.domain.policy_words import Policy, sentence, sentences

USUAL = Policy(
    architecture="amd64",
    track="stable",
    channel="stable",
    target="4593.2.1",
    updates_enabled=True,
    needs_oem_payload=True,
    offers_own_oem_only=False,
    poll_interval_seconds=2700,
    dark_after_seconds=21600,
    max_postinst_failures=3,
    max_download_failures=10,
    max_under_way=None,
)
MIRROR_FIRST = {"payload_source": PayloadSource.MIRROR_FIRST}
ONLY_ORIGIN = {"payload_source": PayloadSource.ORIGIN}
ORIGIN_FIRST = {"payload_source": PayloadSource.ORIGIN_FIRST}
ORIGIN = {"origins": ("https://there.example/amd64-usr/4593.2.1/",)}
FROM = "their origin (https://there.example/amd64-usr/4593.2.1/)"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "Follows stable to 4593.2.1."),
        ({"target": ""}, "Follows stable, which has no target."),
        ({"channel": "", "target": ""}, "Follows no channel: nothing is offered."),
        ({"max_under_way": 1500}, "Follows stable to 4593.2.1, at most 1,500 at once."),
        (
            {"needs_oem_payload": False},
            "Follows stable to 4593.2.1, even without their OEM's payload.",
        ),
        ({"updates_enabled": False}, "Updates are off; follows stable to 4593.2.1."),
        (ONLY_ORIGIN, "Follows stable to 4593.2.1, from its origin."),
        (MIRROR_FIRST, "Follows stable to 4593.2.1."),
    ],
)
def test_one_sentence_says_what_is_not_as_usual(changes: dict[str, object], words: str) -> None:
    assert sentence(replace(USUAL, **changes)) == words


def test_all_sentences_say_every_rule() -> None:
    assert sentences(USUAL) == [
        "Nodes of amd64 that ask for track stable follow channel stable to 4593.2.1.",
        "Any number of them may update at once.",
        "They ask every 45 min, and are dark after 6 h of silence.",
        "A node gives up on a release after 3 failed post-install steps or 10 failed downloads.",
        "A release that lacks the payload of a node's OEM is withheld from that node.",
        "A node is offered the payloads of all OEMs, and picks its own.",
        "They get payloads from this server alone.",
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"target": ""}, "follow channel stable, which has no target."),
        ({"channel": ""}, "follow no channel: nothing is offered to them."),
        ({"updates_enabled": False}, "Updates are off: nothing is offered to them."),
        ({"max_under_way": 1}, "At most 1 of them is between offer and reboot at once."),
        ({"max_under_way": 2000}, "At most 2,000 of them are between offer and reboot at once."),
        ({"max_postinst_failures": 1}, "after 1 failed post-install step or 10 failed downloads."),
        ({"max_download_failures": 1}, "or 1 failed download."),
        ({"needs_oem_payload": False}, "is offered even if it lacks"),
        ({"offers_own_oem_only": True}, "the payload of its own OEM only."),
        ({"poll_interval_seconds": 5400}, "They ask every 1 h 30 min,"),
        ({"has_node_urls": True}, "Each node is sent to URLs of its own here"),
        (MIRROR_FIRST | ORIGIN, f"from this server, and the OS from {FROM} if that fails;"),
        (ORIGIN_FIRST | ORIGIN, f"from {FROM}, and the OS from this server if that fails;"),
        (ONLY_ORIGIN | ORIGIN, f"from {FROM}, and not from this server."),
        (ONLY_ORIGIN, "No origin is known of 4593.2.1: it comes from this server."),
    ],
)
def test_each_rule_changes_its_sentence_alone(changes: dict[str, object], words: str) -> None:
    changed = sentences(replace(USUAL, **changes))
    new = [text for text in changed if text not in sentences(USUAL)]
    assert len(new) == 1
    assert words in new[0]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (59, "59 s"),
        (60, "1 min"),
        (5400, "1 h 30 min"),
        (90061, "1 d 1 h"),
        (-3600, "1 h"),
    ],
)
def test_spans_are_in_their_largest_units(seconds: int, words: str) -> None:
    assert span.words(seconds) == words
