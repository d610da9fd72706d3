"""Security: known holes in what nodes run, who has them, and what clears them."""

import json
from typing import Any, NamedTuple

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from oemupdates.dashboard.frame.acting import act, needs, operator, require, where
from oemupdates.dashboard.oem.exposure_charts import chart_of, chart_of_worst
from oemupdates.domain.access import Permission
from oemupdates.domain.exposure import Image, Verdict
from oemupdates.models import Advisory, Group
from oemupdates.services.security import advisories, exposure, exposure_days
from oemupdates.services.security.exposure import Exposed
from oemupdates.services.security.exposure_days import Days

BAD_REQUEST = 400
_MOST_CHARACTERS = 200_000
ASK_OR_DO = ["GET", "HEAD", "POST"]


class Row(NamedTuple):
    """One advisory of the list; `days` is None for who may not see the whole fleet's."""

    exposed: Exposed
    days: Days | None


class GroupRow(NamedTuple):
    """A group with exposed nodes, or some of which nobody can say.

    The verdict is on what its channel offers to the exposed.
    """

    group: Group
    nodes: int
    unknown: int
    target: str
    verdict: Verdict


class AdvisoryForm(forms.Form):
    """An advisory as osv.dev writes it."""

    advisory = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 16, "spellcheck": "false"}),
        max_length=_MOST_CHARACTERS,
        label="The advisory, in JSON",
        help_text="In the format of osv.dev, about packages of the ecosystem Gentoo.",
    )
    why = forms.CharField(max_length=500, required=False, label="Why")

    def clean_advisory(self) -> Any:
        """Read what was pasted."""
        try:
            return json.loads(self.cleaned_data["advisory"])
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(f"This is no JSON: {str(error)[:200]}") from error


@require_safe
@needs(Permission.READ_FLEET)
def security(request: HttpRequest) -> HttpResponse:
    """List the advisories, those first that most nodes have."""
    reach = where(request, Permission.READ_FLEET)
    found = exposure.look(reach)
    counted = exposure_days.days([one.row.pk for one in found], reach)
    rows = [Row(one, counted[one.row.pk] if counted else None) for one in found]
    context = {
        "rows": rows,
        "is_limited": counted is None,
        "chart": chart_of_worst(reach, timezone.now().date()),
        "open": sum(1 for row in rows if row.exposed.nodes),
        "unsure": sum(1 for row in rows if row.exposed.unknown_nodes and not row.exposed.nodes),
    }
    return render(request, "dashboard/security.html", context)


@require_safe
@needs(Permission.READ_FLEET)
def advisory(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one advisory: the images that have the hole, the groups, and what clears them."""
    row = get_object_or_404(Advisory, pk=pk)
    reach = where(request, Permission.READ_FLEET)
    looked = exposure.look(reach, only=row)
    found = looked[0] if looked else None
    counted = exposure_days.days([row.pk], reach)
    history = exposure_days.history(row, reach)
    context = {
        "advisory": row,
        "exposed": found,
        "places": [place for place in found.places if place.nodes] if found else [],
        "idle": sum(1 for place in found.places if not place.nodes) if found else 0,
        "groups": _groups(found) if found else [],
        "days": counted[row.pk] if counted else None,
        "chart": chart_of(row, history) if history else None,
    }
    return render(request, "dashboard/advisory.html", context)


def _groups(found: Exposed) -> list[GroupRow]:
    keys = {*found.groups, *found.unknown_groups}
    rows = []
    for key, group in Group.objects.select_related("channel__target").in_bulk(keys).items():
        target = group.channel.target if group.channel else None
        version = target.version if target else ""
        nodes, unknown = found.groups[key], found.unknown_groups[key]
        rows.append(GroupRow(group, nodes, unknown, version, _offered(found, key, version)))
    return sorted(rows, key=lambda row: (-row.nodes, -row.unknown, str(row.group)))


def _offered(found: Exposed, group: int, version: str) -> Verdict:
    """What can be said of the images that a group's exposed nodes would come to."""
    images = {place.image for place in found.places if place.groups.get(group)}
    verdicts = {found.verdict(Image(one.oem, version, one.architecture)) for one in images}
    for verdict in (Verdict.EXPOSED, Verdict.UNKNOWN):
        if verdict in verdicts:
            return verdict
    return Verdict.CLEAR


@require_http_methods(ASK_OR_DO)
@needs(Permission.CHANGE_FLEET)
def add(request: HttpRequest) -> HttpResponse:
    """Take an advisory of the operators' own."""
    require(request, Permission.CHANGE_FLEET)
    form = AdvisoryForm(request.POST or None)
    if form.is_bound and form.is_valid():
        said = form.cleaned_data
        if act(
            request,
            lambda: advisories.take(said["advisory"], by=operator(request), why=said["why"]),
            done="The advisory is taken; nodes are held against it at once.",
        ):
            return redirect("dashboard:security")
    status = BAD_REQUEST if form.is_bound else None
    return render(request, "dashboard/advisory_new.html", {"form": form}, status=status)


@require_POST
@needs(Permission.CHANGE_FLEET)
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget an advisory of the operators' own."""
    require(request, Permission.CHANGE_FLEET)
    row = get_object_or_404(Advisory, pk=pk)
    why = request.POST.get("why", "")
    done = act(
        request,
        lambda: advisories.remove(row, by=operator(request), why=why),
        done=f"{row} is forgotten.",
    )
    return redirect("dashboard:security") if done else redirect("dashboard:security_advisory", pk)
