"""Status badges: a group in a few words, as a small picture for pages elsewhere."""

import hashlib
import unicodedata
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.cache import cache
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_POST, require_safe

from oemupdates.dashboard.frame.acting import act, needs, operator, require
from oemupdates.dashboard.frame.drawing import percent
from oemupdates.dashboard.frame.proving import proven
from oemupdates.domain import snippet
from oemupdates.domain.access import Permission
from oemupdates.models import Group, ShareLink
from oemupdates.models.standing import Standings, standings
from oemupdates.services.access import share_links
from oemupdates.services.shared.sealing import Unreadable

# How long others may keep a badge, and how long this process keeps the numbers on it.
MAX_AGE_SECONDS, KEPT_SECONDS = 60, 15
# Grounds on which white text can be read, on light pages and on dark ones.
GROUNDS = {"good": "#0f6c3d", "busy": "#2b55c9", "wait": "#845200", "calm": "#59616e"}
_PADDING = 6.0
# How wide a letter is at 11 px; the picture makes the text exactly as wide as was guessed.
_NARROW, _USUAL, _BROAD, _FULL = 4.0, 6.7, 9.4, 12.0


@dataclass(frozen=True, slots=True)
class Badge:
    """The words of a badge and where they stand, in pixels."""

    label: str
    words: str
    ground: str

    @property
    def left(self) -> float:
        """How wide the part with the group's name is."""
        return _width(self.label) + 2 * _PADDING

    @property
    def right(self) -> float:
        """How wide the part with the numbers is."""
        return _width(self.words) + 2 * _PADDING

    @property
    def places(self) -> dict[str, str]:
        """Every number of the drawing."""
        left, right = self.left, self.right
        return {
            "width": f"{left + right:.1f}",
            "left": f"{left:.1f}",
            "right": f"{right:.1f}",
            "label_at": f"{left / 2:.1f}",
            "words_at": f"{left + right / 2:.1f}",
            "label_width": f"{left - 2 * _PADDING:.1f}",
            "words_width": f"{right - 2 * _PADDING:.1f}",
        }


@login_not_required
@require_safe
def badge(request: HttpRequest, secret: str) -> HttpResponseBase:
    """Draw the badge of the group that a secret belongs to."""
    link = share_links.let_in(ShareLink.Kind.BADGE, secret)
    if link is None or link.group is None:
        raise Http404
    drawn = _drawn(link.group)
    context = {"badge": drawn, "places": drawn.places}
    body = render_to_string("dashboard/badge.svg", context).encode()
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    response = HttpResponse(body, content_type="image/svg+xml; charset=utf-8")
    response["Cache-Control"] = f"public, max-age={MAX_AGE_SECONDS}"
    response["ETag"] = etag
    response["X-Robots-Tag"] = "noindex"
    return get_conditional_response(request, etag=etag, response=response) or response


@require_POST
@needs(Permission.OPERATE_GROUPS)
@proven
def make(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a group a badge, or the one that it has a new address."""
    group = get_object_or_404(Group, pk=pk)
    require(request, Permission.OPERATE_GROUPS, group=pk)
    act(
        request,
        lambda: share_links.make_badge(group, by=operator(request), now=timezone.now()),
        done=f"The badge of {group} has a new address.",
    )
    return redirect(f"{reverse('dashboard:group', args=[pk])}#badge")


@require_POST
@needs(Permission.OPERATE_GROUPS)
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a group's badge be seen no more."""
    group = get_object_or_404(Group, pk=pk)
    require(request, Permission.OPERATE_GROUPS, group=pk)
    act(
        request,
        lambda: share_links.revoke_badge(group, by=operator(request)),
        done=f"The badge of {group} is revoked.",
    )
    return redirect(f"{reverse('dashboard:group', args=[pk])}#badge")


def shown_badge(group: Group) -> dict[str, object]:
    """A group's badge on its own page, for those who may change it: address, words, snippet."""
    link = ShareLink.objects.filter(group=group, kind=ShareLink.Kind.BADGE).first()
    if link is None:
        return {}
    try:
        path = reverse("dashboard:badge", args=[share_links.secret_of(link)])
    except Unreadable as problem:
        return {"link": link, "problem": str(problem)}
    drawn = _drawn(group)
    url = f"{settings.FLEET_URL}{path}"
    page = f"{settings.FLEET_URL}{reverse('dashboard:group', args=[group.pk])}"
    return {
        "link": link,
        "path": path,
        "alt": f"{drawn.label}: {drawn.words}",
        "markdown": snippet.badge(group.name, image=url, page=page),
    }


def _drawn(group: Group) -> Badge:
    version = group.target_version
    key = f"badge:{group.pk}:{version}"
    numbers: Standings | None = cache.get(key)
    if numbers is None:
        numbers = standings({group.pk: version})[group.pk]
        cache.set(key, numbers, KEPT_SECONDS)
    words, tone = _words(numbers, version)
    return Badge(group.name, words, GROUNDS[tone])


def _words(numbers: Standings, target: str) -> tuple[str, str]:
    """What a badge says, and its tone."""
    if not numbers.nodes:
        return "no nodes", "calm"
    if not target:
        return "no target", "wait"
    tone = "wait"
    if numbers.on_target == numbers.nodes:
        tone = "good"
    elif numbers.in_progress:
        tone = "busy"
    return f"{percent(numbers.on_target, numbers.nodes)} on {target}", tone


def _width(text: str) -> float:
    return sum(_width_of(letter) for letter in text)


def _width_of(letter: str) -> float:
    if unicodedata.east_asian_width(letter) in {"W", "F"}:
        return _FULL
    if letter in "ijlrtfI.,:;'|!()[] /-":
        return _NARROW
    return _BROAD if letter in "mwMW@%" else _USUAL
