"""A node's decision step by step, and its way to the target, as its page shows them."""

from dataclasses import dataclass
from typing import NamedTuple

from oemupdates.dashboard.frame.words import Word
from oemupdates.domain.paths import Way, way
from oemupdates.domain.reason import change, sentence
from oemupdates.domain.trace import Outcome, Step, Traced, trace
from oemupdates.models import Node
from oemupdates.services.checkins.kept import read_reasons
from oemupdates.services.checkins.snapshot import Snapshot

QUESTIONS = {
    Step.GROUP: "Does it belong to a group?",
    Step.CHANNEL: "Does its group have a target?",
    Step.VERSION: "Is there anything newer?",
    Step.GOAL: "Is a release next?",
    Step.HOLD: "Is it held?",
    Step.UPDATES: "Are updates on in its group?",
    Step.DEAD_END: "Can it leave its version?",
    Step.RELEASE: "May that release be offered?",
    Step.PAYLOADS: "Are its payloads here and verified?",
    Step.HISTORY: "Did it fail on that release before?",
    Step.LIMIT: "Is there room within the group's limit?",
}
# The questions that are answered with no where nothing is in the way.
_NO = {Step.HOLD, Step.HISTORY}
OUTCOMES = {
    Outcome.PASSED: Word("Passed", "check", "good"),
    Outcome.NOTED: Word("Passed", "check", "good"),
    Outcome.REFUSED: Word("Refused", "circle-x", "bad"),
    Outcome.SETTLED: Word("Settled", "circle-check", "good"),
    Outcome.SKIPPED: Word("Not asked", "circle-dashed", "calm"),
}


class Line(NamedTuple):
    """A step as it is shown: its question, a word for an answer, and sentences if it has more."""

    question: str
    outcome: Word
    answer: str
    sentences: list[str]


def steps(stored: str) -> list[Line]:
    """The steps behind stored reasons; none where they cannot be read."""
    try:
        traced = trace(read_reasons(stored))
    except (TypeError, ValueError):
        return []
    return [_line(one) for one in traced]


def _line(one: Traced) -> Line:
    outcome = OUTCOMES[one.outcome]
    answer = outcome.label
    if one.outcome is Outcome.PASSED:
        answer = "No" if one.step in _NO else "Yes"
    return Line(QUESTIONS[one.step], outcome, answer, [sentence(why) for why in one.reasons])


class Stop(NamedTuple):
    """A version on the way to the target: why it has to be passed, if it is a floor."""

    version: str
    is_floor: bool
    floor_because: str


@dataclass(frozen=True, slots=True)
class Journey:
    """The way of a node: what comes after what it runs, and where it ends before the target."""

    stops: list[Stop]
    stuck_on: str = ""
    stuck_because: str = ""
    way_out: str = ""


def journey(node: Node, known: Snapshot) -> Journey | None:
    """The way from what a node runs to its channel's target; None where there is none to have."""
    group = known.groups_by_id.get(node.group_id or 0)
    if group is None or group.channel is None or group.channel.target is None:
        return None
    application = known.applications.get(node.application, "")
    found: Way = way(
        node.version, node.oem, group, known.releases_for(application, group.architecture)
    )
    floors = {floor.release.version: floor.reason for floor in group.channel.floors}
    stops = [Stop(step, step in floors, floors.get(step, "")) for step in found.steps]
    if found.stop is None:
        return Journey(stops)
    return Journey(stops, found.stops_at, sentence(found.stop), change(found.stop).words)
