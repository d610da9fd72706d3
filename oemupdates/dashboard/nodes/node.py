"""One node: why it hears what it hears, what is known of it, and what became of it."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from oemupdates.dashboard.frame import explaining, paging
from oemupdates.dashboard.frame.acting import where
from oemupdates.dashboard.nodes import tracing
from oemupdates.dashboard.nodes.node_sysexts import sysexts
from oemupdates.dashboard.nodes.node_verbs import homes
from oemupdates.dashboard.nodes.nodes_then import node_then
from oemupdates.dashboard.nodes.timeline import timeline
from oemupdates.domain.access import Permission
from oemupdates.domain.checkin import OBSERVED
from oemupdates.domain.event import error
from oemupdates.domain.policy import MIN_POLL_SECONDS
from oemupdates.domain.reason import Why
from oemupdates.models import Answer, Node, VersionInterval
from oemupdates.services.checkins import snapshot

BAD_REQUEST = 400
RIBBON_INTERVALS = 24
# Versions are told apart in the ribbon by as many shades, beside their names.
SHADES = 5


@dataclass(frozen=True, slots=True)
class Stretch:
    """A version interval as a piece of the ribbon: where it begins and how wide, in percent."""

    interval: VersionInterval
    ended_at: datetime
    start: str
    width: str
    shade: int

    @property
    def is_out_of_step(self) -> bool:
        """Whether an OEM sysext of another OS version was merged, or one was seen to be absent."""
        ran = self.interval
        if not ran.oem:
            return False
        if ran.oem_version:
            return ran.oem_version != ran.version
        return ran.oem_basis == OBSERVED

    @property
    def lasted(self) -> float:
        """For how many seconds the node ran it."""
        return (self.ended_at - self.interval.started_at).total_seconds()


@require_safe
def node(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a node, the reason for what it hears first."""
    found = get_object_or_404(Node.objects.select_related("group__channel__target"), pk=pk)
    if not where(request, Permission.READ_FLEET).covers(found.group_id):
        raise Http404
    if request.GET.get("at"):
        return node_then(request, found)
    before, problem = _before(request)
    if problem:
        messages.error(request, problem)
    now = timezone.now()
    config = snapshot.current()
    context = {
        "node": found,
        "outcome": explaining.outcome(found),
        "reasons": explaining.reasons(found.reasons),
        "pending": _pending(found, now),
        "error": error(found.last_error_code) if found.last_error_code else None,
        "next_check_in_by": _next_check_in(found),
        "is_late": _next_check_in(found) < now,
        "can_retry": bool(
            found.download_failures or found.postinst_failures or found.rolled_back_version
        ),
        "ribbon": _ribbon(found, now),
        "timeline": timeline(found, before=before),
        "steps": tracing.steps(found.reasons),
        "journey": tracing.journey(found, config),
        "labels": found.labels.select_related("label"),
        "homes": homes(request, found),
        **sysexts(found, now, config),
        "heard": _heard(request, found),
        "before": before,
    }
    status = BAD_REQUEST if problem else None
    return render(request, "dashboard/node.html", context, status=status)


def _heard(request: HttpRequest, found: Node) -> Answer | None:
    """What the node said and heard when that last changed, for those who may read it."""
    if not where(request, Permission.READ_RAW).covers(found.group_id):
        return None
    heard = found.answers.order_by("-at", "-pk").first()
    if heard is not None:
        heard.said = _indented(heard.said)
        heard.reasons = _indented(heard.reasons)
    return heard


def _indented(text: str) -> str:
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False) if text else ""
    except ValueError:
        return text


def _before(request: HttpRequest) -> tuple[datetime | None, str]:
    """From where the timeline goes on, and what was wrong with that."""
    text = request.GET.get("before", "")
    if not text:
        return None, ""
    try:
        return paging.read_time(text), ""
    except paging.BadToken as damaged:
        return None, str(damaged)


def _next_check_in(found: Node) -> datetime:
    """When a node is heard at the latest if it is well: it spreads its interval by half."""
    poll = found.group.poll_interval_seconds if found.group else MIN_POLL_SECONDS
    return found.last_seen_at + timedelta(seconds=poll * 1.5)


def _pending(found: Node, now: datetime) -> str:
    """What an operator did to the node that it will hear at its next check-in only."""
    is_held = found.is_held and (found.held_until is None or found.held_until > now)
    says_held = f'"{Why.HELD}"' in found.reasons
    if is_held and not says_held:
        return "It is held now, and hears so at its next check-in."
    if says_held and not is_held:
        return "Its hold is over, and its next check-in is decided anew."
    if found.is_archived:
        return "It is archived: out of every list and count, until it checks in again."
    return ""


def _ribbon(found: Node, now: datetime) -> list[Stretch]:
    """The latest version intervals, oldest first, as shares of the time that they span."""
    latest = list(found.intervals.order_by("-started_at", "-pk")[:RIBBON_INTERVALS])[::-1]
    if not latest:
        return []
    span = max((now - latest[0].started_at).total_seconds(), 1.0)
    shades: dict[str, int] = {}
    ribbon = []
    for interval in latest:
        ended_at = interval.ended_at or now
        start = (interval.started_at - latest[0].started_at).total_seconds() / span
        width = (ended_at - interval.started_at).total_seconds() / span
        shade = shades.setdefault(interval.version, len(shades) % SHADES)
        ribbon.append(
            Stretch(interval, ended_at, f"{start * 100:.2f}", f"{width * 100:.2f}", shade)
        )
    return ribbon
