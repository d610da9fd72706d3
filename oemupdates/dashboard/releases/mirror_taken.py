"""What was taken from this server lately, of all releases together."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from django.template.defaultfilters import filesizeformat
from django.urls import reverse

from oemupdates.dashboard.frame.tags import number
from oemupdates.models import DownloadCount, Release
from oemupdates.models.download import DayTaken, TakenFrom

DAYS, WEEK = 30, 7
MOST_PAYLOADS = 10


class Row(NamedTuple):
    """A payload, what was taken of it, and the page of its release, if that is registered."""

    name: str
    version: str
    architecture: str
    whole: int
    partial: int
    redirected: int
    size: int
    boots: int
    url: str


@dataclass(frozen=True, slots=True)
class Lately:
    """What was taken in `DAYS` days: `trend` are the bytes of each, `peak` the day of the most."""

    numbers: list[tuple[str, object, str]]
    trend: list[int]
    peak: DayTaken | None
    payloads: list[Row]
    days: int = DAYS


def lately(today: date) -> Lately:
    """Sum up the last days, in as many questions whatever was taken and by however many nodes."""
    first = today - timedelta(days=DAYS - 1)
    counts = DownloadCount.objects.since(first)
    days = {one.day: one for one in counts.by_day()}
    trend = [_size(days.get(first + timedelta(days=ago))) for ago in range(DAYS)]
    requests = sum(one.whole + one.partial + one.redirected for one in days.values())
    numbers: list[tuple[str, object, str]] = [
        ("Sent today", filesizeformat(trend[-1]), ""),
        (f"Sent in {WEEK} days", filesizeformat(sum(trend[-WEEK:])), ""),
        (f"Sent in {DAYS} days", filesizeformat(sum(trend)), ""),
        (f"Requests in {DAYS} days", number(requests), ""),
    ]
    peak = max(days.values(), key=lambda one: one.size, default=None)
    return Lately(numbers, trend, peak, _rows(counts.most_taken(MOST_PAYLOADS)))


def _size(day: DayTaken | None) -> int:
    return day.size if day else 0


def _rows(taken: list[TakenFrom]) -> list[Row]:
    known = Release.objects.filter(version__in={one.version for one in taken})
    keys = {
        (version, architecture): key
        for key, version, architecture in known.values_list("pk", "version", "architecture")
    }
    return [
        Row(
            one.name,
            one.version,
            one.architecture,
            *(one.whole, one.partial, one.redirected, one.size, one.boots),
            url=_url(keys.get((one.version, one.architecture))),
        )
        for one in taken
    ]


def _url(key: int | None) -> str:
    return reverse("dashboard:release", args=[key]) if key is not None else ""
