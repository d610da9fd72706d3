"""What became of a node, newest first: events, answers, versions, downloads, operators' acts."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from django.db import models

from oemupdates.dashboard.activity.activity import differences, who
from oemupdates.dashboard.frame import explaining, words
from oemupdates.dashboard.nodes.timeline_entry import Entry
from oemupdates.dashboard.nodes.took import elsewhere, took
from oemupdates.domain.event import Meaning, error
from oemupdates.models import Activity, Answer, Event, Node, NodeDownload, VersionInterval

Row = TypeVar("Row", bound=models.Model)
ENTRIES = 30
_MEANINGS = {meaning.value: meaning for meaning in Meaning}


@dataclass(frozen=True, slots=True)
class Timeline:
    """Some entries, and from where the next are asked for; None at the end."""

    entries: list[Entry]
    before: datetime | None


def timeline(node: Node, *, before: datetime | None, entries: int = ENTRIES) -> Timeline:
    """Put together what happened to a node before a time, whatever table tells of it."""
    about = Activity.objects.filter(subject_kind="node", subject_id=node.pk)
    events = list(_latest(node.events.all(), "at", before, entries))
    downloads = NodeDownload.objects.filter(node=node)
    # What stands above what happened at the same moment came after it.
    found = [
        *elsewhere(node, events),
        *map(_event, events),
        *map(took, _latest(downloads, "last_at", before, entries)),
        *map(_answer, _latest(node.answers.all(), "at", before, entries)),
        *map(_interval, _latest(node.intervals.all(), "started_at", before, entries)),
        *map(_activity, _latest(about.select_related("actor"), "at", before, entries)),
    ]
    found.sort(key=lambda entry: entry.at, reverse=True)
    if len(found) <= entries:
        return Timeline(found, None)
    # What happened at one moment stays on one page, as the next begins before that moment.
    last = found[entries - 1].at
    return Timeline([entry for entry in found if entry.at >= last], last)


def _latest(
    rows: models.QuerySet[Row], column: str, before: datetime | None, entries: int
) -> Iterable[Row]:
    """One row more of a table than a page shows, so that the page knows whether there are more."""
    if before is not None:
        rows = rows.filter(**{f"{column}__lt": before})
    return rows.order_by(f"-{column}", "-pk")[: entries + 1]


def _event(event: Event) -> Entry:
    meaning = _MEANINGS.get(event.meaning, Meaning.OTHER)
    icon, tone = words.EVENTS[meaning]
    lines = []
    if event.previous_version and event.version:
        lines.append(f"From {event.previous_version} to {event.version}.")
    elif event.target_version:
        lines.append(f"On the way from {event.version} to {event.target_version}.")
    if event.code:
        known = error(event.code)
        lines.append(f"Error {known.code}: {known.name}. {known.advice}".strip())
    if meaning is Meaning.OTHER:
        lines.append(f"Event type {event.type}, result {event.result}.")
    flags = [flag.strip() for flag in event.flags.split(",") if flag.strip()]
    return Entry(event.at, icon, tone, meaning.label, lines, flags)


def _answer(answer: Answer) -> Entry:
    offered = answer.answer.removeprefix("offer ")
    is_offer = offered != answer.answer
    title = f"Heard an offer of {offered}" if is_offer else "Heard that there is nothing for it"
    lines = [explained.sentence for explained in explaining.reasons(answer.reasons)]
    return Entry(answer.at, "send" if is_offer else "message", "calm", title, lines)


def _interval(interval: VersionInterval) -> Entry:
    lines = []
    if interval.oem:
        known = interval.oem_version or "unknown version"
        build = f", build {interval.oem_build}" if interval.oem_build else ""
        lines.append(
            f"OEM {interval.oem}: {known}{build} ({words.BASES[interval.oem_basis].label})."
        )
    return Entry(
        interval.started_at,
        "flag",
        "good",
        f"Runs {interval.version or 'an unknown version'}",
        lines,
    )


def _activity(activity: Activity) -> Entry:
    title = f"{who(activity)} {words.activity_here(activity.verb)}"
    lines = [f"{name}: {before} → {after}" for name, before, after in differences(activity)]
    if activity.why:
        lines.append(f"“{activity.why}”")
    return Entry(activity.at, "user", "calm", title, lines)
