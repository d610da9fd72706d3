"""The decision as steps: each reason belongs to one, and the rest say what they must."""

import pytest

from oemupdates.domain.reason import Reason, Why
from oemupdates.domain.trace import STEP_OF, Outcome, Step, trace


def outcomes(*codes: Why) -> dict[Step, Outcome]:
    return {one.step: one.outcome for one in trace([Reason(code, "x", "y") for code in codes])}


def test_of_nothing_is_nothing() -> None:
    assert trace([]) == []


@pytest.mark.parametrize("code", list(Why))
def test_each_reason_belongs_to_one_step_which_it_marks(code: Why) -> None:
    found = {one.step: one for one in trace([Reason(code)])}
    marked = [step for step, one in found.items() if one.reasons]
    assert marked == [STEP_OF[code]]
    assert found[STEP_OF[code]].outcome not in {Outcome.PASSED, Outcome.SKIPPED}


def test_an_offer_passes_every_step() -> None:
    found = outcomes(Why.TARGET)
    assert found.pop(Step.GOAL) is Outcome.NOTED
    assert set(found.values()) == {Outcome.PASSED}


def test_every_refusal_is_shown_at_its_step() -> None:
    found = outcomes(Why.HELD, Why.UPDATES_OFF, Why.LIMIT)
    refused = {step for step, outcome in found.items() if outcome is Outcome.REFUSED}
    assert refused == {Step.HOLD, Step.UPDATES, Step.LIMIT}
    assert found[Step.PAYLOADS] is Outcome.PASSED


@pytest.mark.parametrize("code", [Why.UNKNOWN_TRACK, Why.NO_TARGET, Why.BAD_VERSION])
def test_where_there_is_nowhere_to_go_nothing_else_is_asked(code: Why) -> None:
    order = list(Step)
    found = outcomes(code)
    at = order.index(STEP_OF[code])
    assert found[order[at]] is Outcome.REFUSED
    assert {found[step] for step in order[:at]} <= {Outcome.PASSED}
    assert {found[step] for step in order[at + 1 :]} == {Outcome.SKIPPED}


def test_a_node_at_its_target_is_settled_rather_than_refused() -> None:
    found = outcomes(Why.UP_TO_DATE)
    assert found[Step.VERSION] is Outcome.SETTLED
    assert found[Step.HOLD] is Outcome.SKIPPED
