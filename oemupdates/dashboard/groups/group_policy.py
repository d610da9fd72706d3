"""A group's policy: its form, what it would mean, and making a group."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from oemupdates.dashboard.frame.acting import act, needs, operator, require
from oemupdates.domain import policy_words
from oemupdates.domain.access import Permission
from oemupdates.domain.reason import sentence
from oemupdates.models import FLATCAR, Application, Architecture, Channel, Group, NodeCount
from oemupdates.services.groups import group_effects
from oemupdates.services.groups import groups as verbs
from oemupdates.services.shared.activity import Refused

BAD_REQUEST = 400
_ASKED = ("name", "track", "architecture")
# What is said of an effect, beyond these many lines.
MOST_LINES = 12

if TYPE_CHECKING:
    ModelForm = forms.ModelForm[Group]
else:
    ModelForm = forms.ModelForm


class Sentence(NamedTuple):
    """A sentence of a policy, and whether it would be a new one."""

    text: str
    is_changed: bool


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
            "payload_source",
            "has_node_urls",
        )
        labels: ClassVar = {
            "max_under_way": "Most nodes under way at once",
            "poll_interval_seconds": "Poll interval, in seconds",
            "dark_after_seconds": "Dark after, in seconds",
            "max_postinst_failures": "Post-install failures before giving up",
            "max_download_failures": "Download failures before giving up",
            "needs_oem_payload": "Withhold releases without the payload of a node's OEM",
            "offers_own_oem_only": "Offer a node only the payload of its own OEM",
            "payload_source": "Payloads come from",
            "has_node_urls": "Give each node URLs of its own",
        }
        help_texts: ClassVar = {
            "track": "What nodes say as GROUP in their update.conf.",
            "max_under_way": "Between offer and reboot. Empty for no limit.",
            "poll_interval_seconds": "2700 to 14400: clients keep no other.",
            "dark_after_seconds": "How long a node may be quiet before it counts as dark.",
            "payload_source": "The origin is where a sync found them. Nodes take OEM payloads from"
            " the first place alone.",
            "has_node_urls": "A node's page then says what it took from this server.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        channels = Channel.objects.filter(application=self.instance.application_id)
        if self.instance.architecture:
            channels = channels.filter(architecture=self.instance.architecture)
        self.fields["channel"].queryset = channels  # type: ignore[attr-defined]

    @property
    def said(self) -> dict[str, Any]:
        """What was changed, as the service takes it."""
        names = [name for name in self.changed_data if name != "why"]
        return {name: self.cleaned_data[name] for name in names}


class NewGroupForm(PolicyForm):
    """What must be said of a group that is made; the rest is as usual, and can be changed."""

    architecture = forms.ChoiceField(choices=Architecture.choices)

    class Meta(PolicyForm.Meta):
        fields = ("name", "track", "description", "channel", "max_under_way")  # type: ignore[assignment]
        help_texts: ClassVar = PolicyForm.Meta.help_texts | {
            "track": "What nodes say as GROUP in their update.conf; its name if left empty.",
            "channel": "One of the same architecture.",
        }

    field_order = ("name", "architecture", "track", "channel", "max_under_way", "description")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["track"].required = False

    def clean(self) -> dict[str, Any]:
        """Take the name for the track where none is given."""
        cleaned = super().clean() or self.cleaned_data
        cleaned["track"] = cleaned.get("track") or cleaned.get("name", "")
        self.instance.architecture = cleaned.get("architecture", "")
        return cleaned


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.OPERATE_GROUPS)
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a group's policy, or show in words what it would be, with `preview`."""
    found = get_object_or_404(Group.objects.select_related("channel__target"), pk=pk)
    require(request, Permission.OPERATE_GROUPS, group=pk)
    if request.method != "POST":
        return _page(request, PolicyForm(instance=found), found)
    edited = Group.objects.select_related("channel__target").get(pk=pk)
    form = PolicyForm(request.POST, instance=edited)
    is_valid = form.is_valid()
    if "preview" in request.POST:
        return _page(request, form, found)
    if not is_valid:
        return _page(request, form, found, status=BAD_REQUEST)
    if act(
        request,
        lambda: verbs.edit(found, by=operator(request), why=form.cleaned_data["why"], **form.said),
        done=f"The policy of {found} is changed." if form.said else "Nothing was changed.",
    ):
        return redirect("dashboard:group", pk)
    return _page(request, form, found, status=BAD_REQUEST)


@require_http_methods(["GET", "HEAD", "POST"])
@needs(Permission.CHANGE_FLEET)
def create(request: HttpRequest) -> HttpResponse:
    """Make a group, or show in words what it would be, with `preview`."""
    application = Application.objects.get(uuid=FLATCAR)
    new = Group(application=application)
    if request.method != "POST":
        # A link may say what somebody was missing, such as a track that nodes asked for.
        asked = {name: request.GET[name] for name in _ASKED if name in request.GET}
        return _page(request, NewGroupForm(instance=new, initial=asked), None)
    form = NewGroupForm(request.POST, instance=new)
    is_valid = form.is_valid()
    if "preview" in request.POST:
        return _page(request, form, None)
    if not is_valid:
        return _page(request, form, None, status=BAD_REQUEST)
    made: list[Group] = []
    said = {name: form.cleaned_data[name] for name in NewGroupForm.Meta.fields}
    architecture = form.cleaned_data["architecture"]
    if act(
        request,
        lambda: made.append(
            verbs.create(application, architecture=architecture, by=operator(request), **said)
        ),
        done=f"Group {said['name']} is made: here is how a node joins it.",
    ):
        return redirect("dashboard:group", made[0].pk)
    return _page(request, form, None, status=BAD_REQUEST)


def _page(
    request: HttpRequest, form: PolicyForm, group: Group | None, status: int | None = None
) -> HttpResponse:
    context = {"form": form, "group": group, **_meaning(form, group)}
    return render(request, "dashboard/group_policy.html", context, status=status)


def _meaning(form: PolicyForm, group: Group | None) -> Mapping[str, object]:
    """What the form says, in words; what is wrong with it, if it says no policy."""
    edited = form.instance
    if form.is_bound:
        if problems := _problems(form, edited):
            return {"problems": problems}
    elif group is None:
        return {"waiting": True}
    before = policy_words.sentences(group.policy) if group else []
    sentences = [
        Sentence(text, bool(before) and text not in before)
        for text in policy_words.sentences(edited.policy)
    ]
    meaning: dict[str, object] = {"sentences": sentences}
    if group is not None:
        meaning["effects"] = [*_leaving(group, edited), *effects(edited)]
    return meaning


def _problems(form: PolicyForm, edited: Group) -> list[str]:
    problems = [
        f"{form.fields[name].label or name.capitalize()}: {' '.join(map(str, errors))}"
        if name in form.fields
        else " ".join(map(str, errors))
        for name, errors in form.errors.items()
    ]
    if not problems:
        try:
            verbs.check(edited)
        except Refused as refusal:
            problems.append(str(refusal))
    return problems


def _leaving(group: Group, edited: Group) -> list[str]:
    """What another track does: nodes ask for the old one."""
    nodes = NodeCount.objects.of({"group": [group.pk]}).total()
    if group.track == edited.track or not nodes:
        return []
    return [
        f"{_nodes(nodes)} ask{'s' * (nodes == 1)} for track {group.track}: with the next"
        " check-in, who was not moved here by hand leaves the group."
    ]


def effects(group: Group) -> list[str]:
    """What a policy does to the nodes that a group has, a sentence each."""
    found = group_effects.effect(group)
    if not found.nodes:
        return ["The group has no nodes yet."]
    target = group.target_version
    lines = [
        f"{_nodes(nodes)} would get {version}{f', on the way to {target}' * (version != target)}."
        for version, nodes in found.offers.most_common(MOST_LINES)
    ]
    if found.there:
        runs = "runs" if found.there == 1 else "run"
        lines.append(f"{_nodes(found.there)} {runs} the target, or something newer.")
    lines += [
        f"{_nodes(nodes)} would get nothing. {sentence(reason)}"
        for reason, nodes in found.stays.most_common(MOST_LINES)
    ]
    if not group.updates_enabled:
        lines.append("Updates are off: none of this happens before they are switched on.")
    return lines


def _nodes(number: int) -> str:
    return f"{number:,} node{'s' * (number != 1)}"
