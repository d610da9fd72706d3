"""What is done to syncs by page: asked for, cancelled, and decided on."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from oemupdates.dashboard.frame.acting import act, needs, operator
from oemupdates.domain.access import Permission
from oemupdates.models import Channel, Proposal, Subscription, SyncRun, Upstream
from oemupdates.services.sync import proposals, sync_runs

_PAGE = "dashboard:release_upstreams"
_KEY_DIGITS = 19


def asked_channel(request: HttpRequest) -> Channel | None:
    """The channel that a form names; None, and said so, if there is none such."""
    key = request.POST.get("channel", "")
    short = key.isascii() and key.isdecimal() and len(key) < _KEY_DIGITS
    channel = Channel.objects.filter(pk=int(key)).first() if short else None
    if channel is None:
        messages.error(request, "There is no such channel.")
    return channel


@require_POST
@needs(Permission.CHANGE_FLEET)
def sync_now(request: HttpRequest, subscription: int) -> HttpResponse:
    """Let a worker look at an upstream for a channel now, or only say what it would fetch."""
    rows = Subscription.objects.select_related("upstream", "channel")
    found, by = get_object_or_404(rows, pk=subscription), operator(request)
    is_dry = request.POST.get("dry") == "1"
    act(
        request,
        lambda: sync_runs.ask(found.upstream, found.channel, is_dry=is_dry, by=by),
        done=f"{found.upstream} is asked for {found.channel} within a minute.",
    )
    return redirect(_PAGE)


@require_POST
@needs(Permission.CHANGE_FLEET)
def import_version(request: HttpRequest, upstream: int) -> HttpResponse:
    """Let a worker fetch a version, newest or not."""
    found, by = get_object_or_404(Upstream, pk=upstream), operator(request)
    channel = asked_channel(request)
    # Without a version the newest would be fetched.
    version = request.POST.get("version", "").strip() or "?"
    done = channel is not None and act(
        request,
        lambda: sync_runs.ask(found, channel, version=version, by=by),
        done=f"{version} is fetched for {channel.architecture}. No channel moves.",
    )
    return redirect(_PAGE) if done else redirect("dashboard:release_upstream", upstream)


@require_POST
@needs(Permission.CHANGE_FLEET)
def cancel(request: HttpRequest, run: int) -> HttpResponse:
    """End a run."""
    rows = SyncRun.objects.select_related("upstream", "channel")
    found, by = get_object_or_404(rows, pk=run), operator(request)
    act(
        request,
        lambda: sync_runs.cancel(found, by=by),
        done="It ends within seconds. What it fetched is kept for the next.",
    )
    return redirect(_PAGE)


@require_POST
@needs(Permission.CHANGE_FLEET)
def accept(request: HttpRequest, proposal: int) -> HttpResponse:
    """Move the channel to what was proposed."""
    found, by, why = _proposal(proposal), operator(request), request.POST.get("why", "")
    act(
        request,
        lambda: proposals.accept(found, by=by, why=why),
        done=f"Nodes of {found.channel} update to {found.release.version} from now.",
    )
    return redirect(_PAGE)


@require_POST
@needs(Permission.CHANGE_FLEET)
def dismiss(request: HttpRequest, proposal: int) -> HttpResponse:
    """Leave the channel where it is."""
    found, by, why = _proposal(proposal), operator(request), request.POST.get("why", "")
    act(
        request,
        lambda: proposals.dismiss(found, by=by, why=why),
        done=f"{found.channel} stays where it is.",
    )
    return redirect(_PAGE)


def _proposal(pk: int) -> Proposal:
    rows = Proposal.objects.select_related("upstream", "channel", "release")
    return get_object_or_404(rows, pk=pk)
