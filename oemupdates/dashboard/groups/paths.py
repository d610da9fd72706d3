"""Paths: from every version that nodes run, the way to their channel's target."""

from collections import Counter, defaultdict
from collections.abc import Mapping

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from oemupdates.dashboard.frame.acting import needs, where
from oemupdates.dashboard.groups import path_drawing
from oemupdates.domain.access import Permission
from oemupdates.models import Channel, Group, NodeCount
from oemupdates.services.groups.ways import walk

# What is said of a version that is on the way to nowhere, beyond these many.
MOST_STRANDED = 30


@require_safe
@needs(Permission.READ_FLEET)
def paths(request: HttpRequest) -> HttpResponse:
    """Show the ways of one channel's nodes: those without one first, then the picture."""
    reach = where(request, Permission.READ_FLEET)
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for pk, channel_id in Group.objects.within(reach).values_list("pk", "channel_id"):
        groups[channel_id].append(pk)
    channels = list(Channel.objects.filter(pk__in=[key for key in groups if key]))
    nodes = Counter(dict(NodeCount.objects.within(reach).by("group")))
    sizes = {one.pk: sum(nodes[group] for group in groups[one.pk]) for one in channels}
    channel = _chosen(request, channels, sizes)
    context: dict[str, object] = {
        "channels": [(one, sizes[one.pk]) for one in channels if sizes[one.pk] or one == channel],
        "channel": channel,
    }
    if channel is not None:
        context |= _walked(groups[channel.pk])
    return render(request, "dashboard/paths.html", context)


def _chosen(
    request: HttpRequest, channels: list[Channel], sizes: Mapping[int, int]
) -> Channel | None:
    """The channel of the URL, or else the one with the most nodes."""
    wanted = request.GET.get("channel", "")
    if wanted:
        found = next((one for one in channels if str(one.pk) == wanted), None)
        if found is None:
            raise Http404
        return found
    return max(channels, key=lambda one: sizes[one.pk], default=None)


def _walked(group_keys: list[int]) -> dict[str, object]:
    """The ways of the nodes of some groups that follow one channel, as they are shown."""
    found = walk(group_keys)
    return {
        "group_ids": group_keys,
        "stranded": found.stranded[:MOST_STRANDED],
        "more_stranded": max(len(found.stranded) - MOST_STRANDED, 0),
        "stranded_nodes": sum(stop.stranded for stop in found.stops),
        "stops": found.stops,
        "picture": path_drawing.draw(found.stops[::-1], group_keys),
    }
