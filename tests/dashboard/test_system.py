from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from oemupdates.domain.access import Role
from oemupdates.models import Operator
from tests.dashboard.conftest import log_in, permit


def shown(client: Client) -> str:
    return " ".join(client.get("/admin/system/").content.decode().split())


def test_says_how_every_part_is(page: Client) -> None:
    html = shown(page)
    assert "Every part of this server works." in html
    for words in ("The worker was heard", "The beat was heard", "answers within", "are free for"):
        assert words in html


def test_counts_what_is_wrong(page: Client, settings: Any) -> None:
    settings.REDIS_URL = "unix:///nowhere/at-all.sock"
    html = shown(page)
    assert "parts of this server needs you." in html
    assert "The queue cannot be reached" in html


@pytest.mark.parametrize(
    ("role", "status"),
    [(Role.VIEWER, 403), (Role.APPROVER, 403), (Role.AUDITOR, 200), (Role.ADMIN, 200)],
)
def test_is_for_who_keeps_the_server(heard: None, role: Role, status: int) -> None:
    somebody = permit(Operator.objects.create_user("bo"), role)
    assert log_in(somebody).get("/admin/system/").status_code == status


def test_asks_little(page: Client, django_assert_max_num_queries: Callable[..., Any]) -> None:
    with django_assert_max_num_queries(20):
        shown(page)
