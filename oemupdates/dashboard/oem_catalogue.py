"""The OEM catalogue: what every OEM brings, who carries it, and how operators correct it."""

from collections import Counter
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from oemupdates.dashboard.acting import act, needs, operator, require, where
from oemupdates.dashboard.drift_chart import drift_chart
from oemupdates.dashboard.oem_form import OemForm
from oemupdates.dashboard.oem_matrix import matrix
from oemupdates.domain.access import Permission
from oemupdates.domain.oem import NO_OEM
from oemupdates.models import NodeCount, Oem
from oemupdates.services import catalogue as verbs

BAD_REQUEST = 400
ASK_OR_DO = ["GET", "HEAD", "POST"]


class Row(NamedTuple):
    """One OEM or extension, and the nodes that carry it."""

    oem: Oem
    nodes: int

    @property
    def brings(self) -> str:
        """What its sysext brings to a node, in words."""
        if not self.oem.alpha_since:
            return "Legacy partition files: it never came as a sysext"
        if self.oem.kind == Oem.Kind.EXTENSION:
            return "An official extension, for nodes that switch it on"
        return self.oem.tools or "Configuration only, no agent in this OEM"


@require_safe
@needs(Permission.READ_FLEET)
def catalogue(request: HttpRequest) -> HttpResponse:
    """Show every OEM and extension, what it brings, and how many nodes carry it."""
    reach = where(request, Permission.READ_FLEET)
    cells = NodeCount.objects.within(reach)
    nodes: Counter[str] = Counter(dict(cells.by("oem")))
    rows = list(Oem.objects.all())
    oems = [Row(row, nodes.pop(row.oem_id, 0)) for row in rows if row.kind == Oem.Kind.OEM]
    context = {
        "matrix": matrix(cells),
        "chart": drift_chart(reach, timezone.now(), cells),
        "oems": sorted(oems, key=lambda row: (-row.nodes, row.oem.oem_id)),
        "extensions": [Row(row, 0) for row in rows if row.kind == Oem.Kind.EXTENSION],
        "unknown": [
            (oem, many) for oem, many in nodes.most_common() if oem not in NO_OEM and many
        ],
        "without": sum(nodes[oem] for oem in NO_OEM),
    }
    return render(request, "dashboard/oem.html", context)


@require_http_methods(ASK_OR_DO)
@needs(Permission.CHANGE_FLEET)
def add(request: HttpRequest) -> HttpResponse:
    """Add an OEM of the operators' own."""
    require(request, Permission.CHANGE_FLEET)
    form = OemForm(request.POST or None, initial={"oem_id": request.GET.get("id", "")[:64]})
    if form.is_bound and form.is_valid():
        said = form.cleaned_data
        if act(
            request,
            lambda: verbs.add(said["oem_id"], form.said(), by=operator(request), why=said["why"]),
            done=f"{said['oem_id']} is in the catalogue.",
        ):
            return redirect("dashboard:oem")
    return _form(request, form, None)


@require_http_methods(ASK_OR_DO)
@needs(Permission.READ_FLEET)
def change(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what the catalogue says of an OEM or extension, and correct it."""
    row = get_object_or_404(Oem, pk=pk)
    if request.method == "POST":
        require(request, Permission.CHANGE_FLEET)
    terms = verbs.terms_of(row)
    initial: dict[str, Any] = {field: getattr(terms, field) for field in terms.__slots__}
    initial["tools"] = row.tools
    form = OemForm(request.POST or None, initial=initial)
    del form.fields["oem_id"]
    if form.is_bound and form.is_valid():
        why = form.cleaned_data["why"]
        if act(
            request,
            lambda: verbs.change(row, form.said(), by=operator(request), why=why),
            done=f"The catalogue says so of {row}.",
        ):
            return redirect("dashboard:oem_change", pk)
    return _form(request, form, row)


@require_POST
@needs(Permission.CHANGE_FLEET)
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Take an OEM of the operators' own away."""
    require(request, Permission.CHANGE_FLEET)
    row = get_object_or_404(Oem, pk=pk)
    why = request.POST.get("why", "")
    done = act(
        request,
        lambda: verbs.remove(row, by=operator(request), why=why),
        done=f"{row} is no longer in the catalogue.",
    )
    return redirect("dashboard:oem") if done else redirect("dashboard:oem_change", pk)


def _form(request: HttpRequest, form: OemForm, row: Oem | None) -> HttpResponse:
    context = {"form": form, "oem": row, "brings": Row(row, 0).brings if row else ""}
    status = BAD_REQUEST if form.is_bound else None
    return render(request, "dashboard/oem_form.html", context, status=status)
