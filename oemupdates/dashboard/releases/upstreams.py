"""Releases > Upstreams: where releases come from, which channels follow, and how that goes."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import OuterRef, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from oemupdates.dashboard.frame import paging
from oemupdates.dashboard.frame.acting import act, needs, operator
from oemupdates.dashboard.frame.proving import proven
from oemupdates.dashboard.releases import syncs
from oemupdates.domain.access import Permission
from oemupdates.models import Channel, Proposal, Subscription, SyncRun, Upstream
from oemupdates.services.sync import upstreams as verbs
from oemupdates.services.sync.upstreams import Terms

ASK_OR_DO = ("GET", "HEAD", "POST")
BAD_REQUEST = 400
RUNS_SHOWN = 20


class UpstreamForm(forms.Form):
    """How another server is reached and how far it is believed; the service has the last word."""

    name = forms.CharField(max_length=64)
    kind = forms.ChoiceField(choices=Upstream.Kind.choices, label="It is")
    address = forms.CharField(
        max_length=500,
        required=False,
        label="Omaha address",
        help_text="Where it answers update checks. Flatcar's public server needs none.",
    )
    release_server = forms.CharField(
        max_length=500, required=False, label="Folder above board/version/file"
    )
    images_server = forms.CharField(
        max_length=500, required=False, label="The same, of version.txt and package lists"
    )
    feed = forms.CharField(max_length=500, required=False, label="Release notes, in JSON")
    ca_file = forms.CharField(
        max_length=500, required=False, label="File of its certificate authority, on this server"
    )
    proxy = forms.CharField(max_length=500, required=False)
    policy = forms.ChoiceField(
        choices=Upstream.Policy.choices,
        initial=Upstream.Policy.PROPOSE,
        label="When there is a new release",
    )
    needs_signature = forms.BooleanField(
        required=False, initial=True, label="Payloads must be signed by a key known here"
    )
    needs_inside = forms.BooleanField(
        required=False,
        label="Offer no OEM or extension whose image nobody could look into",
        help_text="Looking takes unsquashfs, fsck.erofs and btrfs on the worker.",
    )
    interval_minutes = forms.IntegerField(initial=60, label="Minutes between two looks")

    def terms(self) -> Terms:
        """What was asked for."""
        return Terms(**self.cleaned_data)


@dataclass(frozen=True, slots=True)
class Following:
    """A channel that follows an upstream, and its newest run."""

    subscription: Subscription
    run: SyncRun | None

    @property
    def bytes_left(self) -> int:
        """How much of what the run fetches is not here yet."""
        return max(self.run.bytes_total - self.run.bytes_done, 0) if self.run else 0


@require_safe
@needs(Permission.READ_FLEET)
def upstreams(request: HttpRequest) -> HttpResponse:
    """Show what waits for a decision, how each channel's sync goes, and a page of past runs."""
    page: paging.Page[SyncRun] = paging.Page([])
    status = None
    runs = SyncRun.objects.select_related("upstream", "channel", "asked_by")
    try:
        page = paging.by_id(runs, request.GET.get("after", ""), size=RUNS_SHOWN)
    except paging.BadToken as damaged:
        messages.error(request, str(damaged))
        status = BAD_REQUEST
    waiting = Proposal.objects.filter(state=Proposal.State.OPEN)
    context = {
        "upstreams": Upstream.objects.all(),
        "followings": _followings(),
        "proposals": waiting.select_related("upstream", "channel__target", "release"),
        "page": page,
    }
    return render(request, "dashboard/upstreams.html", context, status=status)


def _followings() -> list[Following]:
    newest = SyncRun.objects.filter(
        upstream=OuterRef("upstream"), channel=OuterRef("channel")
    ).order_by("-pk")
    rows = list(
        Subscription.objects.select_related("upstream", "channel").annotate(
            newest=Subquery(newest.values("pk")[:1])
        )
    )
    runs = SyncRun.objects.in_bulk([row.newest for row in rows if row.newest])
    return [Following(row, runs.get(row.newest)) for row in rows]


@require_http_methods(ASK_OR_DO)
@needs(Permission.ADMINISTER)
@proven
def add(request: HttpRequest) -> HttpResponse:
    """Ask how another server is reached, and know it from then on."""
    by, form = operator(request), UpstreamForm(request.POST or None)
    made: list[Upstream] = []
    if form.is_bound and form.is_valid():
        terms = form.terms()
        act(
            request,
            lambda: made.append(verbs.add(terms, by=by)),
            done=f"{terms.name} is known. Say which channels follow it.",
        )
    if made:
        return redirect("dashboard:release_upstream", made[0].pk)
    status = BAD_REQUEST if form.is_bound else None
    return render(request, "dashboard/upstream_new.html", {"form": form}, status=status)


@require_safe
@needs(Permission.READ_FLEET)
def upstream(request: HttpRequest, upstream: int) -> HttpResponse:
    """Show how a server is reached, and which channels follow it."""
    return _page(request, _one(upstream))


@require_POST
@needs(Permission.ADMINISTER)
@proven
def edit(request: HttpRequest, upstream: int) -> HttpResponse:
    """Reach a server otherwise, or believe it otherwise."""
    found, by, form = _one(upstream), operator(request), UpstreamForm(request.POST)
    why = request.POST.get("why", "")
    if form.is_valid():
        terms = form.terms()
        if act(
            request,
            lambda: verbs.edit(found, terms, by=by, why=why),
            done=f"{terms.name} is changed.",
        ):
            return redirect("dashboard:release_upstream", upstream)
    return _page(request, found, form)


@require_POST
@needs(Permission.ADMINISTER)
def switch(request: HttpRequest, upstream: int) -> HttpResponse:
    """Ask a server for releases again, or leave it alone."""
    found, on = _one(upstream), request.POST.get("on") == "1"
    by, why = operator(request), request.POST.get("why", "")
    act(
        request,
        lambda: verbs.switch(found, on=on, by=by, why=why),
        done=f"{found} is {'on' if on else 'off'}.",
    )
    return redirect("dashboard:release_upstream", upstream)


@require_POST
@needs(Permission.ADMINISTER)
@proven
def remove(request: HttpRequest, upstream: int) -> HttpResponse:
    """Forget a server, if its name was typed."""
    found, by, why = _one(upstream), operator(request), request.POST.get("why", "")
    if request.POST.get("confirmed") != found.name:
        messages.error(request, f"Nothing was done: type {found.name} to confirm.")
        return redirect("dashboard:release_upstream", upstream)
    act(
        request,
        lambda: verbs.remove(found, by=by, why=why),
        done=f"{found} is removed. Releases that came from it stay.",
    )
    return redirect("dashboard:release_upstreams")


@require_POST
@needs(Permission.CHANGE_FLEET)
def follow(request: HttpRequest, upstream: int) -> HttpResponse:
    """Let a channel get its releases from there."""
    found, by, channel = _one(upstream), operator(request), syncs.asked_channel(request)
    track = request.POST.get("track", "")
    if channel:
        act(
            request,
            lambda: verbs.subscribe(found, channel, track=track, by=by),
            done=f"{channel} follows {found}. It is asked within a minute.",
        )
    return redirect("dashboard:release_upstream", upstream)


@require_POST
@needs(Permission.CHANGE_FLEET)
def unfollow(request: HttpRequest, subscription: int) -> HttpResponse:
    """Let a channel get no more releases from there."""
    rows = Subscription.objects.select_related("upstream", "channel")
    found, by = get_object_or_404(rows, pk=subscription), operator(request)
    act(
        request,
        lambda: verbs.unsubscribe(found.upstream, found.channel, by=by),
        done=f"{found.channel} gets no more releases from {found.upstream}.",
    )
    return redirect("dashboard:release_upstream", found.upstream_id)


def _one(pk: int) -> Upstream:
    return get_object_or_404(Upstream, pk=pk)


def _page(request: HttpRequest, found: Upstream, form: UpstreamForm | None = None) -> HttpResponse:
    rows = found.subscriptions.select_related("channel")
    context: dict[str, Any] = {
        "upstream": found,
        "form": form or UpstreamForm(initial=vars(found)),
        "subscriptions": rows,
        "channels": Channel.objects.all(),
    }
    status = BAD_REQUEST if form else None
    return render(request, "dashboard/upstream.html", context, status=status)
