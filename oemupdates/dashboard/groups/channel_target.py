"""Moving a channel's target: what would follow is shown first, and then done."""

from typing import NamedTuple

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from oemupdates.dashboard.frame.acting import act, complain, needs, operator, where
from oemupdates.dashboard.frame.tags import nodes_url
from oemupdates.dashboard.groups.channels import get
from oemupdates.domain.access import Permission, Reach
from oemupdates.domain.reason import Why, change, sentence
from oemupdates.domain.version import sort_key
from oemupdates.models import Channel, Release
from oemupdates.services.groups import channels as verbs
from oemupdates.services.groups.retargeting import Preview, Stranded, preview

NO_TARGET = "none"
# What is said of nodes that would never get there, beyond these many.
MOST_STRANDED = 30
_VERSIONS_NAMED = 6


class TargetForm(forms.Form):
    """Which release a channel aims at; none is a target too.

    `seen` is the target that whoever decided saw, so that nobody undoes what they do not know of.
    """

    release = forms.ModelChoiceField(
        Release.objects.none(), required=False, label="Target", empty_label="No target"
    )
    seen = forms.CharField(max_length=20, required=False)
    why = forms.CharField(max_length=500, required=False, label="Why")

    def __init__(self, *args: object, channel: Channel) -> None:
        super().__init__(*args)  # type: ignore[arg-type]
        self.fields["release"].queryset = verbs.releases_for(channel)  # type: ignore[attr-defined]


class Stuck(NamedTuple):
    """Nodes that would never get there, in words, with their list and the way out."""

    versions: str
    oem: str
    nodes: int
    url: str
    words: str
    change: str
    is_dead_end: bool


@require_safe
@needs(Permission.READ_FLEET)
def move(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what a new target would do to a channel's nodes, and ask whether to set it."""
    found = get(pk)
    releases = list(verbs.releases_for(found))
    context: dict[str, object] = {"channel": found, "releases": releases}
    if (wanted := request.GET.get("release", "")) != "":
        release = _chosen(wanted, releases)
        looked = preview(found, release, where(request, Permission.READ_FLEET))
        context |= _shown(looked, where(request, Permission.READ_FLEET))
    return render(request, "dashboard/channel_move.html", context)


def _chosen(wanted: str, releases: list[Release]) -> Release | None:
    if wanted == NO_TARGET:
        return None
    found = next((one for one in releases if str(one.pk) == wanted), None)
    if found is None:
        raise Http404
    return found


def _shown(found: Preview, reach: Reach) -> dict[str, object]:
    groups = [one.group.pk for one in found.groups]
    stuck = [_stuck(one, groups) for one in found.stranded]
    return {
        "preview": found,
        "is_chosen": True,
        "is_now": (found.release.pk if found.release else None) == found.channel.target_id,
        "is_limited": not reach.is_everywhere,
        "group_ids": groups,
        # Groups with nodes come first: they are what a target is about.
        "groups": sorted(found.groups, key=lambda one: -one.nodes),
        "stuck": stuck[:MOST_STRANDED],
        "more_stuck": max(len(stuck) - MOST_STRANDED, 0),
        "needed": [one for one in found.floors if one.nodes],
    }


def _stuck(one: Stranded, groups: list[int]) -> Stuck:
    versions = sorted(one.versions, key=lambda text: (sort_key(text), text), reverse=True)
    more = len(versions) - _VERSIONS_NAMED
    named = ", ".join(text or "unknown" for text in versions[:_VERSIONS_NAMED])
    return Stuck(
        f"{named} and {more} more" if more > 0 else named,
        one.oem,
        one.versions.total(),
        # No list tells these nodes from others of their versions.
        "" if one.lacks else nodes_url(group=groups, version=versions, oem=one.oem),
        sentence(one.reason),
        change(one.reason).words,
        one.reason.why is Why.DEAD_END,
    )


@require_POST
@needs(Permission.CHANGE_FLEET)
def set_target(request: HttpRequest, pk: int) -> HttpResponse:
    """Set, or take away, a channel's target."""
    found = get(pk)
    form = TargetForm(request.POST, channel=found)
    if not form.is_valid():
        complain(request, form)
        return redirect("dashboard:channel", pk)
    release, why, by = form.cleaned_data["release"], form.cleaned_data["why"], operator(request)

    def change_it() -> None:
        # What was looked at says which target that was; other forms do not.
        if "seen" in request.POST and form.cleaned_data["seen"] != str(found.target_id or ""):
            raise verbs.CannotTarget(
                f"The target of {found} was changed by someone else meanwhile: look again."
            )
        if release:
            verbs.set_target(found, release, by=by, why=why)
        else:
            verbs.clear_target(found, by=by, why=why)

    done = f"{found} has no target, so its groups hear of no update."
    if release:
        done = f"{found} aims at {release.version}."
    act(request, change_it, done=done)
    return redirect("dashboard:channel", pk)
