"""Rejected requests: what the update endpoint refused, why, and how to mend it."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from oemupdates.dashboard.frame import paging, rejected_words
from oemupdates.dashboard.frame.acting import require
from oemupdates.dashboard.frame.facets import Chosen
from oemupdates.domain.access import Permission
from oemupdates.models import RejectedRequest
from oemupdates.services.checkins import rejected_sums

BAD_REQUEST = 400
FILTERS = {"reason": "Reason", "source": "Source", "day": "Day"}


class Reason(NamedTuple):
    """A reason, how often it was met lately, and the way to what was refused for it."""

    sums: rejected_sums.Reason
    word: rejected_words.Rejected
    url: str
    is_chosen: bool


class Asked(NamedTuple):
    """A track that no group has, and where one is made."""

    sums: rejected_sums.Track
    url: str


@require_safe
def rejected(request: HttpRequest) -> HttpResponse:
    """Show a page of what was refused, of one reason, source or day if the URL says so."""
    # What was refused belongs to no group.
    require(request, Permission.READ_RAW)
    given = {name: request.GET.get(name, "").replace("\x00", "").strip() for name in FILTERS}
    given = {name: value for name, value in given.items() if value}
    problem = _problem(given)
    page: paging.Page[RejectedRequest] = paging.Page([])
    if not problem:
        try:
            found = RejectedRequest.objects.filter(**given)
            page = paging.by_time(found, "last_at", request.GET.get("after", ""))
        except paging.BadToken as damaged:
            problem = str(damaged)
    if problem:
        messages.error(request, problem)
    context = {
        "page": page,
        "rows": [(row, rejected_words.rejected(row.reason)) for row in page.rows],
        "reasons": _reasons(given),
        "word": rejected_words.rejected(given["reason"]) if "reason" in given else None,
        "source": given.get("source", ""),
        "hidden": {name: value for name, value in given.items() if name != "source"},
        "chosen": [
            Chosen(FILTERS[name], value, _url(given, name, ""), None)
            for name, value in given.items()
        ],
        "asked": _asked(),
    }
    status = BAD_REQUEST if problem else None
    return render(request, "dashboard/rejected.html", context, status=status)


def _problem(given: Mapping[str, str]) -> str:
    """What is wrong with the filters; nothing if they can be asked for."""
    try:
        if "day" in given:
            datetime.strptime(given["day"], "%Y-%m-%d")  # noqa: DTZ007 - a day, not a moment
    except ValueError:
        return f"{given['day']!r} is no day such as 2026-11-24."
    return ""


def _url(given: Mapping[str, str], name: str, value: str) -> str:
    """The address of the list with one filter changed."""
    values = {one: text for one, text in {**given, name: value}.items() if text}
    return f"?{urlencode(values)}"


def _reasons(given: Mapping[str, str]) -> list[Reason]:
    """Why requests were refused, with the way to those of each reason."""
    chosen = given.get("reason")
    return [
        Reason(
            one,
            rejected_words.rejected(one.reason),
            _url(given, "reason", "" if one.reason == chosen else one.reason),
            one.reason == chosen,
        )
        for one in rejected_sums.reasons()
    ]


def _asked() -> list[Asked]:
    """The tracks that nodes without a group asked for, with the way to a group for each."""
    return [Asked(one, _group_for(one.track, one.architecture)) for one in rejected_sums.tracks()]


def _group_for(track: str, architecture: str) -> str:
    """Where a group for a track is made, as far as there is such a page."""
    try:
        page = reverse("dashboard:group_create")
    except NoReverseMatch:
        return ""
    values = {"name": track[:64], "track": track, "architecture": architecture}
    return f"{page}?{urlencode(values)}"
