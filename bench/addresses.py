"""Every address that answers a GET, found by walking the URLconf: nobody lists a new page."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from django.db.models import Model, QuerySet
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from oemupdates import models
from oemupdates.services.access import share_links

ARGUMENT = re.compile(r"<(?:\w+:)?(\w+)>")

_CHANNEL, _NODE = models.Channel.objects, models.Node.objects
_PEOPLE = models.Operator.objects.filter(is_service_account=False)
# Whose key stands in an address, by how the route's name begins or what the argument is called.
KEYS: dict[str, QuerySet[Model]] = {
    "activit": models.Activity.objects.all(),
    "advisor": models.Advisory.objects.all(),
    "bulk": models.BulkChange.objects.all(),
    "bundle_import": models.BundleImport.objects.all(),
    "channel": _CHANNEL.exclude(floors=None),
    "component_image": models.ComponentImage.objects.all(),
    "dead_end": _CHANNEL.exclude(dead_ends=None),
    "deliver": models.Webhook.objects.all(),
    "factor": models.Operator.objects.all(),
    "floor": _CHANNEL.exclude(floors=None),
    # The last group is the biggest one.
    "group": models.Group.objects.order_by("pk").reverse(),
    # It has everything that a node of `bench.population` may have.
    "node": _NODE.filter(pk__gte=12).order_by("pk"),
    "oem": models.Oem.objects.order_by("pk"),
    "payloads": models.Release.objects.all(),
    "proposal": models.Proposal.objects.all(),
    "release": models.Release.objects.all(),
    "role": _PEOPLE,
    "secret": models.UpdateSecret.objects.all(),
    "security": models.Advisory.objects.all(),
    "session": models.Operator.objects.all(),
    "sync_run": models.SyncRun.objects.all(),
    "token": models.ApiToken.objects.all(),
    "upstream": models.Upstream.objects.all(),
    "token_make": models.Operator.objects.filter(is_service_account=True),
    "user": _PEOPLE,
    "view": models.SavedView.objects.all(),
    "wallboard": models.ShareLink.objects.filter(kind="wallboard"),
    "webhook": models.Webhook.objects.all(),
    ".dead_end": models.DeadEnd.objects.all(),
    ".delivery": models.WebhookDelivery.objects.all(),
    ".floor": models.Floor.objects.all(),
    ".grant": models.RoleGrant.objects.all(),
    ".proposal": models.Proposal.objects.all(),
    ".run": models.SyncRun.objects.all(),
    ".subscription": models.Subscription.objects.all(),
    ".upstream": models.Upstream.objects.all(),
}
WORDS = {
    ".app": "e96281a6-d1af-4bde-9a0a-97b76e56dc57",
    ".architecture": "amd64",
    ".component": "component-000",
    ".file": "component-000-1.0-x86-64.raw",
    ".key": "nobody",
    ".kind": "history",
    ".name": "not-found",
    ".version": "1.0",
}

_NODES = (
    "q=state:failed",
    "q=is:dark",
    "q=is:held",
    "q=hold_ends:<1d",
    "q=is:archived",
    "q=is:unassigned",
    "q=os:<4593.2 state:failed",
    "q=-oem:azure sysext:different",
    "q=drift:oem_not_merged,ext_missing",
    "q=drift_basis:derived os:<4593.2",
    "q=group:site-000 os:4593.2.1",
    "q=label:rack=7",
    "q=-label:region arch:arm64",
    "q=seen:>6h",
    "q=seen:<1h state:rolled_back",
    "q=web-12",
    "q=node-77",
    "q=10.0.0.0/20",
    "q=10.0.0.12",
    "q=2001:db8::/32",
    "q=nothing-is-called-so",
    "q=-node-1 state:deferred",
    "q=state:failed arch:arm64 oem:vmware basis:derived os:4081 seen:>1h",
)
# In which ways pages are asked, besides the plain one, the next page and the export.
QUERIES = {
    "dashboard:overview": ("at=2026-10-01T12:00:00Z",),
    "dashboard:nodes": _NODES,
    "dashboard:nodes_export": _NODES,
    "dashboard:bulk_plan": _NODES,
    "dashboard:palette": ("q=node-77", "q=site", "q=10.0.0.12", "q=nothing"),
    "dashboard:activity": ("tab=people", "verb=node.held", "kind=group", "kind=node&id=12"),
    "dashboard:activity_newest": ("tab=people",),
    "dashboard:admin_users": ("q=operator-0", "kind=service", "role=viewer"),
    "dashboard:admin_tokens": ("state=ended", "state=ending"),
    "dashboard:admin_secrets": ("state=ended",),
    "dashboard:rejected": ("reason=not_xml", "source=192.0.0.7"),
    "api:channel_preview": ("release={release}",),
    "api:release_comparison": ("other={release}",),
    "api:nodes": (*_NODES, "at=2026-11-01T12:00:00Z&q=os:4593 oem:azure"),
    "api:overview": ("at=2026-11-01T12:00:00Z",),
    "api:activities": ("verb=node.held",),
    "api:samples": ("dimension=version&since=2026-10-25T00:00:00Z",),
}
NEXT = re.compile(r'href="([^"]+)" rel="next"')


class Address(NamedTuple):
    """A route by its name, how it is asked, and where."""

    route: str
    query: str
    url: str

    @property
    def label(self) -> str:
        """What it is called in a table."""
        return f"{self.route} {self.query}".rstrip()


def addresses() -> Iterator[Address]:
    """Every address of the database at hand, and the ways of asking lists."""
    for name, arguments in sorted(set(routes())):
        url = reverse(name, kwargs={argument: thing(name, argument) for argument in arguments})
        yield Address(name, "", url)
        for query in QUERIES.get(name, ()):
            asked = query.replace("+", "%2B").format(release=thing("release", "pk"))
            yield Address(name, query, f"{url}?{asked}")


def routes() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every route, by its name and the names of what is in its address."""
    yield from _routes(get_resolver().url_patterns, "")


def _routes(
    patterns: list[URLPattern | URLResolver], space: str
) -> Iterator[tuple[str, tuple[str, ...]]]:
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            inner = f"{space}{pattern.namespace}:" if pattern.namespace else space
            yield from _routes(pattern.url_patterns, inner)
        else:
            yield f"{space}{pattern.name}", tuple(ARGUMENT.findall(str(pattern.pattern)))


def thing(route: str, argument: str) -> str:
    """What stands in an address for an argument; whoever adds a route may have to say so here."""
    if (word := WORDS.get(f".{argument}")) is not None:
        return word
    if argument == "secret":
        kind = "badge" if "badge" in route else "wallboard"
        link = models.ShareLink.objects.filter(kind=kind).first()
        return share_links.secret_of(link) if link else "nobody-knows-this"
    name = route.rpartition(":")[2].removeprefix("admin_")
    stem = max((key for key in KEYS if name.startswith(key)), key=len, default="")
    rows = KEYS.get(f".{argument}", KEYS.get(stem))
    if rows is None:
        raise LookupError(f"bench/addresses.py does not know what {argument} of {route} is")
    row = rows.first()
    if row is None:
        raise LookupError(f"bench/household.py makes nothing that {argument} of {route} could be")
    return str(row.pk)
