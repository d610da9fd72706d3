"""Remembering when nodes asked for a component's list, what they saw there, and what they took.

What an address says is a stranger's word: it is shown, and nothing is decided by it.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction

from oemupdates.models import Component, ComponentPoll, Node

_SAID = ("polled_at", "boot_id", "os_version", "newest", "withheld")
_TOOK = ("took", "took_at")


@dataclass(frozen=True, slots=True)
class Poll:
    """What one node did with one component: asked for its list, took an image, or both."""

    node: int
    component: str
    boot_id: str
    os_version: str
    at: datetime
    has_asked: bool = False
    newest: str = ""
    withheld: str = ""
    took: str = ""
    took_at: datetime | None = None

    @property
    def key(self) -> tuple[int, str]:
        """What has a row of its own."""
        return self.node, self.component

    def joined(self, later: "Poll") -> "Poll":
        """Both, of which the later wins."""
        seen = later if later.has_asked else self
        taken = later if later.took else self
        return replace(
            later,
            has_asked=seen.has_asked,
            newest=seen.newest,
            withheld=seen.withheld,
            took=taken.took,
            took_at=taken.took_at,
        )


def record(polls: Collection[Poll]) -> None:
    """Keep some polls; those of nodes or components that are gone are left out."""
    names = {one.component for one in polls}
    components = dict(Component.objects.filter(name__in=names).values_list("name", "pk"))
    keys = {one.node for one in polls}
    nodes = set(Node.objects.filter(pk__in=keys).values_list("pk", flat=True))
    # In one order, as every process writes them.
    known = [
        (one, _row(one, components[one.component]))
        for one in sorted(polls, key=lambda one: one.key)
        if one.node in nodes and one.component in components
    ]
    with transaction.atomic():
        _keep([row for one, row in known if one.has_asked and one.took], (*_SAID, *_TOOK))
        _keep([row for one, row in known if one.has_asked and not one.took], _SAID)
        _keep([row for one, row in known if not one.has_asked], _TOOK)


def _keep(rows: list[ComponentPoll], fields: tuple[str, ...]) -> None:
    ComponentPoll.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=("node", "component"), update_fields=fields
    )


def _row(poll: Poll, component: int) -> ComponentPoll:
    return ComponentPoll(
        node_id=poll.node,
        component_id=component,
        polled_at=poll.at,
        boot_id=poll.boot_id,
        os_version=poll.os_version,
        newest=poll.newest,
        withheld=poll.withheld,
        took=poll.took,
        took_at=poll.took_at,
    )
