"""The OEM catalogue: what every OEM brings, who carries it, and how operators correct it."""

from collections import Counter
from datetime import timedelta
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from oemupdates.dashboard.frame.acting import act, needs, operator, require, where
from oemupdates.dashboard.frame.drift_chart import drift_chart
from oemupdates.dashboard.oem.oem_form import OemForm
from oemupdates.dashboard.oem.oem_matrix import matrix
from oemupdates.domain.access import Permission
from oemupdates.domain.oem import NO_OEM
from oemupdates.domain.oem_seen import Seen
from oemupdates.models import DownloadCount, NodeCount, Oem, OemProposal
from oemupdates.models.cells import read_cells
from oemupdates.services.oem import catalogue as verbs
from oemupdates.services.oem import oem_cells, oem_proposals

BAD_REQUEST = 400
BOOT_DAYS, MOST_BOOTS = 30, 20
ASK_OR_DO = ["GET", "HEAD", "POST"]


class Row(NamedTuple):
    """One OEM or extension, its nodes, and in which releases its payload was seen."""

    oem: Oem
    nodes: int
    seen: Seen | None = None

    @property
    def brings(self) -> str:
        """What its sysext brings to a node, in words."""
        if not self.oem.alpha_since:
            return "Legacy partition files: it never came as a sysext"
        if self.oem.kind == Oem.Kind.EXTENSION:
            return "An official extension, for nodes that switch it on"
        return self.oem.tools or "Configuration only, no agent in this OEM"


class Shown(NamedTuple):
    """A proposal for the catalogue, and in words what it would say."""

    row: OemProposal

    @property
    def words(self) -> list[str]:
        """What would change, a phrase a field."""
        changes = self.row.changes
        return [
            phrase.format(value=changes[name] or "never")
            for name, phrase in _CHANGES.items()
            if name in changes
        ]


_CHANGES = {
    "architectures": "it is for {value}",
    "alpha_since": "its first version with a sysext is {value}",
    "stable_since": "its first Stable with a sysext is {value}",
    "dropped_in": "its first version without it is {value}",
}


@require_safe
@needs(Permission.READ_FLEET)
def catalogue(request: HttpRequest) -> HttpResponse:
    """Show every OEM and extension, what it brings, and how many nodes carry it."""
    reach = where(request, Permission.READ_FLEET)
    cells = read_cells(also=oem_cells.COLUMNS).within(reach)
    month_ago = timezone.now().date() - timedelta(days=BOOT_DAYS)
    nodes: Counter[str] = Counter(dict(cells.by("oem")))
    rows = list(Oem.objects.all())
    seen = oem_proposals.seen_in_releases()
    oems = [
        Row(row, nodes.pop(row.oem_id, 0), seen.get(row.oem_id))
        for row in rows
        if row.kind == Oem.Kind.OEM
    ]
    context = {
        "matrix": matrix(cells),
        "boots": DownloadCount.objects.boots(month_ago)[:MOST_BOOTS]
        if reach.is_everywhere
        else [],
        "chart": drift_chart(reach, timezone.now(), cells),
        "proposals": [Shown(row) for row in OemProposal.objects.filter(state="open")],
        "oems": sorted(oems, key=lambda row: (-row.nodes, row.oem.oem_id)),
        "extensions": [Row(row, 0) for row in rows if row.kind == Oem.Kind.EXTENSION],
        "unknown": [
            (oem, many) for oem, many in nodes.most_common() if oem not in NO_OEM and many
        ],
        "without": sum(nodes[oem] for oem in NO_OEM),
    }
    return render(request, "dashboard/oem.html", context)


@require_POST
@needs(Permission.CHANGE_FLEET)
def accept(request: HttpRequest, pk: int) -> HttpResponse:
    """Let the catalogue say what releases show of an OEM."""
    require(request, Permission.CHANGE_FLEET)
    row = get_object_or_404(OemProposal, pk=pk)
    act(
        request,
        lambda: oem_proposals.accept(row, by=operator(request)),
        done=f"The catalogue says so of {row}.",
    )
    return redirect("dashboard:oem")


@require_POST
@needs(Permission.CHANGE_FLEET)
def dismiss(request: HttpRequest, pk: int) -> HttpResponse:
    """Leave the catalogue as it is."""
    require(request, Permission.CHANGE_FLEET)
    row = get_object_or_404(OemProposal, pk=pk)
    act(
        request,
        lambda: oem_proposals.dismiss(row, by=operator(request)),
        done=f"The catalogue stays as it is of {row}.",
    )
    return redirect("dashboard:oem")


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
    context: dict[str, Any] = {"form": form, "oem": row}
    if row is not None:
        context["brings"] = Row(row, 0).brings
    if row is not None and row.kind == Oem.Kind.OEM:
        reach = where(request, Permission.READ_FLEET)
        cells = NodeCount.objects.within(reach).of({"oem": [row.oem_id]})
        context["chart"] = drift_chart(reach, timezone.now(), cells, oem=row.oem_id)
        context["nodes"] = cells.total()
    status = BAD_REQUEST if form.is_bound else None
    return render(request, "dashboard/oem_form.html", context, status=status)
