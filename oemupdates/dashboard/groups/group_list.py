"""The list of groups: those with problems first, at the same cost for ten and for a thousand."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from oemupdates.dashboard.frame import drawing, paging
from oemupdates.dashboard.frame.acting import where
from oemupdates.dashboard.frame.shares import Share, shares
from oemupdates.domain import policy_words
from oemupdates.domain.access import Permission, Reach
from oemupdates.models import Group, Node, NodeCount
from oemupdates.models.count_queries import FAILING, Troubles
from oemupdates.models.standing import Standings, standings

BAD_REQUEST = 400
PAGE_ROWS = 50
# Held nodes are not counted by the counters: they are counted one by one, up to here.
MANY = 1000
# In this order groups stand in the list.
_BAD, _STOPPED, _FINE, _EMPTY = range(4)


@dataclass(frozen=True, slots=True)
class Row:
    """A group, where its nodes stand, what they run, and what is wrong.

    `stopped` is why none of its nodes can update, in two or three words; empty if they can.
    """

    group: Group
    stopped: str
    troubles: Troubles
    standings: Standings
    versions: list[Share]
    held: str

    @property
    def sentence(self) -> str:
        """The policy in one sentence."""
        return policy_words.sentence(self.group.policy)

    @property
    def failing(self) -> tuple[str, ...]:
        """The states of what is called failing."""
        return FAILING

    @property
    def bar(self) -> list[drawing.Piece]:
        """The versions as shares of all its nodes."""
        return drawing.pieces(
            [(share.tone, share.nodes) for share in self.versions], self.troubles.nodes
        )


class _Seen(NamedTuple):
    """What of a group says where it stands in the list."""

    pk: int
    name: str
    architecture: str
    updates_enabled: bool
    channel: int | None
    target: int | None
    blocked_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Key:
    """Where a group stands in the list: worst first, then by name."""

    rank: int
    trouble: int
    name: str
    architecture: str
    pk: int
    stopped: str = ""

    def token(self) -> str:
        # Without the name, which may be longer than a token: it is known of a group that exists.
        return paging.token(self.rank, self.trouble, self.pk)


@dataclass(slots=True)
class _Found:
    """The groups of one page, as yet without what is shown of them."""

    keys: list[_Key]
    troubles: dict[int, Troubles]
    page: paging.Page[Group] = field(default_factory=lambda: paging.Page([]))


@require_safe
def groups(request: HttpRequest) -> HttpResponse:
    """Show a page of the groups, each with its three numbers."""
    reach = where(request, Permission.READ_FLEET)
    text = " ".join(request.GET.get("q", "").replace("\x00", "").split())[:64]
    status = None
    try:
        found = _find(reach, text, request.GET.get("after", ""))
    except paging.BadToken as damaged:
        messages.error(request, str(damaged))
        status = BAD_REQUEST
        found = _find(reach, text, "")
    context = {
        "rows": _rows(found.keys, found.troubles),
        "page": found.page,
        "q": text,
    }
    return render(request, "dashboard/groups.html", context, status=status)


def _find(reach: Reach, text: str, after: str) -> _Found:
    """The groups of a page: all that may be seen in order, from one read of the counters."""
    wanted = Group.objects.within(reach).order_by()
    if text:
        wanted = wanted.filter(name__icontains=text) | wanted.filter(track__icontains=text)
    known = wanted.values_list(
        "pk",
        "name",
        "architecture",
        "updates_enabled",
        "channel",
        "channel__target",
        "channel__target__blocked_at",
    )
    troubles = NodeCount.objects.within(reach).troubles()
    ordered = sorted((_key(_Seen(*values), troubles) for values in known), key=_order)
    if after:
        last = _order(_read(after, ordered))
        ordered = [key for key in ordered if _order(key) > last]
    shown, more = ordered[:PAGE_ROWS], len(ordered) > PAGE_ROWS
    page: paging.Page[Group] = paging.Page([], shown[-1].token() if more else "", not after)
    return _Found(shown, troubles, page)


def _key(group: _Seen, troubles: dict[int, Troubles]) -> _Key:
    found = troubles.get(group.pk, Troubles())
    trouble, stopped = found.failing + found.dark, _stopped(group)
    rank = _EMPTY
    if trouble:
        rank = _BAD
    elif found.nodes:
        rank = _STOPPED if stopped else _FINE
    return _Key(rank, trouble, group.name, group.architecture, group.pk, stopped)


def _order(key: _Key) -> tuple[int, int, str, str, int]:
    return key.rank, -key.trouble, key.name, key.architecture, key.pk


def _read(after: str, known: Iterable[_Key]) -> _Key:
    match paging.read_token(after):
        case [int(rank), int(trouble), int(pk)]:
            here = next((key for key in known if key.pk == pk), None)
            name, architecture = (here.name, here.architecture) if here else ("", "")
            return _Key(rank, trouble, name, architecture, pk)
    raise paging.BadToken("This link to a further page is damaged; the list starts anew.")


def _stopped(group: _Seen) -> str:
    if not group.updates_enabled:
        return "Updates off"
    if group.channel is None:
        return "No channel"
    if group.target is None:
        return "No target"
    return "Target blocked" if group.blocked_at else ""


def _rows(shown: list[_Key], troubles: dict[int, Troubles]) -> list[Row]:
    keys = [key.pk for key in shown]
    found = Group.objects.select_related("channel__target").in_bulk(keys)
    targets = {pk: group.target_version for pk, group in found.items()}
    numbers = standings(targets)
    versions: dict[int, Counter[str]] = {pk: Counter() for pk in keys}
    for pk, version, nodes in NodeCount.objects.of({"group": keys}).by("group", "version"):
        versions[pk][version] = nodes
    held = _held(keys)
    return [
        Row(
            found[key.pk],
            key.stopped,
            troubles.get(key.pk, Troubles()),
            numbers[key.pk],
            shares(versions[key.pk], target=targets[key.pk], group=key.pk),
            held.get(key.pk, ""),
        )
        for key in shown
        if key.pk in found
    ]


def _held(keys: Collection[int]) -> dict[int, str]:
    """How many nodes of each group are held; with a plus where not all were counted."""
    nodes = Node.objects.held(keys).order_by()
    found: Iterable[int | None] = nodes.values_list("group", flat=True)[: MANY + 1]
    counted = Counter(pk for pk in found if pk is not None)
    more = "+" if counted.total() > MANY else ""
    return {pk: f"{number:,}{more}" for pk, number in counted.items()}
