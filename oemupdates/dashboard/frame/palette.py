"""The command palette: a dozen rows that lead anywhere, found as somebody types."""

from collections.abc import Iterator
from itertools import chain, islice
from typing import NamedTuple

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_safe

from oemupdates.dashboard.frame import frame
from oemupdates.dashboard.frame.acting import needs, operator, where
from oemupdates.domain.access import Permission, Reach
from oemupdates.domain.drift_words import APART
from oemupdates.models import Advisory, Channel, Component, Group, Node, Oem, Release

MOST_ROWS = 12
MOST_NODES = 6
MOST_OTHERS = 3
MOST_LETTERS = 256


class Found(NamedTuple):
    """A row of the palette: where it leads, and what kind of thing it is."""

    kind: str
    icon: str
    label: str
    url: str
    note: str = ""


# Lists that somebody asks for by a word.
LISTS = (
    ("Failed nodes", "alert-triangle", "state=failed"),
    ("Rolled back nodes", "arrow-back-up", "state=rolled_back"),
    ("Waiting nodes", "hourglass", "state=waiting"),
    ("Dark nodes", "plug-connected-x", "dark=1"),
    ("Held nodes", "player-pause", "held=1"),
    ("Unassigned nodes", "help-circle", "unassigned=1"),
    (
        "Nodes out of step with their OS",
        "puzzle",
        "&".join(f"drift={drift}" for drift in APART),
    ),
)


# Pages below those of the rail: found by a word, and not listed before one was typed.
BELOW = (
    frame.Place("release_upstreams", "Upstreams", "refresh", "", "release_upstream"),
    frame.Place("release_bundles", "Bundles", "package", "", "release_bundle"),
    frame.Place("release_disk", "Mirror and disk", "server", "", "release_disk"),
    frame.Place("views", "Saved views", "filter", "", "view"),
    frame.Place("wallboard", "Wallboard", "layout-dashboard", "", "wallboard"),
    *(place for place in frame.ADMIN if place.page.startswith("admin_")),
)


# What somebody does, beside what can be done on the page itself, and what it takes.
ACTIONS = (
    ("Make a group", "plus", "group_create", Permission.CHANGE_FLEET),
    ("Sync an upstream now", "refresh", "release_upstreams", Permission.CHANGE_FLEET),
    (
        "Import a release from an upstream",
        "download",
        "release_upstreams",
        Permission.CHANGE_FLEET,
    ),
    ("Add an upstream", "plus", "release_upstream_add", Permission.ADMINISTER),
    ("Take a bundle in", "package", "release_bundles", Permission.CHANGE_FLEET),
    ("Carry releases away in a bundle", "package", "release_bundles", Permission.CHANGE_FLEET),
    ("Add an advisory", "shield", "security_add", Permission.CHANGE_FLEET),
    ("Add an OEM", "puzzle", "oem_add", Permission.CHANGE_FLEET),
    ("Add an image of a component", "plus", "components", Permission.CHANGE_FLEET),
    ("Export activity", "download", "activity_export", Permission.READ_FLEET),
    ("Export nodes", "download", "nodes_export", Permission.READ_FLEET),
    ("Make an API token", "key", "tokens", Permission.READ_FLEET),
    ("Let a user in", "user", "admin_user_new", Permission.ADMINISTER),
    ("Change your password", "lock", "password", Permission.READ_FLEET),
)


@require_safe
@needs(Permission.READ_FLEET)
def palette(request: HttpRequest) -> HttpResponse:
    """Answer the rows for what was typed so far; pages and lists when it was nothing."""
    text = " ".join(request.GET.get("q", "").replace("\x00", "")[:MOST_LETTERS].split())
    reach = where(request, Permission.READ_FLEET)
    found = chain(_nodes(text, reach), _pages(request, text), _lists(text))
    found = chain(found, _actions(request, text), _rest(text, reach), _brought(text))
    return render(request, "dashboard/palette.html", {"rows": list(islice(found, MOST_ROWS))})


def _pages(request: HttpRequest, text: str) -> Iterator[Found]:
    for entry in frame.entries(operator(request), ""):
        if _says(entry.label, text):
            yield Found("page", entry.icon, entry.label, entry.url, f"g {entry.key}")
    if not text:
        return
    for entry in frame.entries(operator(request), "", BELOW):
        if _says(entry.label, text):
            yield Found("page", entry.icon, entry.label, entry.url)
    for url, label, icon in frame.own_pages(operator(request)):
        if _says(label, text):
            yield Found("page", icon, label, url, "your account")


def _lists(text: str) -> Iterator[Found]:
    for label, icon, query in LISTS:
        if _says(label, text):
            yield Found("list", icon, label, f"{reverse('dashboard:nodes')}?{query}")


def _actions(request: HttpRequest, text: str) -> Iterator[Found]:
    for label, icon, name, permission in ACTIONS:
        if text and _says(label, text) and where(request, permission):
            yield Found("action", icon, label, reverse(f"dashboard:{name}"))


def _says(label: str, text: str) -> bool:
    """Whether each word that was typed begins a word of a label."""
    words = label.lower().split()
    return all(any(word.startswith(typed) for word in words) for typed in text.lower().split())


def _nodes(text: str, reach: Reach) -> Iterator[Found]:
    if not text:
        return
    groups = None if reach.is_everywhere else reach.groups
    nodes = Node.objects.first_found_by(text, groups=groups, rows=MOST_NODES)
    for node in nodes:
        note = node.machine_id[:12] if str(node) != node.machine_id else ""
        url = reverse("dashboard:node", args=[node.pk])
        yield Found("node", "server", str(node), url, note)
    if len(nodes) == MOST_NODES:
        url = f"{reverse('dashboard:nodes')}?{urlencode({'q': text})}"
        yield Found("list", "search", f"All nodes that begin with {text}", url)


def _rest(text: str, reach: Reach) -> Iterator[Found]:
    """Groups, releases and channels, asked for only as far as rows are left."""
    if not text:
        return
    groups = Group.objects.filter(name__icontains=text).order_by("name", "pk")
    if not reach.is_everywhere:
        groups = groups.filter(pk__in=reach.groups)
    for group in groups[:MOST_OTHERS]:
        yield Found(
            "group",
            "stack-2",
            group.name,
            reverse("dashboard:group", args=[group.pk]),
            group.architecture,
        )
    for release in Release.objects.filter(version__startswith=text).order_by("-order", "pk")[
        :MOST_OTHERS
    ]:
        url = reverse("dashboard:release", args=[release.pk])
        yield Found("release", "package", release.version, url, release.architecture)
    for channel in Channel.objects.filter(name__icontains=text).order_by("name", "pk")[
        :MOST_OTHERS
    ]:
        url = reverse("dashboard:channel", args=[channel.pk])
        yield Found("channel", "git-branch", channel.name, url, channel.architecture)


def _brought(text: str) -> Iterator[Found]:
    """What else comes to nodes or is known of it: OEMs, components and advisories."""
    if not text:
        return
    named = Q(oem_id__istartswith=text) | Q(name__istartswith=text)
    for oem in Oem.objects.filter(named)[:MOST_OTHERS]:
        url = reverse("dashboard:oem_change", args=[oem.pk])
        yield Found(oem.get_kind_display(), "puzzle", oem.oem_id, url, oem.name)
    for component in Component.objects.filter(name__istartswith=text)[:MOST_OTHERS]:
        url = reverse("dashboard:component", args=[component.name])
        yield Found("component", "plug-connected", component.name, url)
    for advisory in Advisory.objects.filter(name__icontains=text)[:MOST_OTHERS]:
        url = reverse("dashboard:security_advisory", args=[advisory.pk])
        yield Found("advisory", "shield", advisory.name, url)
