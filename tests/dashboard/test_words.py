"""Every code that is stored has its words: what the code says is compared with the words."""

import re
from pathlib import Path

import pytest

import oemupdates
from oemupdates.dashboard.frame import rejected_words, words
from oemupdates.domain.event import Meaning
from oemupdates.domain.node import State
from oemupdates.domain.reason import Reason, Why, change
from oemupdates.services.server.retention import Kind

PRODUCT = Path(oemupdates.__file__).parent
ICONS = PRODUCT.parent / "templates/icons"

pytestmark = pytest.mark.once


def said_by(folder: str, pattern: str) -> set[str]:
    """What a pattern finds in the code of a folder."""
    texts = [path.read_text() for path in (PRODUCT / folder).rglob("*.py")]
    return {found for text in texts for found in re.findall(pattern, text)}


def test_every_state_and_event_has_a_word() -> None:
    assert set(words.STATES) == set(State)
    assert set(words.EVENTS) == set(Meaning)


def test_every_verb_of_a_service_has_words() -> None:
    kinds = (
        "node|bulk|bundle|demo|group|channel|release|operator|application|token|webhook|secret|role|session"
        "|retention|upstream|wallboard|oem|advisory|payloads|drift|component"
    )
    verbs = said_by("services", rf'"((?:{kinds})\.[a-z_]+)"')
    assert len(verbs) >= 18
    assert verbs == set(words.ACTIVITIES)


def test_every_kind_of_thing_that_is_kept_has_words() -> None:
    assert set(words.RETENTION) == set(Kind)


def test_every_reason_to_refuse_a_request_is_explained() -> None:
    refused = said_by("omaha", r'(?:BadRequest\(|_Refused\(\s*[\w.]+,|\.add\()\s*"([a-z_]+)"')
    refused |= said_by("reports", r'_Answer\([^\n]*"([a-z_]+)"\)')
    assert len(refused) >= 10
    assert refused == set(rejected_words.REJECTED)


def test_every_kind_of_change_has_words() -> None:
    assert {change(Reason(why, "x", "y")).kind for why in Why} == set(words.CHANGES)


def test_an_unknown_verb_is_still_words() -> None:
    assert words.activity("node.sent_to_mars") == "sent to mars"


@pytest.mark.parametrize(
    ("verb", "here"),
    [
        ("node.held", "held it"),
        ("node.hold_released", "released the hold of it"),
        ("group.updates_off", "switched updates off in it"),
        ("channel.floor_added", "added a floor to it"),
        ("release.imported", "imported it"),
        ("group.wants_component", "chose a component for it"),
    ],
)
def test_on_its_own_page_a_thing_is_called_it(verb: str, here: str) -> None:
    assert words.activity_here(verb) == here


@pytest.mark.parametrize(
    ("label", "inside"),
    [("Another OS's image", "another OS's image"), ("OEM basis", "OEM basis"), ("", "")],
)
def test_a_label_is_small_within_a_sentence(label: str, inside: str) -> None:
    assert words.within(label) == inside


def test_every_icon_is_there() -> None:
    tables = (words.STATES, words.BASES)
    named = {word.icon for table in tables for word in table.values()}
    named |= {icon for icon, _tone in words.EVENTS.values()}
    named |= {icon for icon, _needs in words.CHANGES.values()}
    assert {name for name in named if not (ICONS / f"{name}.svg").exists()} == set()
