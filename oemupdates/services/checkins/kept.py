"""What is kept of a check-in as text: the reasons of its answer, and what it said."""

import json

from oemupdates.domain.checkin import CheckIn
from oemupdates.domain.reason import Reason, Why

_dumped: dict[tuple[Reason, ...], str] = {}
_DUMPED_MAX = 4096


def dump_reasons(reasons: tuple[Reason, ...]) -> str:
    """Reasons as they are stored: a JSON list of [code, subject, detail]."""
    text = _dumped.get(reasons)
    if text is None:
        if len(_dumped) >= _DUMPED_MAX:
            _dumped.clear()
        text = _dumped[reasons] = json.dumps(reasons, separators=(",", ":"), ensure_ascii=False)
    return text


def dump_said(said: CheckIn) -> str:
    """A check-in as it is stored beside its answer: what is empty or false is left out."""
    values = said._asdict()
    values["events"] = [event._asdict() for event in said.events]
    known = {name: value for name, value in values.items() if value}
    return json.dumps(known, separators=(",", ":"), ensure_ascii=False)


def read_reasons(text: str) -> tuple[Reason, ...]:
    """Reasons from how they are stored."""
    return tuple(Reason(Why(why), *rest) for why, *rest in json.loads(text or "[]"))
