"""Links by which screens on walls show the wallboard without a log-in."""

from typing import Any, NamedTuple

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from oemupdates.dashboard.frame.acting import act, needs, operator, require, where
from oemupdates.dashboard.frame.proving import proven
from oemupdates.domain.access import Permission, Reach
from oemupdates.models import Group, ShareLink
from oemupdates.services.access import share_links
from oemupdates.services.shared.sealing import Unreadable

BAD_REQUEST = 400


class Row(NamedTuple):
    """A link, and its address; or why it cannot be shown."""

    link: ShareLink
    url: str
    problem: str


class LinkForm(forms.Form):
    """Which screen a link is for, and what it shows."""

    name = forms.CharField(max_length=100, label="Screen", help_text="Where it hangs, say.")
    group = forms.ModelChoiceField(Group.objects.none(), label="Shows", required=False)

    def __init__(self, reach: Reach, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        group = self.fields["group"]
        group.required = not reach.is_everywhere
        group.empty_label = "The whole fleet" if reach.is_everywhere else "Choose a group"  # type: ignore[attr-defined]
        group.queryset = Group.objects.within(reach)  # type: ignore[attr-defined]


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.OPERATE_GROUPS)
@proven
def links(request: HttpRequest) -> HttpResponse:
    """Show the links, and make one."""
    reach = where(request, Permission.OPERATE_GROUPS)
    form = LinkForm(reach, request.POST if request.method == "POST" else None)
    status = None
    if request.method == "POST":
        if form.is_valid() and act(
            request,
            lambda: share_links.make_wallboard(
                form.cleaned_data["name"],
                group=form.cleaned_data["group"],
                by=operator(request),
                now=timezone.now(),
            ),
            done="The link is made: open its address on the screen.",
        ):
            return redirect("dashboard:wallboard_links")
        status = BAD_REQUEST
    found = ShareLink.objects.wallboards().within(reach).select_related("group", "made_by")
    context = {"form": form, "rows": [_row(link) for link in found]}
    return render(request, "dashboard/wallboard_links.html", context, status=status)


@require_POST
@needs(Permission.OPERATE_GROUPS)
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a link show nothing more."""
    link = get_object_or_404(ShareLink.objects.wallboards(), pk=pk)
    require(request, Permission.OPERATE_GROUPS, group=link.group_id)
    act(
        request,
        lambda: share_links.revoke_wallboard(
            link, by=operator(request), why=request.POST.get("why", "")
        ),
        done=f"The link {link} is revoked: its screen shows nothing more.",
    )
    return redirect("dashboard:wallboard_links")


def _row(link: ShareLink) -> Row:
    try:
        path = reverse("dashboard:wallboard_shared", args=[share_links.secret_of(link)])
    except Unreadable as problem:
        return Row(link, "", str(problem))
    return Row(link, f"{settings.FLEET_URL}{path}", "")
