"""What lies on a channel's way: floors that nodes must pass, and versions without a way on."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from oemupdates.dashboard.frame.acting import act, complain, needs, operator
from oemupdates.dashboard.groups.channels import get
from oemupdates.domain.access import Permission
from oemupdates.models import Channel, DeadEnd, Floor, Release
from oemupdates.services.groups import channels as verbs


class FloorForm(forms.Form):
    """Which release must be passed, and why."""

    release = forms.ModelChoiceField(Release.objects.none(), label="Release")
    because = forms.CharField(max_length=500, label="Why")

    def __init__(self, *args: object, channel: Channel) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.fields["release"].queryset = verbs.releases_for(channel)  # type: ignore[attr-defined]


class DeadEndForm(forms.Form):
    """From which version there is no way on, and why."""

    version = forms.CharField(max_length=64, label="Version")
    because = forms.CharField(max_length=500, label="Why")


@require_POST
@needs(Permission.CHANGE_FLEET)
def add_floor(request: HttpRequest, pk: int) -> HttpResponse:
    """Make nodes pass a release."""
    found = get(pk)
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
    found = get(pk)
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
