"""Admin > Retention: what is kept for how long, how much of it there is, and changing that."""

from typing import NamedTuple

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from oemupdates.dashboard.frame import words
from oemupdates.dashboard.frame.acting import act, complain, needs, operator
from oemupdates.dashboard.frame.proving import proven
from oemupdates.domain.access import Permission
from oemupdates.services.server import history
from oemupdates.services.server import retention as verbs
from oemupdates.services.server.retention import Kind


class DaysForm(forms.Form):
    """For how many days something is kept, and why that is changed."""

    days = forms.IntegerField(min_value=1, max_value=36_500, label="Days")
    why = forms.CharField(max_length=500, required=False)


class Row(NamedTuple):
    """One kind of thing that is kept, in words."""

    kept: verbs.Kept
    words: words.Retention


@require_safe
@needs(Permission.READ_SECURITY)
def retention(request: HttpRequest) -> HttpResponse:
    """Show what is kept for how long, and how much of it there is."""
    context = {
        "rows": [Row(one, words.RETENTION[one.kind]) for one in verbs.kept()],
        "next_at": verbs.next_cleaning(timezone.now()),
        "most_rejected": history.REJECTED_ROWS,
    }
    return render(request, "dashboard/retention.html", context)


@require_POST
@needs(Permission.ADMINISTER)
@proven
def change(request: HttpRequest, kind: str) -> HttpResponse:
    """Keep something longer, or, if its name was typed, shorter."""
    if kind not in set(Kind):
        raise Http404
    by, form, label = operator(request), DaysForm(request.POST), words.RETENTION[kind].label
    if not form.is_valid():
        complain(request, form)
    elif request.POST.get("confirmed") != label:
        messages.error(request, f"Nothing was changed: type {label} to confirm.")
    else:
        number, why = form.cleaned_data["days"], form.cleaned_data["why"]
        changed: list[verbs.Changed] = []
        act(
            request,
            lambda: changed.append(verbs.change(Kind(kind), number, by=by, why=why)),
            done=f"{label}: kept for {number} days.",
        )
        if changed and changed[0].deletes:
            rows = changed[0].deletes
            about = f"The next cleaning deletes about {rows:,} row{'s' * (rows != 1)}."
            messages.info(request, f"{about} Until then it can be changed back.")
    return redirect("dashboard:admin_retention")
