"""Which notices are wanted."""

import pytest

from oemupdates.domain.notice import CHOICES, TEST, slack, wants


@pytest.mark.parametrize(
    ("kinds", "kind", "is_wanted"),
    [
        (["node.held"], "node.held", True),
        (["node.held"], "node.renamed", False),
        (["node.*"], "node.renamed", True),
        (["node.*"], "nodes.renamed", False),
        (["group.*"], "node.held", False),
        (["*"], "token.created", True),
        ([], "node.held", False),
        ([], TEST, True),
    ],
)
def test_wants(kinds: list[str], kind: str, is_wanted: bool) -> None:  # noqa: FBT001 - a case
    assert wants(kinds, kind) == is_wanted


def test_every_choice_covers_something() -> None:
    for choice in CHOICES:
        assert wants([choice], choice.replace("*", "held"))


def test_slack_hears_of_many_nodes_and_how_many_more() -> None:
    node = {"id": 7, "name": "a|<b>", "group": "stable", "detail": ""}
    message = {"type": "node.dark", "data": {"count": 3, "nodes": [node]}}
    text = slack(message, "https://fleet.example.net")["blocks"][0]["text"]["text"]
    assert text == (
        "*node dark*: 3 nodes\n"
        "• <https://fleet.example.net/nodes/7/|a/&lt;b&gt;> (stable)\n"
        "and 2 more"
    )


@pytest.mark.parametrize(
    ("kind", "by"), [("operator.log_in_failed", "somebody"), ("demo.loaded", "the system")]
)
def test_slack_tells_strangers_from_the_system(kind: str, by: str) -> None:
    subject = {"kind": "operator", "name": "ann"}
    message = {"type": kind, "data": {"actor": None, "subject": subject}}
    text = slack(message, "https://fleet.example.net")["blocks"][0]["text"]["text"]
    assert text.endswith(f"*ann* · by {by}")
