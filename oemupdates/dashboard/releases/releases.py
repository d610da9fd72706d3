"""Releases, newest first: how old, offered by whom, run by how many, and what each lacks."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, time
from typing import NamedTuple

from django.contrib import messages
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from oemupdates.dashboard.frame import paging
from oemupdates.dashboard.frame.acting import needs, where
from oemupdates.domain.access import Permission
from oemupdates.models import Architecture, NodeCount, Release
from oemupdates.services.oem import oem_gaps
from oemupdates.services.oem.oem_gaps import Gap

BAD_REQUEST = 400
PAGE_ROWS = 50
# More channels than these have a column together.
MOST_COLUMNS = 5
_MAX_VERSION = 64
_ONLY = {"offered": "Offered by a channel", "blocked": "Blocked"}


class Place(NamedTuple):
    """What a release is to the channel of a column: its target, a floor, or neither."""

    name: str
    channel: int | None = None
    is_target: bool = False


class Row(NamedTuple):
    """A release in the list: the nodes that run it, and the OEMs of nodes that it has not.

    `places` are a column each; `others` are channels that have none. `whole` are all nodes of its
    architecture.
    """

    release: Release
    nodes: int
    gaps: list[Gap]
    places: list[Place]
    others: list[Place]
    whole: int

    @property
    def published_at(self) -> datetime | None:
        """The beginning of the day on which it was published, in UTC."""
        day = self.release.published_on
        return datetime.combine(day, time(), tzinfo=UTC) if day else None

    @property
    def share(self) -> int:
        """How many of a hundred nodes run it."""
        return round(100 * self.nodes / self.whole) if self.whole else 0

    @property
    def lacking(self) -> int:
        """How many nodes could not update to it."""
        return sum(gap.nodes for gap in self.gaps)


class Pill(NamedTuple):
    """One filter, and the URL that takes it or gives it up."""

    label: str
    url: str
    is_on: bool


@require_safe
@needs(Permission.READ_FLEET)
def releases(request: HttpRequest) -> HttpResponse:
    """Show a page of the releases, the newest first."""
    chosen = {
        name: " ".join(request.GET.get(name, "").replace("\x00", "").split())[:_MAX_VERSION]
        for name in ("architecture", "only", "version")
    }
    found, status = _filtered(chosen), None
    try:
        page = paging.by_version(found, request.GET.get("after", ""), size=PAGE_ROWS)
    except paging.BadToken as damaged:
        messages.error(request, str(damaged))
        page, status = paging.by_version(found, "", size=PAGE_ROWS), BAD_REQUEST
    rows = _rows(request, list(page.rows))
    context = {
        "rows": rows,
        "has_others": any(row.others for row in rows),
        "page": page,
        "pills": _pills(chosen),
        "chosen": {name: value for name, value in chosen.items() if value},
        "version": chosen["version"],
        "hidden": [(name, chosen[name]) for name in ("architecture", "only") if chosen[name]],
    }
    return render(request, "dashboard/releases.html", context, status=status)


def _filtered(chosen: dict[str, str]) -> QuerySet[Release]:
    found = Release.objects.select_related("application")
    if chosen["architecture"]:
        found = found.filter(architecture=chosen["architecture"])
    if chosen["version"]:
        found = found.filter(version__startswith=chosen["version"])
    if chosen["only"] == "blocked":
        found = found.filter(blocked_at__isnull=False)
    if chosen["only"] == "offered":
        found = found.filter(target_of__isnull=False).distinct()
    return found


def _pills(chosen: dict[str, str]) -> list[Pill]:
    some = [("architecture", value, value) for value in Architecture.values]
    some += [("only", value, label) for value, label in _ONLY.items()]
    return [_pill(chosen, name, value, label) for name, value, label in some]


def _pill(chosen: dict[str, str], name: str, value: str, label: str) -> Pill:
    is_on = chosen[name] == value
    wanted = chosen | {name: "" if is_on else value}
    return Pill(label, f"?{urlencode({key: text for key, text in wanted.items() if text})}", is_on)


def _rows(request: HttpRequest, found: list[Release]) -> list[Row]:
    """What is shown of some releases: one read of the counters, however many they are."""
    reach = where(request, Permission.READ_FLEET)
    wanted = {
        "version": {one.version for one in found},
        "architecture": {one.architecture for one in found},
    }
    cells = NodeCount.objects.within(reach).of(wanted)
    running = {
        (version, architecture): nodes
        for version, architecture, nodes in cells.by("version", "architecture")
    }
    totals = dict(NodeCount.objects.within(reach).by("architecture"))
    carriers = oem_gaps.read(reach)
    whole = (
        Release.objects.filter(pk__in=[one.pk for one in found])
        .prefetch_related("target_of", "floor_of__channel", "payloads")
        .annotate(
            files=Count("payloads"),
            unverified=Count("payloads", filter=Q(payloads__is_verified=False)),
            bytes=Sum("payloads__size"),
        )
        .in_bulk()
    )
    shown = [whole[one.pk] for one in found if one.pk in whole]
    columns = _columns(shown)
    return [
        Row(
            release,
            running.get((release.version, release.architecture), 0),
            carriers.gaps(release, {payload.name for payload in release.payloads.all()}),
            [_place(release, name) for name in columns],
            [one for one in _places(release) if one.name not in columns],
            totals.get(release.architecture, 0),
        )
        for release in shown
    ]


def _columns(shown: Sequence[Release]) -> list[str]:
    """The names of the channels that have a column: those that name most of what is shown."""
    named = Counter(place.name for release in shown for place in _places(release))
    return sorted(name for name, _number in named.most_common(MOST_COLUMNS))


def _places(release: Release) -> list[Place]:
    """The channels that offer a release, and those that it is a floor of."""
    targets = [Place(one.name, one.pk, is_target=True) for one in release.target_of.all()]
    floors = [Place(one.channel.name, one.channel_id) for one in release.floor_of.all()]
    return targets + floors


def _place(release: Release, name: str) -> Place:
    return next((one for one in _places(release) if one.name == name), Place(name))
