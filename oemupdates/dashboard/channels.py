"""Channels: their targets, floors and dead ends."""

from collections import Counter

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from oemupdates.dashboard.acting import act, complain, needs, operator
from oemupdates.dashboard.activity import row
from oemupdates.domain.access import Permission
from oemupdates.models import Activity, Channel, DeadEnd, Floor, NodeCount, Release
from oemupdates.services import channels as verbs

LATEST_ACTIVITY = 10


class TargetForm(forms.Form):
    """Which release a channel aims at; none is a target too."""

    release = forms.ModelChoiceField(
        Release.objects.none(), required=False, label="Target", empty_label="No target"
    )
    why = forms.CharField(max_length=500, required=False, label="Why")

    def __init__(self, *args: object, channel: Channel) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.fields["release"].queryset = _releases(channel)  # type: ignore[attr-defined]


class FloorForm(forms.Form):
    """Which release must be passed, and why."""

    release = forms.ModelChoiceField(Release.objects.none(), label="Release")
    because = forms.CharField(max_length=500, label="Why")

    def __init__(self, *args: object, channel: Channel) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.fields["release"].queryset = _releases(channel)  # type: ignore[attr-defined]


class DeadEndForm(forms.Form):
    """From which version there is no way on, and why."""

    version = forms.CharField(max_length=64, label="Version")
    because = forms.CharField(max_length=500, label="Why")


@require_safe
def channels(request: HttpRequest) -> HttpResponse:
    """Show every channel with its target and the nodes that follow it."""
    found = Channel.objects.select_related("target", "application").prefetch_related(
        "groups", "floors__release", "dead_ends"
    )
    nodes = Counter(dict(NodeCount.objects.by("group")))
    rows = [(channel, [group.pk for group in channel.groups.all()]) for channel in found]
    context = {
        "rows": [
            (channel, groups, sum(nodes[group] for group in groups)) for channel, groups in rows
        ]
    }
    return render(request, "dashboard/channels.html", context)


@require_safe
def channel(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a channel."""
    found = _get(pk)
    groups = list(found.groups.all())
    about = Activity.objects.filter(subject_kind="channel", subject_id=pk)
    versions = NodeCount.objects.of({"group": [group.pk for group in groups]}).by("version")
    context = {
        "channel": found,
        "groups": groups,
        "group_ids": [group.pk for group in groups],
        "nodes": sum(nodes for _version, nodes in versions),
        "on": dict(versions),
        "floors": [
            (floor, dict(versions).get(floor.release.version, 0))
            for floor in found.floors.select_related("release")
        ],
        "dead_ends": [
            (dead_end, dict(versions).get(dead_end.version, 0))
            for dead_end in found.dead_ends.all()
        ],
        "releases": list(_releases(found)),
        "activities": [row(one) for one in about.select_related("actor")[:LATEST_ACTIVITY]],
    }
    return render(request, "dashboard/channel.html", context)


@require_POST
@needs(Permission.CHANGE_FLEET)
def set_target(request: HttpRequest, pk: int) -> HttpResponse:
    """Set, or take away, a channel's target."""
    found = _get(pk)
    form = TargetForm(request.POST, channel=found)
    if form.is_valid():
        release, why = form.cleaned_data["release"], form.cleaned_data["why"]
        by = operator(request)
        act(
            request,
            lambda: (
                verbs.set_target(found, release, by=by, why=why)
                if release
                else verbs.clear_target(found, by=by, why=why)
            ),
            done=f"{found} aims at {release.version}."
            if release
            else f"{found} has no target, so its groups hear of no update.",
        )
    else:
        complain(request, form)
    return redirect("dashboard:channel", pk)


@require_POST
@needs(Permission.CHANGE_FLEET)
def add_floor(request: HttpRequest, pk: int) -> HttpResponse:
    """Make nodes pass a release."""
    found = _get(pk)
    form = FloorForm(request.POST, channel=found)
    if form.is_valid():
        release, because = form.cleaned_data["release"], form.cleaned_data["because"]
        act(
            request,
            lambda: verbs.add_floor(found, release, by=operator(request), because=because),
            done=f"{release.version} is a floor of {found}.",
        )
    else:
        complain(request, form)
    return redirect("dashboard:channel", pk)


@require_POST
@needs(Permission.CHANGE_FLEET)
def remove_floor(request: HttpRequest, pk: int, floor: int) -> HttpResponse:
    """Let nodes pass a release by again."""
    found = get_object_or_404(
        Floor.objects.select_related("channel", "release"), pk=floor, channel=pk
    )
    act(
        request,
        lambda: verbs.remove_floor(found, by=operator(request), why=request.POST.get("why", "")),
        done=f"{found.release.version} is no floor of {found.channel} any more.",
    )
    return redirect("dashboard:channel", pk)


@require_POST
@needs(Permission.CHANGE_FLEET)
def add_dead_end(request: HttpRequest, pk: int) -> HttpResponse:
    """Offer nothing to nodes of a version."""
    found = _get(pk)
    form = DeadEndForm(request.POST)
    if form.is_valid():
        version, because = form.cleaned_data["version"], form.cleaned_data["because"]
        act(
            request,
            lambda: verbs.add_dead_end(found, version, by=operator(request), because=because),
            done=f"{version} is a dead end of {found}.",
        )
    else:
        complain(request, form)
    return redirect("dashboard:channel", pk)


@require_POST
@needs(Permission.CHANGE_FLEET)
def remove_dead_end(request: HttpRequest, pk: int, dead_end: int) -> HttpResponse:
    """Let nodes of a version go on again."""
    found = get_object_or_404(DeadEnd.objects.select_related("channel"), pk=dead_end, channel=pk)
    act(
        request,
        lambda: verbs.remove_dead_end(
            found, by=operator(request), why=request.POST.get("why", "")
        ),
        done=f"{found.version} is no dead end of {found.channel} any more.",
    )
    return redirect("dashboard:channel", pk)


def _get(pk: int) -> Channel:
    return get_object_or_404(Channel.objects.select_related("target", "application"), pk=pk)


def _releases(channel: Channel) -> QuerySet[Release]:
    """The releases that could be a target or a floor of a channel, newest first."""
    return Release.objects.filter(
        application=channel.application_id, architecture=channel.architecture
    )
