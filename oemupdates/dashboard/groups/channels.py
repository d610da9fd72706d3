"""Channels: what each offers since when, who follows it, and what lies on the way."""

from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from oemupdates.dashboard.activity.activity import Row, row
from oemupdates.dashboard.frame.acting import act, needs, operator, where
from oemupdates.dashboard.frame.tags import nodes_url
from oemupdates.dashboard.groups.channel_numbers import Numbered, Numbers, numbers
from oemupdates.dashboard.releases.incomplete import CARRIED, lacking
from oemupdates.domain.access import Permission
from oemupdates.domain.version import sort_key
from oemupdates.models import (
    FLATCAR,
    Activity,
    Application,
    Architecture,
    Channel,
    Group,
    NodeCount,
    Release,
)
from oemupdates.models.standing import Standings
from oemupdates.services.groups import channels as verbs
from oemupdates.services.groups.following import MOVES, Following, following

LATEST_ACTIVITY = 10
LATEST_MOVES = 20
# Versions in the table of shares; the others are folded away.
VERSIONS_SHOWN = 8


class Line(NamedTuple):
    """A channel in the list, or a group that follows it: whose nodes stand where."""

    what: Channel | Group
    numbers: Numbers
    groups: list[Group]
    move: Row | None = None


class Share(NamedTuple):
    """The nodes of a channel that run one version."""

    version: str
    is_target: bool
    numbered: Numbered


@require_safe
@needs(Permission.READ_FLEET)
def channels(request: HttpRequest) -> HttpResponse:
    """Show every channel with what it offers and the nodes that follow it."""
    found = list(
        Channel.objects.select_related("target", "application").prefetch_related(
            "floors", "dead_ends"
        )
    )
    followers = following(found, where(request, Permission.READ_FLEET))
    lines = [_line(one, followers[one.pk]) for one in found]
    # Channels with nodes come first: a fresh server seeds ten, of which most stay empty.
    lines.sort(key=lambda line: not line.numbers.all.nodes)
    context = {
        "lines": lines,
        "has_release": Release.objects.exists(),
        "architectures": Architecture.values,
    }
    return render(request, "dashboard/channels.html", context)


@require_safe
@needs(Permission.READ_FLEET)
def channel(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a channel."""
    found = get(pk)
    reach = where(request, Permission.READ_FLEET)
    followers = following([found], reach)[pk]
    target = _target(found)
    cells = NodeCount.objects.of({"group": followers.keys})
    versions = dict(cells.by("version"))
    lacked = lacking(cells.by(*CARRIED))
    shares = _shares(versions, followers.keys, target)
    about = Activity.objects.filter(subject_kind="channel", subject_id=pk).select_related("actor")
    context = {
        "channel": found,
        "line": _line(found, followers),
        "groups": [
            Line(group, numbers(each, groups=[group.pk], target=target), [group])
            for group, each in followers.groups
        ],
        "group_ids": followers.keys,
        "is_limited": not reach.is_everywhere,
        "shares": shares[:VERSIONS_SHOWN],
        "more_shares": shares[VERSIONS_SHOWN:],
        "lacked": sorted(lacked, key=lambda one: -one.nodes),
        "lacking": sum(one.nodes for one in lacked),
        "floors": [
            (floor, *_at(versions, floor.release.version, followers.keys))
            for floor in found.floors.select_related("release")
        ],
        "dead_ends": [
            (dead_end, versions.get(dead_end.version, 0)) for dead_end in found.dead_ends.all()
        ],
        "releases": verbs.releases_for(found),
        "moves": [row(one) for one in about.filter(verb__in=MOVES)[:LATEST_MOVES]],
        "activities": [row(one) for one in about.exclude(verb__in=MOVES)[:LATEST_ACTIVITY]],
    }
    return render(request, "dashboard/channel.html", context)


@require_POST
@needs(Permission.CHANGE_FLEET)
def create(request: HttpRequest) -> HttpResponse:
    """Make a channel."""
    flatcar = Application.objects.get(uuid=FLATCAR)
    made: list[Channel] = []
    name, architecture = request.POST.get("name", ""), request.POST.get("architecture", "")
    act(
        request,
        lambda: made.append(
            verbs.create(flatcar, name=name, architecture=architecture, by=operator(request))
        ),
        done="The channel is made. It offers nothing before it has a target.",
    )
    return redirect("dashboard:channel", made[0].pk) if made else redirect("dashboard:channels")


@require_POST
@needs(Permission.CHANGE_FLEET)
def rename(request: HttpRequest, pk: int) -> HttpResponse:
    """Call a channel otherwise."""
    found = get(pk)
    name, why = request.POST.get("name", ""), request.POST.get("why", "")
    act(
        request,
        lambda: verbs.rename(found, name, by=operator(request), why=why),
        done=f"{found} has another name; its groups follow it as before.",
    )
    return redirect("dashboard:channel", pk)


@require_POST
@needs(Permission.CHANGE_FLEET)
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Take away a channel that nobody follows, once its name was typed."""
    found = get(pk)
    why = request.POST.get("why", "")

    def confirmed() -> None:
        if request.POST.get("confirmed", "").strip() != found.name:
            raise verbs.CannotDelete(f"Type {found.name} to take the channel away.")
        verbs.delete(found, by=operator(request), why=why)

    if act(request, confirmed, done=f"{found} is taken away."):
        return redirect("dashboard:channels")
    return redirect("dashboard:channel", pk)


def get(pk: int) -> Channel:
    """A channel with what every page of it shows."""
    return get_object_or_404(Channel.objects.select_related("target", "application"), pk=pk)


def _target(channel: Channel) -> str:
    return channel.target.version if channel.target else ""


def _line(channel: Channel, found: Following) -> Line:
    standing = found.numbers if channel.target else Standings(behind=found.numbers.nodes)
    return Line(
        channel,
        numbers(standing, groups=found.keys, target=_target(channel)),
        [group for group, _numbers in found.groups],
        row(found.move) if found.move else None,
    )


def _shares(versions: dict[str, int], groups: list[int], target: str) -> list[Share]:
    """The versions of a channel's nodes, newest first."""
    newest_first = sorted(versions, key=lambda one: (sort_key(one), one), reverse=True)
    return [
        Share(
            version,
            version == target != "",
            Numbered(versions[version], nodes_url(group=groups, version=version)),
        )
        for version in newest_first
    ]


def _at(versions: dict[str, int], floor: str, groups: list[int]) -> tuple[int, Numbered]:
    """How many nodes are on a floor, and how many have it still before them."""
    order = sort_key(floor)
    before = sum(nodes for version, nodes in versions.items() if "" < sort_key(version) < order)
    return versions.get(floor, 0), Numbered(before, nodes_url(group=groups, q=f"os:<{floor}"))
