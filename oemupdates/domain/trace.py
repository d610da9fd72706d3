"""The decision about a node as steps in their order: what was asked, and what each step said."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from oemupdates.domain.reason import Reason, Why


class Step(StrEnum):
    """One question of the decision, in the order in which it asks them."""

    GROUP = "group"
    CHANNEL = "channel"
    VERSION = "version"
    GOAL = "goal"
    HOLD = "hold"
    UPDATES = "updates"
    DEAD_END = "dead_end"
    RELEASE = "release"
    PAYLOADS = "payloads"
    HISTORY = "history"
    LIMIT = "limit"


class Outcome(StrEnum):
    """What came of a step: nothing against it, said something, refused, or was not reached."""

    PASSED = "passed"
    NOTED = "noted"
    REFUSED = "refused"
    SETTLED = "settled"
    SKIPPED = "skipped"


STEP_OF = {
    Why.UNKNOWN_APPLICATION: Step.GROUP,
    Why.UNKNOWN_ARCHITECTURE: Step.GROUP,
    Why.UNKNOWN_TRACK: Step.GROUP,
    Why.NO_CHANNEL: Step.CHANNEL,
    Why.NO_TARGET: Step.CHANNEL,
    Why.BAD_VERSION: Step.VERSION,
    Why.UP_TO_DATE: Step.VERSION,
    Why.AHEAD: Step.VERSION,
    Why.TARGET: Step.GOAL,
    Why.FLOOR: Step.GOAL,
    Why.UNDER_WAY: Step.GOAL,
    Why.HELD: Step.HOLD,
    Why.UPDATES_OFF: Step.UPDATES,
    Why.DEAD_END: Step.DEAD_END,
    Why.BLOCKED: Step.RELEASE,
    Why.WRONG_ARCHITECTURE: Step.RELEASE,
    Why.NOT_READY: Step.PAYLOADS,
    Why.NOT_VERIFIED: Step.PAYLOADS,
    Why.OEM_DROPPED: Step.PAYLOADS,
    Why.OEM_NOT_IN_RELEASE: Step.PAYLOADS,
    Why.POSTINST_FAILURES: Step.HISTORY,
    Why.DOWNLOAD_FAILURES: Step.HISTORY,
    Why.ROLLED_BACK: Step.HISTORY,
    Why.LIMIT: Step.LIMIT,
}
_NOTES = {Why.TARGET, Why.FLOOR, Why.UNDER_WAY, Why.OEM_NOT_IN_RELEASE}
# There is nothing to have, and nothing wrong with that.
_SETTLES = {Why.UP_TO_DATE, Why.AHEAD}
# Where there is nowhere to go, nothing else is weighed.
_ENDS = {Step.GROUP, Step.CHANNEL, Step.VERSION}


@dataclass(frozen=True, slots=True)
class Traced:
    """A step, what came of it, and the reasons that it gave."""

    step: Step
    outcome: Outcome
    reasons: tuple[Reason, ...] = ()


def trace(reasons: Sequence[Reason]) -> list[Traced]:
    """The steps of the decision that gave these reasons; none where nothing was decided."""
    if not reasons:
        return []
    steps: list[Traced] = []
    is_over = False
    for step in Step:
        own = tuple(reason for reason in reasons if STEP_OF[reason.why] is step)
        outcome = Outcome.SKIPPED if is_over else _outcome(own)
        steps.append(Traced(step, outcome, own))
        is_over = is_over or bool(own and step in _ENDS)
    return steps


def _outcome(reasons: tuple[Reason, ...]) -> Outcome:
    if not reasons:
        return Outcome.PASSED
    codes = {reason.why for reason in reasons}
    if codes <= _SETTLES:
        return Outcome.SETTLED
    return Outcome.NOTED if codes <= _NOTES else Outcome.REFUSED
