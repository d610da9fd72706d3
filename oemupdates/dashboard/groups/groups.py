"""A group: where its nodes stand, what its policy says, and how nodes join it."""

import re
from collections import Counter
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from oemupdates.dashboard.activity.activity import row
from oemupdates.dashboard.frame import arrivals
from oemupdates.dashboard.frame.acting import act, needs, operator, require, where
from oemupdates.dashboard.frame.connecting import secret_for
from oemupdates.dashboard.frame.drift_chart import drift_chart
from oemupdates.dashboard.frame.shares import shares, version_chart
from oemupdates.dashboard.frame.tags import nodes_url
from oemupdates.dashboard.groups import group_components, uptake
from oemupdates.dashboard.groups.badges import shown_badge
from oemupdates.domain import policy_words, snippet
from oemupdates.domain.access import Permission, Reach
from oemupdates.domain.drift import count
from oemupdates.domain.drift_facts import Severity
from oemupdates.domain.drift_words import severity
from oemupdates.models import Activity, Group, Node, NodeCount, TrackAlias
from oemupdates.models.count_queries import FAILING, NodeCountQuerySet
from oemupdates.models.standing import standings
from oemupdates.services.counters import fleet
from oemupdates.services.groups import groups as verbs
from oemupdates.services.oem import node_files

_WRITERS = {"butane": (snippet.butane, "bu"), "ignition": (snippet.ignition, "ign")}
_NOT_PLAIN = re.compile(r"[^0-9A-Za-z._-]+")
LATEST_ACTIVITY = 10
HOLDS_SHOWN = 10


@require_safe
def group(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a group."""
    found = _seen(request, pk)
    aliases = list(TrackAlias.objects.filter(application=found.application_id, track=found.track))
    asked = arrivals.names(found, aliases)
    about = Activity.objects.filter(subject_kind="group", subject_id=pk)
    holds = list(Node.objects.held([pk]).order_by("-pk")[: HOLDS_SHOWN + 1])
    context = _now(found) | {
        "sentences": policy_words.sentences(found.policy),
        "aliases": aliases,
        "secret": secret_for(request, pk),
        "arrival": arrivals.of_group(found),
        "turned_away": arrivals.turned_away(request, found, asked),
        "astray": arrivals.astray(request, asked),
        "holds": holds[:HOLDS_SHOWN],
        "more_holds": len(holds) > HOLDS_SHOWN,
        "badge": shown_badge(found),
        **group_components.section(found),
        "uptake": uptake.rows(found, timezone.now()),
        "activities": [row(one) for one in about.select_related("actor")[:LATEST_ACTIVITY]],
    }
    return render(request, "dashboard/group.html", context)


@require_safe
def now(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what of a group changes, for those who watch it."""
    return render(request, "dashboard/_group_now.html", _now(_seen(request, pk)))


@require_safe
def arrived(request: HttpRequest, pk: int) -> HttpResponse:
    """Show whether nodes arrive, for the page that waits."""
    arrival = arrivals.of_group(_seen(request, pk))
    return render(request, "dashboard/_arrived.html", {"arrival": arrival})


@never_cache
@require_safe
def observer(request: HttpRequest, pk: int, kind: str) -> HttpResponse:
    """Give what makes a new node join the group and tell what it runs, as a file."""
    found = _seen(request, pk)
    write, ending = _WRITERS[kind]
    server = snippet.server(settings.FLEET_URL, secret_for(request, pk))
    response = HttpResponse(
        write(found.track, server, node_files.files(), node_files.units()),
        content_type="text/plain; charset=utf-8",
    )
    name = _NOT_PLAIN.sub("-", found.track)
    response["Content-Disposition"] = f'attachment; filename="{name}.{ending}"'
    return response


@require_POST
@needs(Permission.OPERATE_GROUPS)
def switch_updates(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch a group's updates on or off."""
    found = get_object_or_404(Group, pk=pk)
    require(request, Permission.OPERATE_GROUPS, group=pk)
    on = request.POST.get("on") == "1"
    act(
        request,
        lambda: verbs.switch_updates(
            found, on=on, by=operator(request), why=request.POST.get("why", "")
        ),
        done=f"Updates of {found} are {'on' if on else 'off'}.",
    )
    return redirect("dashboard:group", pk)


@require_POST
@needs(Permission.CHANGE_FLEET)
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a group away, once its name was typed."""
    found = get_object_or_404(Group, pk=pk)
    require(request, Permission.CHANGE_FLEET)
    if request.POST.get("confirmed", "") != found.name:
        messages.error(request, f"{found} stays: its name was not typed to confirm.")
        return redirect("dashboard:group", pk)
    why = request.POST.get("why", "")
    if act(
        request,
        lambda: verbs.delete(found, by=operator(request), why=why),
        done=f"{found} is taken away.",
    ):
        return redirect(reverse("dashboard:groups"))
    return redirect("dashboard:group", pk)


def _seen(request: HttpRequest, pk: int) -> Group:
    if not where(request, Permission.READ_FLEET).covers(pk):
        raise Http404
    return get_object_or_404(Group.objects.select_related("channel__target", "application"), pk=pk)


def _drifts(cells: NodeCountQuerySet[NodeCount], found: Group) -> list[tuple[str, int, str]]:
    """The classes of drift of a group's nodes that say something, the worst first."""
    sums = count(cells.by("drift"))
    told = [drift for drift in sums if drift and severity(drift) >= Severity.WARN]
    worst_first = sorted(told, key=lambda drift: (-severity(drift), -sums[drift]))
    return [(drift, sums[drift], nodes_url(group=found.pk, drift=drift)) for drift in worst_first]


def _now(found: Group) -> dict[str, Any]:
    """Where the nodes of a group stand, and what they run: from the counters and samples."""
    cells = NodeCount.objects.of({"group": [found.pk]})
    versions: Counter[str] = Counter(dict(cells.by("version")))
    reach = Reach(is_everywhere=False, groups=frozenset({found.pk}))
    target = found.target_version
    return {
        "group": found,
        "target": target,
        "fleet": fleet.of_sums(cells.by("group", "state", "is_dark")),
        "failing": FAILING,
        "drifts": _drifts(cells, found),
        "drift_chart": drift_chart(reach, timezone.now(), cells, group=found.pk),
        "standings": standings({found.pk: target})[found.pk],
        "versions": shares(versions, target=target, group=found.pk),
        "chart": version_chart(reach, timezone.now(), versions, group=found.pk),
    }
