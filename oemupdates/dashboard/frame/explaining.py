"""Why a node hears what it hears, from the reasons that are stored with it."""

import json
from typing import NamedTuple

from oemupdates.dashboard.frame.words import CHANGES
from oemupdates.domain.node import State
from oemupdates.domain.reason import Reason, Why, change, sentence
from oemupdates.models import Node

_LEAST_PARTS, _MOST_PARTS = 1, 3


class Explained(NamedTuple):
    """One reason in words, and what would change it: an icon, who or what it needs, and how."""

    sentence: str
    icon: str
    needs: str
    change: str


def reasons(stored: str) -> list[Explained]:
    """Read stored reasons, a list of `[code, subject, detail]`; what is unreadable says so."""
    try:
        rows = json.loads(stored or "[]")
    except ValueError:
        rows = [[stored]]
    return [_explain(row) for row in rows if isinstance(row, list)]


def _explain(row: list[object]) -> Explained:
    code, *rest = [str(part) for part in row[:_MOST_PARTS]] or [""]
    try:
        reason = Reason(Why(code), *rest)
    except ValueError:
        icon, needs = CHANGES["person"]
        how = "Ask the server's log, or update the dashboard."
        return Explained(f"A reason that this page does not know: {code}.", icon, needs, how)
    would = change(reason)
    icon, needs = CHANGES[would.kind]
    return Explained(sentence(reason), icon, needs, would.words)


_OUTCOMES = {
    State.UP_TO_DATE: "Nothing is offered to it, as it is up to date.",
    State.UNASSIGNED: "Nothing is offered to it, as it belongs to no group.",
    State.REBOOT_PENDING: "It applied {target} and runs it after the next reboot.",
    State.DOWNLOADING: "It downloads {target}.",
    State.DOWNLOADED: "It downloaded {target} and is about to apply it.",
    State.DEFERRED: "It was offered {target} and backs off by itself.",
    State.FAILED: "Its update to {target} failed.",
    State.ROLLED_BACK: "It tried {target} and went back to the version before.",
}


def outcome(node: Node) -> str:
    """What a node heard last, in one sentence."""
    state = State(node.state)
    target = node.target_version or node.rolled_back_version
    if state in _OUTCOMES and (target or "{target}" not in _OUTCOMES[state]):
        return _OUTCOMES[state].format(target=target)
    if node.answer.startswith("offer "):
        return f"It is offered {node.answer.removeprefix('offer ')}."
    if not node.answer:
        return "It has not asked for an update yet, so nothing was decided for it."
    return "Nothing is offered to it."
