"""Activity: what operators and the system did, what was before and after, and why."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import conditional_page, require_safe

from oemupdates.dashboard.activity import activity_asked
from oemupdates.dashboard.activity.activity_asked import Asked
from oemupdates.dashboard.frame import exporting, paging, words
from oemupdates.dashboard.frame.acting import needs
from oemupdates.domain.access import Permission
from oemupdates.models import Activity, ActivityCheck
from oemupdates.services.finding.activity_finding import Found
from oemupdates.services.finding.walking import Slice

BAD_REQUEST = 400
# Kinds of subjects that have a page of their own, by its URL name.
PAGES = {
    "node": "dashboard:node",
    "group": "dashboard:group",
    "channel": "dashboard:channel",
    "release": "dashboard:release",
    "upstream": "dashboard:release_upstream",
    "bulkchange": "dashboard:bulk",
    "operator": "dashboard:admin_user",
}
# Whose pages go by the name that a subject's begins with.
_BY_NAME = {"component": "dashboard:component", "componentimage": "dashboard:component"}
# So many changed values stand in an entry; more of them are folded.
FEW = 3
# A time as `services.shared.activity` writes it down.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00")
_COLUMNS = {
    "id": "Row",
    "at": "At",
    "actor": "Who",
    "did": "Did",
    "subject": "To",
    "before": "Before",
    "after": "After",
    "why": "Why",
    "verb": "Verb",
    "subject_kind": "Kind",
    "subject_id": "Number",
    "previous_hash": "Hash of the row before",
    "hash": "Hash",
}
# Whence somebody came is of no concern to everybody.
_SECURITY_COLUMNS = {"token": "Token", "address": "Address", "request_id": "Request"}


class Difference(NamedTuple):
    """One value that an activity changed, as people read it."""

    name: str
    before: str
    after: str


class Row(NamedTuple):
    """One activity in words, with the way to its subject."""

    activity: Activity
    actor: str
    did: str
    did_here: str
    url: str
    differences: list[Difference]

    @property
    def icon(self) -> str:
        """Somebody, a script, or the system."""
        if self.activity.token_id:
            return "key"
        return "user" if self.activity.actor_id or self.activity.address else "settings"

    @property
    def brief(self) -> list[Difference]:
        """The values, where they are so few that nothing needs folding."""
        return self.differences if len(self.differences) <= FEW else []


@require_safe
@needs(Permission.READ_FLEET)
def activity(request: HttpRequest) -> HttpResponse:
    """Show a page of what was done, as far as the URL asks for it."""
    asked = activity_asked.read(request)
    context = _listed(request, asked)
    for problem in asked.problems:
        messages.error(request, problem)
    context |= {
        "tabs": activity_asked.tabs(asked),
        "facets": activity_asked.facets(asked),
        "spans": activity_asked.spans(asked),
        "chosen": activity_asked.chosen(asked),
        "clear": f"?tab={tab}" if (tab := asked.given.get("tab")) else "?",
        "check": ActivityCheck.objects.filter(pk=ActivityCheck.ONLY).first(),
    }
    status = BAD_REQUEST if asked.problems else None
    return render(request, "dashboard/activity.html", context, status=status)


@require_safe
@conditional_page
@needs(Permission.READ_FLEET)
def newest(request: HttpRequest) -> HttpResponse:
    """Show the list alone, for those who follow it."""
    asked = activity_asked.read(request)
    context = _listed(request, asked)
    status = BAD_REQUEST if asked.problems else None
    return render(request, "dashboard/_activity_list.html", context, status=status)


@require_safe
@needs(Permission.READ_FLEET)
def export(request: HttpRequest) -> HttpResponseBase:
    """Stream everything that the URL asks for, with the hashes that prove it."""
    asked = activity_asked.read(request)
    problems = list(asked.problems)
    kind = request.GET.get("format", "csv")
    if kind not in exporting.TYPES:
        problems.append(exporting.no_such(kind))
    if problems:
        return HttpResponse("\n".join(problems), "text/plain; charset=utf-8", BAD_REQUEST)
    columns = _COLUMNS | (_SECURITY_COLUMNS if asked.look.reads_security else {})
    rows = ([cells[name] for name in columns] for cells in _cells(asked.find()))
    return exporting.streamed("activity", kind, columns, rows, at=timezone.now())


def _listed(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    """What the list shows; a problem that it finds joins those of the question."""
    after = request.GET.get("after", "")
    found: Slice[Activity] = Slice([])
    if not asked.problems:
        try:
            found = asked.find().page(paging.read_id(after) if after else 0)
        except paging.BadToken as damaged:
            asked.problems.append(str(damaged))
    return {
        "page": paging.of(found, after),
        "slice": found,
        "rows": [row(one) for one in found.rows],
        "reads_security": asked.look.reads_security,
        "asked": asked,
        # Older pages do not change.
        "follows": not after and asked.wanted.until is None and not asked.problems,
    }


def row(activity: Activity) -> Row:
    """An activity in words."""
    return Row(
        activity,
        who(activity),
        words.activity(activity.verb),
        words.activity_here(activity.verb),
        _page(activity),
        differences(activity),
    )


def _page(activity: Activity) -> str:
    """Where an activity's subject has a page of its own; empty if it has none."""
    kind, key = activity.subject_kind, activity.subject_id
    if kind in _BY_NAME:
        return reverse(_BY_NAME[kind], args=[activity.subject.partition(" ")[0]])
    return reverse(PAGES[kind], args=[key]) if kind in PAGES and key is not None else ""


def who(activity: Activity) -> str:
    """Who did something, also where nobody knows them."""
    if activity.actor is not None:
        return activity.actor.username
    if activity.verb in words.BY_PROVIDERS and activity.address:
        return "An identity provider"
    return "Somebody" if activity.address else "The system"


def differences(activity: Activity) -> list[Difference]:
    """The values that an activity changed."""
    before, after = activity.before, activity.after
    names = [*before, *(name for name in after if name not in before)]
    found = [
        Difference(name.replace("_", " "), _shown(before.get(name)), _shown(after.get(name)))
        for name in names
    ]
    return [one for one in found if one.before != one.after]


def _shown(value: object) -> str:
    match value:
        case None | "" | []:
            return "nothing"
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(str, value))
        case str() if _MOMENT.fullmatch(value):
            return f"{datetime.fromisoformat(value):%Y-%m-%d %H:%M} UTC"
    return str(value)


def _cells(found: Found) -> Iterator[dict[str, str]]:
    """The cells of every row that is meant, a chunk of them in memory at a time."""
    after = 0
    while True:
        part = found.page(after, size=exporting.CHUNK)
        for one in part.rows:
            yield {
                "id": str(one.pk),
                "at": one.at.isoformat(),
                "actor": who(one),
                "did": words.activity(one.verb),
                "subject": one.subject,
                "before": json.dumps(one.before, ensure_ascii=False),
                "after": json.dumps(one.after, ensure_ascii=False),
                "why": one.why,
                "verb": one.verb,
                "subject_kind": one.subject_kind,
                "subject_id": str(one.subject_id or ""),
                "previous_hash": one.previous_hash,
                "hash": one.hash,
                "token": one.token.name if one.token else "",
                "address": one.address,
                "request_id": one.request_id,
            }
        after = part.last
        if not after:
            return
