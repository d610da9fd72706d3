"""How soon a group's nodes ran what they were to run, as its page shows it."""

from datetime import datetime, timedelta
from typing import NamedTuple

from oemupdates.dashboard.frame.drawing import percent
from oemupdates.models import Group
from oemupdates.services.groups.uptake import DAYS, Reached, Uptake, uptakes


class Cell(NamedTuple):
    """What is known of a target so many days after it was set."""

    label: str
    share: str
    words: str


class Row(NamedTuple):
    """A target, and a cell for each number of days."""

    uptake: Uptake
    cells: list[Cell]


def rows(group: Group, now: datetime) -> list[Row]:
    """The last targets of a group, the newest first."""
    return [_row(one, now) for one in uptakes(group, now)]


def _row(one: Uptake, now: datetime) -> Row:
    known = {reached.days: reached for reached in one.after}
    return Row(one, [_cell(days, known.get(days), one.since, now) for days in DAYS])


def _cell(days: int, reached: Reached | None, since: datetime, now: datetime) -> Cell:
    label = f"After {days} day{'s' * (days != 1)}"
    if reached is None:
        is_to_come = since + timedelta(days) > now
        return Cell(label, "", "to come" if is_to_come else "no sample")
    if not reached.nodes:
        return Cell(label, "", "no node")
    least = "at least " if reached.unknown else ""
    words = f"{reached.reached:,} of {reached.nodes:,}"
    return Cell(label, f"{least}{percent(reached.reached, reached.nodes)}", words)
