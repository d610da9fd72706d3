"""The wallboard: the fleet on a screen on the wall, read from five metres, for weeks on end."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_safe

from oemupdates.dashboard.frame import drawing, preferences
from oemupdates.dashboard.frame.acting import needs
from oemupdates.dashboard.overview import attention
from oemupdates.dashboard.overview.attention import Look
from oemupdates.domain.access import Permission, Reach
from oemupdates.domain.node import State
from oemupdates.models import Group, ShareLink
from oemupdates.models.cells import read_cells
from oemupdates.models.count_queries import FAILING, Troubles
from oemupdates.models.node_queries import NO_GROUP
from oemupdates.models.standing import Standings, standings
from oemupdates.services.access import share_links
from oemupdates.services.counters import fleet
from oemupdates.services.server import health

# What fits on a screen in letters that are read from afar.
GROUPS_SHOWN, MATTERS_SHOWN, GROUPS_NAMED = 6, 4, 3
MOST_GROUPS = 100
# Beyond these many digits and commas, the big numbers are a little smaller.
MOST_LETTERS = 16
# However many screens there are, what they show is worked out once in this time.
FRESH_SECONDS = 2
# Parts of the page that it loads once, and again when they are other ones.
FILES = ("fleet.css", "wallboard.js")
_KEY = re.compile(r"[1-9]\d{0,17}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Line:
    """A group on the wall."""

    group: Group
    standings: Standings
    troubles: Troubles

    @property
    def percent(self) -> str:
        """How many of its nodes run the target."""
        if not self.group.target_version:
            return "no target"
        return drawing.percent(self.standings.on_target, self.standings.nodes)


@require_safe
@needs(Permission.READ_FLEET)
def wallboard(request: HttpRequest) -> HttpResponse:
    """Show the fleet, or the groups that the URL names, full-screen."""
    look = _narrowed(request, attention.look(request))
    query = request.META.get("QUERY_STRING", "")
    source = reverse("dashboard:wallboard_now") + (f"?{query}" if query else "")
    return _page(request, look, source)


@require_safe
@needs(Permission.READ_FLEET)
def now(request: HttpRequest) -> HttpResponse:
    """Show what of the wallboard changes."""
    return HttpResponse(_board(_narrowed(request, attention.look(request))))


@login_not_required
@require_safe
def shared(request: HttpRequest, secret: str) -> HttpResponse:
    """Show the wallboard to a screen that comes with a link's secret."""
    look = _let_in(secret)
    source = reverse("dashboard:wallboard_shared_now", args=[secret])
    return _secret(_page(request, look, source, is_shared=True))


@login_not_required
@require_safe
def shared_now(_request: HttpRequest, secret: str) -> HttpResponse:
    """Show such a screen what changes."""
    return _secret(HttpResponse(_board(_let_in(secret))))


def _narrowed(request: HttpRequest, look: Look) -> Look:
    """Look at the groups that the URL names; all that whoever looks may see without any.

    What is theirs alone is for no wall.
    """
    look = replace(look, own_tokens=0)
    given = request.GET.getlist("group")[:MOST_GROUPS]
    if not given:
        return look
    groups = frozenset(int(one) for one in given if _KEY.fullmatch(one))
    reach = look.reach.within(Reach(is_everywhere=False, groups=groups))
    known = set(Group.objects.filter(pk__in=reach.groups).values_list("pk", flat=True))
    if len(known) < len(set(given)):
        raise Http404
    return replace(look, reach=reach)


def _let_in(secret: str) -> Look:
    """What somebody sees who has nothing but a link; 404 without one."""
    link = share_links.let_in(ShareLink.Kind.WALLBOARD, secret)
    if link is None:
        raise Http404
    moment = timezone.now()
    share_links.mark_used(link, moment)
    return Look(link.reach, reads_rejected=False, reads_security=False, now=moment)


def _secret(response: HttpResponse) -> HttpResponse:
    """Keep an address with a secret in it from caches, other servers, and searches."""
    response["Cache-Control"] = "no-store"
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


def _page(
    request: HttpRequest, look: Look, source: str, *, is_shared: bool = False
) -> HttpResponse:
    theme = request.GET.get("theme", "")
    if theme not in preferences.CHOICES["theme"]:
        theme = preferences.look(request)["theme"]
    context = {
        "theme": theme,
        "source": source,
        "board": _board(look),
        "is_shared": is_shared,
    }
    return render(request, "dashboard/wallboard.html", context)


def _board(look: Look) -> SafeString:
    """The wallboard's contents as HTML, worked out once for all who see the same."""
    html: SafeString | None = cache.get(key := f"wallboard:{look.key}")
    if html is None:
        html = render_to_string("dashboard/_wallboard.html", _shown(look))
        cache.set(key, html, FRESH_SECONDS)
    return html


def _shown(look: Look) -> dict[str, object]:
    cells = read_cells().within(look.reach)
    by_group = cells.by("group", "state", "is_dark")
    found = fleet.of_sums(by_group)
    parts = health.everyday(look.now)
    matters = attention.matters(cells, look, parts=parts)
    up_to_date = found.states[State.UP_TO_DATE]
    lines, more = _lines(by_group)
    return {
        "title": _title(look.reach),
        "fleet": found,
        "up_to_date": up_to_date,
        "percent": drawing.percent(up_to_date, found.nodes),
        "is_long": _letters(found) > MOST_LETTERS,
        "matters": matters[:MATTERS_SHOWN],
        "more_matters": len(matters[MATTERS_SHOWN:]),
        "lines": lines,
        "more_groups": more,
        "now": look.now,
        "build": _build(),
    }


def _lines(by_group: Iterable[tuple[int, str, bool, int]]) -> tuple[list[Line], int]:
    """The groups with the most trouble, then the largest; and how many more have nodes.

    `by_group` are nodes by group, state and darkness.
    """
    sizes: Counter[int] = Counter()
    failing: Counter[int] = Counter()
    dark: Counter[int] = Counter()
    for pk, state, is_dark, nodes in by_group:
        if pk == NO_GROUP:
            continue
        sizes[pk] += nodes
        failing[pk] += nodes * (state in FAILING)
        dark[pk] += nodes * is_dark
    ordered = sorted(sizes, key=lambda pk: (-failing[pk] - dark[pk], -sizes[pk], pk))
    groups = Group.objects.select_related("channel__target").in_bulk(ordered[:GROUPS_SHOWN])
    numbers = standings({pk: group.target_version for pk, group in groups.items()})
    shown = [
        Line(groups[pk], numbers[pk], Troubles(sizes[pk], failing[pk], dark[pk]))
        for pk in ordered
        if pk in groups
    ]
    return shown, len(ordered[GROUPS_SHOWN:])


def _letters(found: fleet.Fleet) -> int:
    """How long the big numbers are together."""
    numbers = (found.nodes, found.under_way, found.failing, found.dark)
    return sum(len(f"{number:,}") for number in numbers)


def _title(reach: Reach) -> str:
    """What the board is about."""
    if reach.is_everywhere:
        return "Fleet"
    names = list(Group.objects.within(reach).values_list("name", flat=True)[: GROUPS_NAMED + 1])
    more = len(reach.groups) - GROUPS_NAMED
    return ", ".join(names[:GROUPS_NAMED]) + (f" and {more} more" if more > 0 else "")


def _build() -> str:
    """What the page is made of, in a word: a screen loads itself anew when it is another."""
    return hashlib.sha256(" ".join(map(static, FILES)).encode()).hexdigest()[:16]
