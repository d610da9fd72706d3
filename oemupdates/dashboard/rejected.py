"""Rejected requests: what the update endpoint refused, why, and how to mend it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from oemupdates.dashboard import paging, words
from oemupdates.dashboard.acting import needs
from oemupdates.domain.access import Permission
from oemupdates.models import RejectedRequest

BAD_REQUEST = 400


@require_safe
@needs(Permission.READ_RAW)
def rejected(request: HttpRequest) -> HttpResponse:
    """Show a page of what was refused, of one reason or source if the URL says so."""
    found = RejectedRequest.objects.all()
    chosen = {name: request.GET.get(name, "").replace("\x00", "") for name in ("reason", "source")}
    for name, value in chosen.items():
        if value:
            found = found.filter(**{name: value})
    page: paging.Page[RejectedRequest] = paging.Page([])
    status = None
    try:
        page = paging.by_time(found, "last_at", request.GET.get("after", ""))
    except paging.BadToken as damaged:
        messages.error(request, str(damaged))
        status = BAD_REQUEST
    context = {
        "page": page,
        "rows": [(row, words.rejected(row.reason)) for row in page.rows],
        "chosen": chosen,
    }
    return render(request, "dashboard/rejected.html", context, status=status)
