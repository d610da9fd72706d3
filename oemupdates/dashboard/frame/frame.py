"""What stands around every page: the rail, and the way to one's own account."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from django import template
from django.template import Context, RequestContext
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from oemupdates.dashboard.frame import preferences
from oemupdates.domain.access import Permission
from oemupdates.models import Operator
from oemupdates.services.access import access

register = template.Library()

READ = (Permission.READ_FLEET,)
SECURITY = (Permission.READ_SECURITY,)


class Place(NamedTuple):
    """One entry of the rail: all URL names that begin with `stem` are under it.

    `key` goes there after `g`. Any permission of `needs` shows it, wherever it holds unless the
    place `is_for_all`: then it must hold everywhere.
    """

    page: str
    label: str
    icon: str
    key: str
    stem: str
    needs: tuple[Permission, ...] = READ
    is_for_all: bool = False

    def is_seen_by(self, operator: Operator) -> bool:
        """Whether somebody may go there."""
        reaches = [access.where(operator, permission) for permission in self.needs]
        return any(reach.is_everywhere or (reach and not self.is_for_all) for reach in reaches)


class Entry(NamedTuple):
    """A place as somebody sees it."""

    label: str
    icon: str
    key: str
    url: str
    is_here: bool


PLACES = (
    Place("overview", "Overview", "layout-dashboard", "o", "overview"),
    Place("nodes", "Nodes", "server", "n", "node"),
    Place("groups", "Groups", "stack-2", "g", "group"),
    Place("channels", "Channels", "git-branch", "c", "channel"),
    Place("releases", "Releases", "package", "r", "release"),
    Place("oem", "OEM", "puzzle", "e", "oem"),
    Place("components", "Components", "plug-connected", "m", "component"),
    Place("security", "Security", "shield", "s", "security"),
    Place("paths", "Paths", "route", "p", "path"),
    Place("activity", "Activity", "history", "a", "activity"),
    Place("rejected", "Rejected", "ban", "x", "rejected", (Permission.READ_RAW,), is_for_all=True),
    Place(
        "admin",
        "Admin",
        "settings",
        "d",
        "admin",
        (Permission.ADMINISTER, Permission.READ_SECURITY),
    ),
)
# What stands in Admin, beside one another, as far as it has a page and somebody may see it.
ADMIN = (
    Place("admin", "Overview", "settings", "", "admin", SECURITY),
    Place("admin_users", "Users", "user", "", "admin_user", SECURITY),
    Place("admin_roles", "Roles", "shield", "", "admin_role", SECURITY),
    Place("admin_tokens", "Tokens", "key", "", "admin_token", SECURITY),
    Place("admin_secrets", "Node secrets", "lock", "", "admin_secret", SECURITY),
    Place("admin_webhooks", "Webhooks", "send", "", "admin_webhook", (Permission.ADMINISTER,)),
    Place("rejected", "Rejected", "ban", "", "rejected", (Permission.READ_RAW,), is_for_all=True),
    Place("admin_retention", "Retention", "archive", "", "admin_retention", SECURITY),
    Place("admin_system", "System", "server", "", "admin_system", SECURITY),
)
# What somebody may do about their own account, as far as it has a page.
ACCOUNT = (
    ("dashboard:password", "Password", "lock"),
    ("dashboard:factors", "Second factors", "shield"),
    ("dashboard:sessions", "Sessions", "user"),
    ("dashboard:tokens", "API tokens", "key"),
    ("api:docs", "The API", "puzzle"),
)
LABELS = ("Theme", "Rows")


def _url(name: str) -> str | None:
    try:
        return reverse(name)
    except NoReverseMatch:
        return None


def entries(operator: Operator, here: str, places: Sequence[Place] = PLACES) -> list[Entry]:
    """The places that exist and that somebody may see."""
    found = []
    for place in places:
        url = _url(f"dashboard:{place.page}")
        if url and place.is_seen_by(operator):
            is_here = here.startswith(place.stem)
            found.append(Entry(place.label, place.icon, place.key, url, is_here))
    return found


def own_pages(operator: Operator) -> list[tuple[str, str, str]]:
    """The pages of somebody's own account: address, label and icon of each."""
    has_password = operator.has_usable_password()
    places = [one for one in ACCOUNT if has_password or one[0] != "dashboard:password"]
    found = [(_url(name), label, icon) for name, label, icon in places]
    return [(url, label, icon) for url, label, icon in found if url]


@register.inclusion_tag("dashboard/_rail.html", takes_context=True)
def rail(context: RequestContext) -> dict[str, Any]:
    """The way to every page, with the present one marked."""
    request = context["request"]
    match = request.resolver_match
    here = (match.url_name or "") if match else ""
    operator = request.user
    return {"entries": entries(operator, here) if isinstance(operator, Operator) else []}


@register.inclusion_tag("parts/_tabs.html", takes_context=True)
def admin_tabs(context: RequestContext) -> dict[str, Any]:
    """The pages of Admin beside one another, with the present one marked."""
    request = context["request"]
    here = request.resolver_match.url_name or ""
    found = entries(request.user, here, ADMIN)
    # The overview of Admin is above all others, whose names begin as its does.
    shown = [(one.label, one.url, one.is_here) for one in found[1:]]
    return {"label": "Admin", "entries": [(found[0].label, found[0].url, here == "admin"), *shown]}


@register.inclusion_tag("parts/_user_menu.html", takes_context=True)
def user_menu(context: RequestContext) -> dict[str, Any]:
    """Who is logged in, what they may set for themselves, and the way out."""
    request = context["request"]
    chosen = preferences.look(request)
    return {
        "request": request,
        "links": own_pages(request.user),
        "preferences": [
            (name, label, [(choice, choice == chosen[name]) for choice in choices])
            for (name, choices), label in zip(preferences.CHOICES.items(), LABELS, strict=True)
        ],
    }


@register.simple_tag(takes_context=True)
def look(context: Context) -> SafeString:
    """The theme and the density of the page, as attributes of its root."""
    chosen = preferences.look(context.get("request"))
    return format_html_join(" ", 'data-{}="{}"', chosen.items())
