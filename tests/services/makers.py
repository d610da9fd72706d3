"""Makers of rows: the plainest valid one, changed as asked."""

import itertools
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Sum

from oemupdates.domain.chain import START
from oemupdates.domain.node import State
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.domain.version import sort_key
from oemupdates.models import (
    FLATCAR,
    Activity,
    Advisory,
    ApiToken,
    Application,
    Channel,
    Group,
    GroupBudget,
    Node,
    NodeCount,
    Operator,
    Payload,
    Release,
)
from oemupdates.services.counters.counters import Cell, Moves, cell, holds_place

NOW = datetime(2026, 9, 1, 12, 0, tzinfo=UTC)
_numbers = itertools.count(1)


def make_operator(username: str = "ann") -> Operator:
    return Operator.objects.create(username=username)


def make_token(owner: Operator | None = None, **given: Any) -> ApiToken:
    owner = owner or make_operator(f"scripted{next(_numbers)}")
    values: dict[str, Any] = {
        "name": "a script",
        "secret_hash": f"{next(_numbers):064x}",
        "prefix": "flt_abcdef",
        "created_at": NOW,
        "created_by": owner,
        "expires_at": NOW + timedelta(days=3660),
    } | given
    return ApiToken.objects.create(operator=owner, **values)


def flatcar() -> Application:
    return Application.objects.get(uuid=FLATCAR)


def make_application(name: str = "Other OS") -> Application:
    return Application.objects.create(name=name)


def seeded_channel(name: str = "stable", architecture: str = "amd64") -> Channel:
    return Channel.objects.get(application=flatcar(), name=name, architecture=architecture)


def seeded_group(name: str = "stable", architecture: str = "amd64") -> Group:
    return Group.objects.get(application=flatcar(), name=name, architecture=architecture)


def make_release(version: str = "4593.2.1", *, payloads: Any = (OS_PAYLOAD,), **given: Any):
    values = {"application": flatcar(), "architecture": "amd64", "registered_at": NOW} | given
    release = Release.objects.create(version=version, order=sort_key(version), **values)
    for name in payloads:
        Payload.objects.create(
            release=release, name=name, size=1000, sha1="1" * 40, sha256="2" * 64, is_verified=True
        )
    return release


def make_node(**given: Any) -> Node:
    """A node of the seeded stable group, counted as a check-in would have counted it."""
    number = next(_numbers)
    values: dict[str, Any] = {
        "machine_id": f"{number:032x}",
        "application": str(FLATCAR),
        "track": "stable",
        "version": "4459.2.1",
        "architecture": "amd64",
        "state": State.UP_TO_DATE,
        "first_seen_at": NOW,
        "last_seen_at": NOW,
    } | given
    if "group" not in values:
        values["group"] = seeded_group()
    node = Node.objects.create(**values)
    moves = Moves()
    moves.enter(node)
    moves.write()
    return node


def limit(group: Group, number: int) -> Group:
    """Give a group a limit, and the budget that goes with it."""
    Group.objects.filter(pk=group.pk).update(max_under_way=number)
    under_way = sum(holds_place(node) for node in Node.objects.filter(group=group))
    GroupBudget.objects.create(group=group, under_way=under_way)
    return Group.objects.get(pk=group.pk)


def budget_of(group: Group) -> int:
    return GroupBudget.objects.get(group=group).under_way


def counted() -> dict[Cell, int]:
    """What the counters say, without the cells that nobody is in."""
    rows = NodeCount.objects.values_list(*NodeCount.CELL).annotate(sum=Sum("nodes")).order_by()
    return {row[:-1]: row[-1] for row in rows if row[-1]}


def recounted() -> dict[Cell, int]:
    """What the counters should say."""
    return dict(Counter(where for node in Node.objects.all() if (where := cell(node))))


def make_activity(**given: Any) -> Activity:
    """A row of activity as it might read, at the end of the chain."""
    values: dict[str, Any] = {"at": NOW, "verb": "node.held", "subject_kind": "node"} | given
    row = Activity(**values)
    row.previous_hash = (
        Activity.objects.order_by("-id").values_list("hash", flat=True).first() or START
    )
    row.hash = row.link(row.previous_hash)
    row.save()
    return row


def last_activity() -> Activity:
    return Activity.objects.latest("id")


def osv(name: str = "CVE-2025-41244", **given: Any) -> dict[str, Any]:
    """An advisory about open-vm-tools, in OSV's format."""
    events = [
        [{"introduced": "0"}, {"fixed": "12.5.4"}],
        [{"introduced": "13"}, {"fixed": "13.0.5"}],
    ]
    return {
        "id": name,
        "published": "2025-09-29T00:00:00Z",
        "modified": "2025-10-30T00:00:00Z",
        "summary": "Somebody becomes root",
        "affected": [
            {
                "package": {"ecosystem": "Gentoo", "name": "app-emulation/open-vm-tools"},
                "ranges": [{"type": "ECOSYSTEM", "events": one} for one in events],
            }
        ],
    } | given


def make_advisory(name: str = "CVE-2025-41244", *, own: bool = False, **given: Any) -> Advisory:
    said = osv(name, **given)
    modified = datetime.fromisoformat(said["modified"])
    return Advisory.objects.create(name=name, content=said, modified_at=modified, is_own=own)
