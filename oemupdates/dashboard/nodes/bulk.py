"""Changes of many nodes: planned with their numbers, begun, watched, stopped and taken back."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST, require_safe

from oemupdates.dashboard.frame import words
from oemupdates.dashboard.frame.acting import act, needs, operator, where
from oemupdates.dashboard.frame.facets import list_url
from oemupdates.domain.access import Permission, Reach
from oemupdates.domain.query import BadQuery, Query
from oemupdates.domain.query_reading import read
from oemupdates.models import BulkChange, Group, Label, Node
from oemupdates.models.node_queries import BadSearch
from oemupdates.services.finding.finding import find
from oemupdates.services.nodes import bulk, bulk_preview, bulk_work
from oemupdates.services.shared.activity import Refused

# From this number on it is typed, so that nobody changes a thousand nodes by a slip.
TYPED_FROM = 101
# How long a page waits for what it began; the clock goes on with the rest.
_AT_ONCE_SECONDS = 1.5
_SHOWN = 10
_LABELS = 200


class Refusal(NamedTuple):
    """Why nodes refused a change, how many, the first of them, and how many more there are."""

    words: str
    number: int
    nodes: list[Node]
    more: int


class Plan(NamedTuple):
    """What is to be done, to how many nodes, and the first of them."""

    verb: str
    keys: list[int] | None
    query: Query
    nodes: list[Node]
    number: int
    is_all_counted: bool = True

    @property
    def typed(self) -> str:
        """What must be typed before so many nodes are changed; nothing for a few."""
        return str(self.number) if self.number >= TYPED_FROM or not self.is_all_counted else ""


@require_safe
@needs(Permission.OPERATE_NODES)
def plan(request: HttpRequest) -> HttpResponse:
    """Say what would be done to which nodes, and ask for the rest."""
    try:
        planned = _plan(request, request.GET)
    except (Refused, BadQuery, BadSearch) as problem:
        messages.error(request, str(problem))
        return redirect("dashboard:nodes")
    reach = where(request, Permission.OPERATE_NODES)
    context = {
        "plan": planned,
        "verb": words.BULK[planned.verb],
        "verbs": words.BULK.items(),
        "takes": bulk.VERBS[planned.verb],
        "back": f"{reverse('dashboard:nodes')}{list_url(planned.query)}",
        "more": planned.number - len(planned.nodes),
        "groups": [group for group in Group.objects.all() if reach.covers(group.pk)],
        "labels": Label.objects.all().common(reach)[:_LABELS],
    }
    return render(request, "dashboard/bulk_plan.html", context)


@require_POST
@needs(Permission.OPERATE_NODES)
def start(request: HttpRequest) -> HttpResponse:
    """Begin a change of many nodes, and do as much of it as a page can wait for."""
    given = request.POST
    try:
        planned = _plan(request, given)
        expected = given.get("expected", "")
        if (planned.typed or int(expected or 0) >= TYPED_FROM) and (
            given.get("confirmed", "") != expected
        ):
            raise bulk.CannotStart("The number that was typed is not that of the nodes.")
        wanted = bulk.Wanted(
            planned.verb,
            why=given.get("why", ""),
            arguments=_arguments(planned.verb, given),
            keys=planned.keys,
            query=planned.query,
        )
        change = bulk.start(wanted, by=operator(request), expected=_expected(planned))
    except (Refused, BadQuery, BadSearch, ValueError) as problem:
        messages.error(request, str(problem))
        return redirect(f"{reverse('dashboard:bulk_plan')}?{_again(given)}")
    return _run(request, change, planned.query)


@require_safe
@needs(Permission.OPERATE_NODES)
def bulk_change(request: HttpRequest, pk: int) -> HttpResponse:
    """Show how far a change of many nodes has come."""
    change = _seen(request, pk)
    undone = BulkChange.objects.filter(undoes=change).first()
    is_over = change.state != BulkChange.State.RUNNING
    context = {
        "change": change,
        "verb": words.BULK[change.verb],
        "undone_by": undone,
        "can_undo": is_over
        and undone is None
        and change.done > 0
        and change.undoes_id is None
        and change.verb not in bulk.NOT_UNDONE,
        "refusals": _refusals(change, where(request, Permission.READ_FLEET)),
        "left": max((change.expected or 0) - change.done - change.refused, 0),
        "list_url": f"{reverse('dashboard:nodes')}{list_url(read(change.query))}",
    }
    return render(request, "dashboard/bulk.html", context)


@require_POST
@needs(Permission.OPERATE_NODES)
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """Begin to take a change back."""
    change = _seen(request, pk)
    try:
        taking = bulk.undo(change, by=operator(request))
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("dashboard:bulk", pk)
    return _run(request, taking, read(change.query))


@require_POST
@needs(Permission.OPERATE_NODES)
def stop(request: HttpRequest, pk: int) -> HttpResponse:
    """End a change where it is."""
    change = _seen(request, pk)
    act(request, lambda: bulk.stop(change, by=operator(request)), done="It is stopped.")
    return redirect("dashboard:bulk", pk)


def _seen(request: HttpRequest, pk: int) -> BulkChange:
    reach = where(request, Permission.READ_FLEET)
    return get_object_or_404(BulkChange.objects.all().shown_to(operator(request), reach), pk=pk)


def _refusals(change: BulkChange, reach: Reach) -> list[Refusal]:
    """Why nodes refused, the most of them first; those by name that whoever looks may see."""
    keys = {key for some in change.refused_nodes.values() for key in some}
    nodes = {node.pk: node for node in Node.objects.filter(pk__in=keys)}
    found = []
    for words_, number in sorted(change.refusals.items(), key=lambda one: -one[1]):
        some = [nodes[key] for key in change.refused_nodes.get(words_, []) if key in nodes]
        seen = [node for node in some if reach.covers(node.group_id)]
        found.append(Refusal(words_, number, seen, number - len(seen)))
    return found


def _run(request: HttpRequest, change: BulkChange, query: Query) -> HttpResponse:
    change = bulk_work.advance(change, seconds=_AT_ONCE_SECONDS)
    where_to = reverse("dashboard:bulk", args=[change.pk])
    if change.state != BulkChange.State.DONE or change.refused:
        return redirect(where_to)
    number = f"{change.done:,} {'node is' if change.done == 1 else 'nodes are'}"
    done = "as before" if change.undoes_id else words.BULK[change.verb].done
    messages.success(
        request,
        format_html('{} {}. <a href="{}">See or undo</a>', number, done, where_to),
    )
    return redirect(f"{reverse('dashboard:nodes')}{list_url(query)}")


def _plan(request: HttpRequest, given: Mapping[str, Any]) -> Plan:
    lists = request.GET if request.method == "GET" else request.POST
    verb = str(given.get("verb", "hold"))
    if verb not in bulk.VERBS:
        raise bulk.CannotStart(f"Nothing like {verb!r} can be done to many nodes.")
    reach = where(request, Permission.OPERATE_NODES)
    query = read(str(given.get("q", "")))
    if "all" in given:
        found = find(query, reach, now=timezone.now())
        number, is_all = bulk_preview.count(found)
        return Plan(verb, None, query, found.page(size=_SHOWN).rows, number, is_all)
    texts = lists.getlist("key")[: bulk.MOST_KEYS]
    keys = [int(text) for text in texts if text.isascii() and text.isdigit()]
    rows = Node.objects.filter(pk__in=keys).select_related("group").order_by("-pk")
    nodes = [node for node in rows if reach.covers(node.group_id)]
    if not nodes:
        raise bulk.CannotStart("Pick the nodes first, or all that match.")
    return Plan(verb, [node.pk for node in nodes], query, nodes[:_SHOWN], len(nodes))


def _arguments(verb: str, given: Mapping[str, Any]) -> dict[str, str]:
    """What a verb is told; a label's key is not called as the keys of the picked nodes are."""
    said = {
        name: given.get("key_of_label" if name == "key" else name) for name in bulk.VERBS[verb]
    }
    return {name: str(value) for name, value in said.items() if value}


def _expected(planned: Plan) -> int | None:
    return planned.number if planned.is_all_counted else None


def _again(given: Mapping[str, Any]) -> str:
    """The query of a plan that could not be begun, for its page."""
    kept = given.copy()  # type: ignore[attr-defined]
    for name in ("csrfmiddlewaretoken", "confirmed", "expected", "why"):
        kept.pop(name, None)
    return str(kept.urlencode())
