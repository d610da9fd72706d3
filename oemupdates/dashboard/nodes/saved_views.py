"""Saved views of the node list: one's own, and those that others share."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_POST, require_safe

from oemupdates.dashboard.frame.acting import act, needs, operator
from oemupdates.domain.access import Permission
from oemupdates.domain.query import BadQuery
from oemupdates.models import SavedView
from oemupdates.services.finding import saved_views


@require_safe
@needs(Permission.READ_FLEET)
def views(request: HttpRequest) -> HttpResponse:
    """Show the views that somebody may open, and keep the query that they come with."""
    mine = operator(request)
    shown = list(SavedView.objects.all().shown_to(mine))
    context = {
        "mine": [view for view in shown if view.owner_id == mine.pk],
        "shared": [view for view in shown if view.owner_id != mine.pk],
        "query": request.GET.get("q", ""),
    }
    return render(request, "dashboard/views.html", context)


@require_POST
@needs(Permission.READ_FLEET)
def save(request: HttpRequest) -> HttpResponse:
    """Keep a query by name."""
    query, name = request.POST.get("q", ""), request.POST.get("name", "")

    def keep() -> None:
        try:
            is_shared = "is_shared" in request.POST
            saved_views.save(query, by=operator(request), name=name, is_shared=is_shared)
        except BadQuery as bad:
            raise saved_views.CannotSave(str(bad)) from bad

    if act(request, keep, done=f"The view {name.strip()} is kept."):
        return redirect(f"{reverse('dashboard:nodes')}?{urlencode({'q': query})}")
    return redirect(f"{reverse('dashboard:views')}?{urlencode({'q': query})}")


@require_POST
@needs(Permission.READ_FLEET)
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Rename a view of one's own, share it, or open the list with it."""
    view = _shown(request, pk)
    act(
        request,
        lambda: saved_views.edit(
            view,
            by=operator(request),
            name=request.POST.get("name", ""),
            is_shared="is_shared" in request.POST,
            is_default="is_default" in request.POST,
        ),
        done="The view is changed.",
    )
    return redirect("dashboard:views")


@require_POST
@needs(Permission.READ_FLEET)
def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget a view of one's own."""
    view = _shown(request, pk)
    mine = operator(request)
    act(request, lambda: saved_views.delete(view, by=mine), done=f"The view {view} is deleted.")
    return redirect("dashboard:views")


def _shown(request: HttpRequest, pk: int) -> SavedView:
    """A view that somebody may open; that it is theirs to change is the service's to say."""
    return get_object_or_404(SavedView.objects.all().shown_to(operator(request)), pk=pk)
