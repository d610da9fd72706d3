"""What operators do to a node from its page."""

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from oemupdates.dashboard.frame.acting import act, complain, needs, operator, require, where
from oemupdates.domain.access import Permission
from oemupdates.models import Group, Node
from oemupdates.services.nodes import labels, nodes


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


class MoveForm(HoldForm):
    """To which group a node is moved, why, and until when."""

    group = forms.ModelChoiceField(queryset=Group.objects.none(), label="Group")

    def __init__(self, data: QueryDict, groups: QuerySet[Group]) -> None:
        super().__init__(data)
        self.fields["group"].queryset = groups  # type: ignore[attr-defined]  # a choice of rows


def homes(request: HttpRequest, node: Node) -> QuerySet[Group]:
    """The groups into which whoever is logged in may move a node."""
    reach = where(request, Permission.OPERATE_NODES)
    if not reach.covers(node.group_id):
        return Group.objects.none()
    groups = Group.objects.within(reach).exclude(pk=node.moved_to_id or node.group_id or 0)
    if node.architecture:
        groups = groups.filter(architecture=node.architecture)
    if node.group is not None:
        groups = groups.filter(application=node.group.application_id)
    return groups.order_by("name", "pk")


@require_POST
@needs(Permission.OPERATE_NODES)
def move(request: HttpRequest, pk: int) -> HttpResponse:
    """Put a node into another group."""
    node = _operated(request, pk)
    form = MoveForm(request.POST, homes(request, node))
    if form.is_valid():
        said = form.cleaned_data
        act(
            request,
            lambda: nodes.move(
                node,
                said["group"],
                by=operator(request),
                because=said["because"],
                until=said["until"],
            ),
            done=f"{node} belongs to {said['group']} now. Move it back to undo that.",
        )
    else:
        complain(request, form)
    return redirect("dashboard:node", pk)


@require_POST
@needs(Permission.OPERATE_NODES)
def move_back(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a node's track say again where it belongs."""
    node = _operated(request, pk)
    done = act(
        request,
        lambda: nodes.move_back(node, by=operator(request), why=_why(request)),
        done=f"{node} is where its track says.",
    )
    # Its track may lead out of what this person sees.
    if done and not where(request, Permission.READ_FLEET).covers(_group_of(pk)):
        return redirect("dashboard:nodes")
    return redirect("dashboard:node", pk)


@require_POST
@needs(Permission.OPERATE_NODES)
def label(request: HttpRequest, pk: int) -> HttpResponse:
    """Write a label on a node."""
    node = _operated(request, pk)
    text = request.POST.get("label", "").strip()
    act(
        request,
        lambda: labels.label(node, text, by=operator(request), why=_why(request)),
        done=f"{node} carries {text}.",
    )
    return redirect("dashboard:node", pk)


@require_POST
@needs(Permission.OPERATE_NODES)
def unlabel(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a label off a node."""
    node = _operated(request, pk)
    key = request.POST.get("key", "")
    act(
        request,
        lambda: labels.unlabel(node, key, by=operator(request), why=_why(request)),
        done=f"{node} carries {key} no more.",
    )
    return redirect("dashboard:node", pk)


def _group_of(pk: int) -> int | None:
    return Node.objects.values_list("group_id", flat=True).get(pk=pk)


def _why(request: HttpRequest) -> str:
    return request.POST.get("why", "")


def _operated(request: HttpRequest, pk: int) -> Node:
    node = get_object_or_404(Node, pk=pk)
    require(request, Permission.OPERATE_NODES, group=node.group_id)
    return node
