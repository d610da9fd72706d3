"""The style guide: every part in every state, for those who build pages."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from oemupdates.dashboard.frame import words
from oemupdates.dashboard.frame.drawing import Cell, Chart, HeatMap, Row, Series, Stage
from oemupdates.models import Activity

VERSIONS = ("4593.2.1", "4593.2.0", "4459.2.4", "4230.2.3", "older")
DAYS = 30
LATEST = 5


class Sample(forms.Form):
    """A field of each kind."""

    name = forms.CharField(help_text="Shown to colleagues.", max_length=64)
    channel = forms.ChoiceField(choices=[("stable", "stable"), ("beta", "beta")])
    note = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))
    enabled = forms.BooleanField(required=False, label="Updates are on")


@require_safe
def style(request: HttpRequest) -> HttpResponse:
    """Show every part; only where `FLEET_STYLE_GUIDE` or `FLEET_DEBUG` asks for it."""
    if not settings.STYLE_GUIDE:
        raise Http404
    messages.success(request, "web-3 is held until Thursday.")
    messages.error(request, "The release is blocked: nobody is offered it.")
    return render(request, "dashboard/style.html", _samples())


def _samples() -> dict[str, Any]:
    now = timezone.now()
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    wrong = Sample({"name": "", "channel": "stable"})
    wrong.is_valid()
    return {
        "states": list(words.STATES),
        "bases": list(words.BASES),
        "tones": ["good", "busy", "wait", "bad", "calm"],
        "trend": [3, 4, 4, 7, 6, 9, 12, 11],
        "moments": [now, now - timedelta(hours=5), now + timedelta(hours=2), day],
        "entries": _entries(),
        "ribbon": _ribbon(),
        "heat_map": _heat_map(),
        "stages": _stages(),
        "shares": _chart(is_stacked=True),
        "line": _chart(is_stacked=False),
        "differences": [
            {"name": "target", "before": "4459.2.4", "after": "4593.2.1"},
            {"name": "limit", "before": "nothing", "after": "20"},
        ],
        "facets": [_facet("State", is_chosen=False), _facet("OEM", is_chosen=True)],
        "chosen": [SimpleNamespace(label="OEM", value="azure", url="?")],
        "flags": [SimpleNamespace(label="Dark", url="?", nodes=3, is_chosen=True)],
        "empty_form": Sample(),
        "wrong_form": wrong,
        "stat_entries": [("Nodes", "12,480", "?"), ("Behind", "31", "?"), ("Poll", "45 min", "")],
        "drawn_at": now,
        "latest": Activity.objects.order_by("-pk")[:LATEST],
        "pager": {"after": "token", "is_first": False},
        "tab_entries": [("People", "?", True), ("System", "?tab=system", False)],
    }


def _entries() -> list[SimpleNamespace]:
    now = timezone.now()
    return [
        SimpleNamespace(
            at=now - timedelta(hours=number),
            icon=icon,
            tone=tone,
            title=f"Event {number}: what happened, in words",
            lines=["A line that says more of it."],
            badges=["custom server"] if number == 1 else [],
        )
        for number, (icon, tone) in enumerate(words.EVENTS.values())
    ]


def _ribbon() -> list[SimpleNamespace]:
    now = timezone.now()
    return [
        SimpleNamespace(
            start=str(number * 25),
            width="25",
            shade=number,
            lasted=86400.0 * 7,
            is_out_of_step=number == 1,
            interval=SimpleNamespace(
                version=version,
                oem="azure",
                oem_version=version,
                started_at=now - timedelta(days=(4 - number) * 7),
            ),
        )
        for number, version in enumerate(VERSIONS[3::-1])
    ]


def _heat_map() -> HeatMap:
    rows = [
        Row(oem, "?", [Cell((step * 37 + shift * 91) % 400, "?") for step in range(4)])
        for shift, oem in enumerate(("azure", "ami", "gce", "vmware"))
    ]
    return HeatMap("Nodes by OEM and OS version", list(VERSIONS[:4]), rows)


def _stages() -> list[Stage]:
    return [
        Stage("Done", 640, "good", "?"),
        Stage("Rebooting", 12, "busy", "?"),
        Stage("Failed", 2, "bad", "?"),
        Stage("Dark", 0, "bad", "?"),
        Stage("Pending", 346, "calm", "?"),
    ]


def _facet(label: str, *, is_chosen: bool) -> SimpleNamespace:
    choices = [
        SimpleNamespace(label=name, url="?", nodes=nodes, is_chosen=is_chosen and name == "azure")
        for name, nodes in (("azure", 812), ("ami", 64), ("none", 3))
    ]
    return SimpleNamespace(label=label, chosen=is_chosen, choices=choices)


def _chart(*, is_stacked: bool) -> Chart:
    start = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    times = [start - timedelta(days=DAYS - day) for day in range(DAYS)]
    new: list[float | None] = [min(900.0, max(0.0, (day - 8) * 60.0)) for day in range(DAYS)]
    old: list[float | None] = [1000.0 - (value or 0.0) for value in new]
    if not is_stacked:
        new[10] = new[11] = None
    return Chart(
        name="shares" if is_stacked else "line",
        title="OS versions",
        times=times,
        series=[Series("4593.2.1", new, "?"), Series("4459.2.4", old)],
        summary="In 30 days 4593.2.1 grew from none of 1,000 nodes to 900.",
        is_stacked=is_stacked,
        days_only=True,
    )
