"""What operators do to a node from its page."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from oemupdates.dashboard.acting import act, complain, needs, operator, require
from oemupdates.domain.access import Permission
from oemupdates.models import Node
from oemupdates.services import nodes


class HoldForm(forms.Form):
    """Why a node is held, and until when; times are UTC."""

    because = forms.CharField(max_length=500, label="Why")
    until = forms.DateTimeField(
        required=False, label="Until", input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"]
    )


@require_POST
@needs(Permission.OPERATE_NODES)
def hold(request: HttpRequest, pk: int) -> HttpResponse:
    """Withhold every update from a node."""
    node = _operated(request, pk)
    form = HoldForm(request.POST)
    if form.is_valid():
        because, until = form.cleaned_data["because"], form.cleaned_data["until"]
        act(
            request,
            lambda: nodes.hold(node, by=operator(request), because=because, until=until),
            done=f"{node} is held. It hears of it at its next check-in.",
        )
    else:
        complain(request, form)
    return redirect("dashboard:node", pk)


@require_POST
@needs(Permission.OPERATE_NODES)
def release(request: HttpRequest, pk: int) -> HttpResponse:
    """Take the hold off a node."""
    node = _operated(request, pk)
    act(
        request,
        lambda: nodes.release_hold(node, by=operator(request), why=_why(request)),
        done=f"The hold of {node} is released.",
    )
    return redirect("dashboard:node", pk)


@require_POST
@needs(Permission.OPERATE_NODES)
def rename(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a node a name of the operators' own."""
    node = _operated(request, pk)
    name = request.POST.get("name", "")
    act(
        request,
        lambda: nodes.rename(node, by=operator(request), name=name),
        done=f"The node is called {name.strip()}." if name.strip() else "The name is taken away.",
    )
    return redirect("dashboard:node", pk)


@require_POST
@needs(Permission.OPERATE_NODES)
def archive(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a node away."""
    node = _operated(request, pk)
    act(
        request,
        lambda: nodes.archive(node, by=operator(request), why=_why(request)),
        done=f"{node} is archived. Its next check-in brings it back.",
    )
    return redirect("dashboard:node", pk)


@require_POST
@needs(Permission.OPERATE_NODES)
def unarchive(request: HttpRequest, pk: int) -> HttpResponse:
    """Bring an archived node back."""
    node = _operated(request, pk)
    act(
        request,
        lambda: nodes.unarchive(node, by=operator(request), why=_why(request)),
        done=f"{node} is back in the lists.",
    )
    return redirect("dashboard:node", pk)


@require_POST
@needs(Permission.OPERATE_NODES)
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget what stands against a node."""
    node = _operated(request, pk)
    act(
        request,
        lambda: nodes.retry(node, by=operator(request), why=_why(request)),
        done=f"The failures of {node} are forgotten. Its next check-in is decided anew.",
    )
    return redirect("dashboard:node", pk)


def _why(request: HttpRequest) -> str:
    return request.POST.get("why", "")


def _operated(request: HttpRequest, pk: int) -> Node:
    node = get_object_or_404(Node, pk=pk)
    require(request, Permission.OPERATE_NODES, group=node.group_id)
    return node
