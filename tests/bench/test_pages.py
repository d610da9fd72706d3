"""What pages cost: the same number of queries in a small fleet and in one that is no small one."""

import json

import pytest
from django.conf import LazySettings
from django.db import transaction

from bench.asking import OK, Asker, Cost
from bench.fleet import check, fill
from bench.page_report import PageTime, marks, table
from oemupdates.models import Operator

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(300)]

# In the first, searches find too little to be compared: they are from the second on.
FEW, SOME, MANY = 20, 600, 2000
# What is shown of more only where there is something to show.
ON_OCCASION = {"dashboard:overview", "api:holds", "api:holds as CSV"}
# Walks that find too little take one more look, and so does one down keys that earlier tests used.
ONE_MORE = ("q=-oem:azure sysext:different", "activity verb=", "activity kind=")
# What is asked for in vain: an address that there is not, parameters that are missing, a network
# that SQLite cannot look for.
REFUSED = {"api:nothing": {404}, "api:samples": {400}}
REFUSED |= {"dashboard:login_came_back": {404}}
REFUSED |= {"api:channel_preview": {400}, "api:release_comparison": {400}}
REFUSED["api:overview at=2026-11-01T12:00:00Z"] = {422}
REFUSED |= {f"{route} q=2001:db8::/32": {400, 422} for route in ("api:nodes", "dashboard:nodes")}
REFUSED["dashboard:nodes_export q=2001:db8::/32"] = REFUSED["dashboard:nodes q=2001:db8::/32"]
REFUSED["dashboard:bulk_plan q=2001:db8::/32"] = REFUSED["dashboard:nodes q=2001:db8::/32"]


@pytest.fixture(autouse=True)
def _patience(settings: LazySettings) -> None:
    settings.API_REQUESTS_A_MINUTE = 1_000_000
    settings.STYLE_GUIDE = settings.METRICS_OPEN = True


def costs(nodes: int) -> dict[str, Cost]:
    """What each page costs in a fleet of so many nodes, when it is asked for the second time."""
    with transaction.atomic():
        fill(nodes, days=3)
        assert check().startswith(f"{nodes} nodes")
        asker = Asker(Operator.objects.get(username="ann"))
        found = {address.label: asker.ask(address.url) for address, _first in asker.pages()}
        transaction.set_rollback(True)
    return found


def test_no_page_asks_more_of_a_bigger_fleet() -> None:
    few, some, many = costs(FEW), costs(SOME), costs(MANY)
    few |= {label: cost for label, cost in some.items() if " q=" in label or label in ON_OCCASION}
    assert {"dashboard:nodes", "api:nodes", "api:nodes as CSV", "dashboard:groups"} <= set(few)
    failed = {
        label: (cost.status, cost.body[:300])
        for label, cost in many.items()
        if cost.status not in REFUSED.get(label, set()) | {OK}
    }
    assert not failed
    more = {
        label: f"{len(few[label].queries)} -> {len(cost.queries)}"
        for label, cost in many.items()
        if label in few
        and len(cost.queries) > len(few[label].queries) + any(walk in label for walk in ONE_MORE)
    }
    assert not more, json.dumps(more, indent=1)


def page(wall: float, *, queries: int = 3, kilobytes: float = 5.0) -> PageTime:
    return PageTime("dashboard:nodes", OK, wall, wall, wall, queries, kilobytes)


def test_the_table_marks_what_grows() -> None:
    lines = table({200: {"dashboard:nodes": page(10)}, 10**6: {"dashboard:nodes": page(250)}})
    assert "| 25.0 | SLOW |" in lines[2]
    assert lines[-1] == "1 pages of 1000000 nodes, 1 over 100 ms"
    assert marks(page(99, queries=4, kilobytes=61), page(10)) == ["BIG", "QUERIES 3->4"]
    assert not marks(page(99), page(10))
