"""How to start: three steps, and a line that turns green at the first check-in."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import conditional_page, require_safe

from oemupdates.dashboard.frame import arrivals, demo
from oemupdates.dashboard.frame.acting import needs, where
from oemupdates.dashboard.frame.connecting import secret_for
from oemupdates.domain.access import Permission
from oemupdates.models import Channel, Group

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
        "arrival": arrivals.of_fleet(reach),
        **demo.shown(request),
    }
    return render(request, "dashboard/start.html", context)


@require_safe
@conditional_page
@needs(Permission.READ_FLEET)
def arrived(request: HttpRequest) -> HttpResponse:
    """Show the line alone, for the page that waits."""
    arrival = arrivals.of_fleet(where(request, Permission.READ_FLEET))
    return render(request, "dashboard/_arrived.html", {"arrival": arrival})
