"""Activity: what operators and the system did, what was before and after, and why."""

import re
from datetime import datetime
from typing import NamedTuple

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from oemupdates.dashboard import paging, words
from oemupdates.models import Activity, Operator

BAD_REQUEST = 400
KINDS = ("node", "group", "channel", "release", "application", "operator")
# Kinds of subjects that have a page of their own; its URL name is the kind.
_PAGES = {"node", "group", "channel", "release"}
SYSTEM = "system"
# A time as `services.activity` writes it down.
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?\+00:00")


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


@require_safe
def activity(request: HttpRequest) -> HttpResponse:
    """Show a page of what was done, by whom or to what kind of thing the URL says."""
    found = Activity.objects.select_related("actor")
    actor, kind = request.GET.get("actor", ""), request.GET.get("kind", "")
    if actor == SYSTEM:
        found = found.filter(actor=None)
    elif actor:
        found = found.filter(actor__username=actor.replace("\x00", ""))
    problem = "" if not kind or kind in KINDS else f"There is no activity about {kind!r}."
    if kind and not problem:
        found = found.filter(subject_kind=kind)
    page: paging.Page[Activity] = paging.Page([])
    try:
        page = paging.by_id(found, request.GET.get("after", ""))
    except paging.BadToken as damaged:
        problem = str(damaged)
    if problem:
        messages.error(request, problem)
    context = {
        "page": page,
        "rows": [row(one) for one in page.rows],
        "actors": [*Operator.objects.order_by("username").values_list("username", flat=True)],
        "actor": actor,
        "kinds": KINDS,
        "kind": kind,
    }
    status = BAD_REQUEST if problem else None
    return render(request, "dashboard/activity.html", context, status=status)


def row(activity: Activity) -> Row:
    """An activity in words."""
    kind = activity.subject_kind
    has_page = kind in _PAGES and activity.subject_id is not None
    return Row(
        activity,
        activity.actor.username if activity.actor else "The system",
        words.activity(activity.verb),
        words.activity_here(activity.verb),
        reverse(f"dashboard:{kind}", args=[activity.subject_id]) if has_page else "",
        differences(activity),
    )


def differences(activity: Activity) -> list[Difference]:
    """The values that an activity changed."""
    before, after = activity.before, activity.after
    names = [*before, *(name for name in after if name not in before)]
    return [
        Difference(name.replace("_", " "), _shown(before.get(name)), _shown(after.get(name)))
        for name in names
    ]


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
