"""What nodes of a group are given so that they fetch its components, to be pasted."""

from typing import Any, NamedTuple

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from oemupdates.dashboard.frame.acting import where
from oemupdates.domain import transfer
from oemupdates.domain.access import Permission
from oemupdates.domain.snippet import NodeFile
from oemupdates.models import Group
from oemupdates.services.components import component_wants, list_keys


class Fetched(NamedTuple):
    """A component: the files of a node that runs, and the command that begins with them."""

    name: str
    files: list[NodeFile]
    command: str


@require_safe
def files(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the files, for new nodes and for those that run."""
    if not where(request, Permission.READ_FLEET).covers(pk):
        raise Http404
    found = get_object_or_404(Group, pk=pk)
    context: dict[str, Any] = {"group": found, "keyring": transfer.KEYRING}
    try:
        source = component_wants.source(found)
    except list_keys.NoListKey as problem:
        context["problem"] = problem
    else:
        names = list(found.component_wants.values_list("component__name", flat=True))
        context |= {
            "butane": transfer.butane(names, source) if names else "",
            "fetched": [_fetched(name, source) for name in names],
            "is_signed": bool(source.key),
        }
    return render(request, "dashboard/group_components.html", context)


def _fetched(name: str, source: transfer.Source) -> Fetched:
    units = transfer.units(name)
    return Fetched(
        name,
        [
            NodeFile(transfer.transfer_path(name), transfer.transfer(name, source)),
            *(NodeFile(f"/etc/systemd/system/{one.name}", one.text) for one in units),
        ],
        f"systemctl daemon-reload && systemctl enable --now {units[1].name}",
    )
