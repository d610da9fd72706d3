"""How to start: three steps, and a line that turns green at the first check-in."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from oemupdates.dashboard.acting import needs, where
from oemupdates.dashboard.connecting import secret_for
from oemupdates.domain.access import Permission, Reach
from oemupdates.models import Channel, Group, Node, RejectedRequest

# The track of the snippet, unless whoever looks has another one.
USUAL = "stable"
TRACKS_READ = 100


def start(request: HttpRequest) -> HttpResponse:
    """Show somebody who sees no node how the first one comes."""
    reach = where(request, Permission.READ_FLEET)
    tracks = list(Group.objects.within(reach).values_list("track", flat=True)[:TRACKS_READ])
    context = {
        "secret": secret_for(request),
        "has_target": Channel.objects.exclude(target=None).exists(),
        "track": USUAL if USUAL in tracks or not tracks else tracks[0],
        **_arrived(reach),
    }
    return render(request, "dashboard/start.html", context)


@require_safe
@needs(Permission.READ_FLEET)
def arrived(request: HttpRequest) -> HttpResponse:
    """Show the line alone, for the page that waits."""
    reach = where(request, Permission.READ_FLEET)
    return render(request, "dashboard/_arrived.html", _arrived(reach))


def _arrived(reach: Reach) -> dict[str, object]:
    """The first node that came, or what was rejected meanwhile."""
    nodes = Node.objects.listed().order_by("pk")
    if not reach.is_everywhere:
        nodes = nodes.filter(group__in=reach.groups)
    return {
        "first": nodes.first(),
        "rejected": RejectedRequest.objects.order_by("-last_at").first()
        if reach.is_everywhere
        else None,
    }
