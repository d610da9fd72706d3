"""Groups: where their nodes stand, what their policy says, and how nodes join them."""

from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from oemupdates.dashboard.acting import act, needs, operator, require, where
from oemupdates.dashboard.activity import row
from oemupdates.dashboard.connecting import secret_for
from oemupdates.domain.access import Permission
from oemupdates.models import Activity, Channel, Group, TrackAlias
from oemupdates.models.standing import Standings, standings
from oemupdates.services import groups as verbs

BAD_REQUEST = 400
LATEST_ACTIVITY = 10


if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Group]
else:
    ModelForm = forms.ModelForm


class PolicyForm(ModelForm):
    """What an operator may say of a group; the service has the last word on it."""

    why = forms.CharField(max_length=500, required=False, label="Why")

    class Meta:
        model = Group
        fields = (
            "name",
            "track",
            "description",
            "channel",
            "max_under_way",
            "poll_interval_seconds",
            "dark_after_seconds",
            "max_postinst_failures",
            "max_download_failures",
            "needs_oem_payload",
            "offers_own_oem_only",
        )
        labels: ClassVar = {
            "max_under_way": "Most nodes under way at once",
            "poll_interval_seconds": "Poll interval, in seconds",
            "dark_after_seconds": "Dark after, in seconds",
            "max_postinst_failures": "Post-install failures before giving up",
            "max_download_failures": "Download failures before giving up",
            "needs_oem_payload": "Withhold releases without the payload of a node's OEM",
            "offers_own_oem_only": "Offer a node only the payload of its own OEM",
        }
        help_texts: ClassVar = {
            "track": "What nodes say as GROUP in their update.conf.",
            "max_under_way": "Between offer and reboot. Empty for no limit.",
            "poll_interval_seconds": "2700 to 14400: clients keep no other.",
            "dark_after_seconds": "How long a node may be quiet before it counts as dark.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        channels = Channel.objects.filter(
            application=self.instance.application_id, architecture=self.instance.architecture
        )
        self.fields["channel"].queryset = channels  # type: ignore[attr-defined]


@require_safe
def groups(request: HttpRequest) -> HttpResponse:
    """Show every group with its three numbers."""
    reach = where(request, Permission.READ_FLEET)
    found = list(Group.objects.within(reach).select_related("channel__target", "application"))
    numbers = standings({group.pk: _target(group) for group in found})
    rows = [(group, numbers[group.pk]) for group in found]
    # Groups with nodes come first: a fresh server seeds ten, of which most stay empty.
    rows.sort(key=lambda pair: not pair[1].nodes)
    return render(request, "dashboard/groups.html", {"rows": rows})


@require_safe
def group(request: HttpRequest, pk: int) -> HttpResponse:
    """Show a group."""
    if not where(request, Permission.READ_FLEET).covers(pk):
        raise Http404
    return _page(request, _get(pk))


@require_POST
@needs(Permission.OPERATE_GROUPS)
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a group's policy; what is wrong with it is told beside the fields."""
    found = _get(pk)
    require(request, Permission.OPERATE_GROUPS, group=pk)
    form = PolicyForm(request.POST, instance=_get(pk))
    if not form.is_valid():
        return _page(request, found, form)
    policy = {name: form.cleaned_data[name] for name in form.changed_data if name != "why"}
    why = form.cleaned_data["why"]
    if act(
        request,
        lambda: verbs.edit(found, by=operator(request), why=why, **policy),
        done=f"The policy of {found} is changed." if policy else "Nothing was changed.",
    ):
        return redirect("dashboard:group", pk)
    return _page(request, found, form)


@require_POST
@needs(Permission.OPERATE_GROUPS)
def switch_updates(request: HttpRequest, pk: int) -> HttpResponse:
    """Switch a group's updates on or off."""
    found = _get(pk)
    require(request, Permission.OPERATE_GROUPS, group=pk)
    on = request.POST.get("on") == "1"
    act(
        request,
        lambda: verbs.switch_updates(
            found, on=on, by=operator(request), why=request.POST.get("why", "")
        ),
        done=f"Updates of {found} are {'on' if on else 'off'}.",
    )
    return redirect("dashboard:group", pk)


def _get(pk: int) -> Group:
    return get_object_or_404(Group.objects.select_related("channel__target", "application"), pk=pk)


def _target(group: Group) -> str:
    """The version that a group's nodes should run; empty if there is none."""
    target = group.channel.target if group.channel else None
    return target.version if target else ""


def _page(request: HttpRequest, found: Group, form: PolicyForm | None = None) -> HttpResponse:
    about = Activity.objects.filter(subject_kind="group", subject_id=found.pk)
    aliases = TrackAlias.objects.filter(application=found.application_id, track=found.track)
    target = _target(found)
    context = {
        "group": found,
        "target": target,
        "standings": standings({found.pk: target}).get(found.pk, Standings()),
        "form": form or PolicyForm(instance=found),
        "aliases": list(aliases),
        "secret": secret_for(request, found.pk),
        "activities": [row(one) for one in about.select_related("actor")[:LATEST_ACTIVITY]],
    }
    status = BAD_REQUEST if form else None
    return render(request, "dashboard/group.html", context, status=status)
