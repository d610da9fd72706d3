"""Activity as others follow it: rows as values, in the order in which they were written."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from oemupdates.domain.access import Reach
from oemupdates.models import Activity, Node
from oemupdates.services.news.viewers import Viewer

# What every part of the fleet shares; whatever is not listed here is a matter of security.
_SHARED = {
    "application",
    "channel",
    "component",
    "componentimage",
    "oem",
    "release",
    "upstream",
}
_GROUPED = {"group", "node"}
# What may be about any group: for who sees all of them.
_FLEETWIDE = {"bulkchange", "demofleet"}
_MOST = 500


@dataclass(frozen=True, slots=True)
class Entry:
    """One activity on its way to somebody; `group` is that of its subject, where it has one."""

    id: int
    kind: str
    subject: int | None
    group: int | None
    values: dict[str, Any]

    def is_for(self, viewer: Viewer) -> bool:
        """Whether somebody may hear of it."""
        if self.kind in _GROUPED:
            return viewer.reach.covers(self.group)
        if self.kind in _FLEETWIDE and viewer.reach.is_everywhere:
            return True
        return self.kind in _SHARED or viewer.reads_security


def describe(row: Activity) -> dict[str, Any]:
    """An activity as scripts read it, over the API, the stream and webhooks alike."""
    return {
        "id": row.pk,
        "at": row.at.isoformat(),
        "actor": row.actor.username if row.actor else None,
        "verb": row.verb,
        "subject": {"kind": row.subject_kind, "id": row.subject_id, "name": row.subject},
        "before": row.before,
        "after": row.after,
        "why": row.why,
    }


def visible(reach: Reach, *, reads_security: bool) -> QuerySet[Activity]:
    """The rows that somebody may read: what `Entry.is_for` says, as a question to the database."""
    rows = Activity.objects.all()
    if reach.is_everywhere and reads_security:
        return rows
    allowed = Q(subject_kind__in=_SHARED)
    if reach.is_everywhere:
        allowed |= Q(subject_kind__in=_GROUPED | _FLEETWIDE)
    else:
        allowed |= about_groups(reach.groups)
    if reads_security:
        allowed |= ~Q(subject_kind__in=_SHARED | _GROUPED)
    return rows.filter(allowed)


def about_groups(groups: Collection[int]) -> Q:
    """What was done to groups, and to the nodes that are in them now."""
    # Asked of each row by the node's key: a group may have more nodes than there is activity.
    node = Node.objects.filter(pk=OuterRef("subject_id"), group_id__in=groups).order_by()
    return Q(subject_kind="group", subject_id__in=groups) | Q(Exists(node), subject_kind="node")


def after(last: int, *, upto: int | None = None) -> list[Entry]:
    """The oldest entries behind `last`, none beyond `upto`."""
    rows = Activity.objects.filter(pk__gt=last).select_related("actor")
    if upto is not None:
        rows = rows.filter(pk__lte=upto)
    return _entries(rows.order_by("pk")[:_MOST])


def newest() -> int:
    """The id of the last activity; 0 while there is none."""
    return Activity.objects.order_by("-pk").values_list("pk", flat=True).first() or 0


class Tail:
    """The end of the activity, read again and again; rows commit in the order of their ids."""

    def __init__(self) -> None:
        self.last: int | None = None

    def read(self) -> list[Entry]:
        """What came since the last call; nothing at the first."""
        if self.last is None:
            self.last = newest()
            return []
        found = after(self.last)
        if found:
            self.last = found[-1].id
        return found


def _entries(rows: Iterable[Activity]) -> list[Entry]:
    found = list(rows)
    groups = _groups_of_nodes(found)
    return [
        Entry(
            row.pk,
            row.subject_kind,
            row.subject_id,
            row.subject_id if row.subject_kind == "group" else groups.get(row.subject_id or 0),
            describe(row),
        )
        for row in found
    ]


def _groups_of_nodes(rows: Sequence[Activity]) -> dict[int, int | None]:
    keys = {row.subject_id for row in rows if row.subject_kind == "node" and row.subject_id}
    if not keys:
        return {}
    return dict(Node.objects.filter(pk__in=keys).values_list("pk", "group_id"))
