"""The demo fleet: loaded by one button on an empty server, and removed by another."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from oemupdates.dashboard.frame.acting import act, needs, operator, require, where
from oemupdates.domain.access import Permission
from oemupdates.models import DemoFleet, Node
from oemupdates.services.demo import demo as verbs


def shown(request: HttpRequest, *, has_nodes: bool = False) -> dict[str, Any]:
    """What the page says of the demo fleet; nothing to those who see some groups alone."""
    if not where(request, Permission.READ_FLEET).is_everywhere:
        return {}
    found = verbs.progress()
    is_admin = where(request, Permission.ADMINISTER).is_everywhere
    if found.state == verbs.NONE:
        may_load = is_admin and not has_nodes and not Node.objects.exists()
        return {"demo_may_load": may_load, "demo_nodes": found.nodes}
    may_remove = is_admin and found.state != DemoFleet.State.REMOVING
    return {"demo": found, "demo_nodes": found.nodes, "demo_may_remove": may_remove}


@require_safe
@needs(Permission.READ_FLEET)
def now(request: HttpRequest) -> HttpResponse:
    """Show how far the demo fleet is, for the page that waits."""
    return render(request, "dashboard/_demo.html", shown(request))


@require_POST
def load(request: HttpRequest) -> HttpResponse:
    """Ask for the demo fleet, and go back to see it come."""
    require(request, Permission.ADMINISTER)
    by = operator(request)
    act(request, lambda: verbs.load(by=by), done="The demo fleet is on its way.")
    return redirect("dashboard:overview")


@require_POST
def remove(request: HttpRequest) -> HttpResponse:
    """Ask that the demo fleet goes, and go back to see it go."""
    require(request, Permission.ADMINISTER)
    by = operator(request)
    act(request, lambda: verbs.remove(by=by), done="The demo fleet is being removed.")
    return redirect("dashboard:overview")
