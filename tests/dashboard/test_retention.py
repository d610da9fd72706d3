"""Admin > Retention."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from oemupdates.domain.access import Role
from oemupdates.models import Event, Operator, Retention
from oemupdates.services.server import retention
from oemupdates.services.shared import heartbeats
from tests.api.conftest import problem, send
from tests.dashboard.conftest import log_in, permit
from tests.services.makers import NOW, make_node


def html_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_says_what_is_kept_and_when_it_goes(page: Client) -> None:
    assert "has not cleaned up yet" in html_of(page.get("/admin/retention/"))
    heartbeats.beat(retention.TASK, timezone.now())
    html = html_of(page.get("/admin/retention/"))
    assert "The next cleaning is <time" in html
    for label in ("History of nodes", "Webhook deliveries", "Hourly samples"):
        assert label in html


def test_is_changed_by_typing_its_name(page: Client) -> None:
    Event.objects.create(node=make_node(), at=NOW, meaning="applied", type=3, result=1)
    path, said = "/admin/retention/history/", {"days": "14", "confirmed": "history"}
    assert "Nothing was changed" in html_of(page.post(path, said, follow=True))
    assert not Retention.objects.exists()
    html = html_of(page.post(path, said | {"confirmed": "History of nodes"}, follow=True))
    assert "History of nodes: kept for 14 days." in html
    assert "The next cleaning deletes about 1 row." in html
    assert "by default 90" in html


@pytest.mark.parametrize("days", ["", "x", "0", "6", "99999999999999999999"])
def test_says_what_is_wrong(page: Client, days: str) -> None:
    said = {"days": days, "confirmed": "History of nodes"}
    answer = page.post("/admin/retention/history/", said, follow=True)
    assert 'class="bad"' in html_of(answer)
    assert not Retention.objects.exists()


def test_of_nothing_is_not_there(page: Client) -> None:
    assert page.post("/admin/retention/everything/").status_code == 404


def test_offers_auditors_nothing(heard: None) -> None:
    auditor = permit(Operator.objects.create_user("eve"), Role.AUDITOR)
    content = log_in(auditor).get("/admin/retention/").content.decode().partition("<main")[2]
    assert "<form" not in content


def test_is_read_and_changed_by_scripts(page: Client) -> None:
    shown = page.get("/api/v1/retention").json()["kept"]
    assert {one["kind"]: one["days"] for one in shown}["rejected"] == 30
    answer = send(page, "POST", "retention", {"kind": "rejected", "days": 10, "why": "enough"})
    assert answer.json()["kept"]["days"] == 10
    wrong = send(page, "POST", "retention", {"kind": "rejected", "days": 3000})
    assert problem(wrong) == (409, "cannot-keep-so")
