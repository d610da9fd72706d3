"""Secrets that are rows: every process lets nodes in by them, and none by one that has ended."""

from datetime import timedelta

import pytest
from django.utils import timezone

from oemupdates.models import Node, Operator, RejectedRequest, UpdateSecret
from oemupdates.omaha import gate
from oemupdates.services.access import update_secrets
from oemupdates.services.checkins.passes import PLAIN
from tests.omaha.door import Door, serving
from tests.omaha.messages import check
from tests.services.makers import make_operator, seeded_group

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ann(transactional_db: None) -> Operator:
    return make_operator()


@pytest.fixture(autouse=True)
def _ask_always(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "ASK_SECONDS", 0.0)


def status(door: Door, value: str = "") -> int:
    return door.post(check(), f"/v1/update/{value}").status


def flush(door: Door) -> None:
    door.run(door.application.updates.endpoint.gate.flush())


def close_plain(by: Operator) -> None:
    update_secrets.revoke(UpdateSecret.objects.get(digest=PLAIN), by=by)


def test_a_new_one_is_valid_at_once_beside_the_former(door: Door, ann: Operator) -> None:
    assert status(door) == 200
    secret, first = update_secrets.create("all", by=ann)
    assert status(door, first) == 200
    _, second = update_secrets.rotate(secret, by=ann)
    assert (status(door, first), status(door, second), status(door)) == (200, 200, 200)


def test_a_former_one_ends_when_its_time_comes(door: Door, ann: Operator) -> None:
    secret, value = update_secrets.create("all", by=ann)
    update_secrets.rotate(secret, by=ann, days=3)
    assert status(door, value) == 200
    UpdateSecret.objects.filter(pk=secret.pk).update(ends_at=timezone.now() - timedelta(1))
    update_secrets.create("so that all hear of it", by=ann)
    assert status(door, value) == 404


def test_a_revoked_one_is_answered_by_no_process_that_has_not_heard_of_it(
    door: Door, ann: Operator
) -> None:
    secret, value = update_secrets.create("all", by=ann)
    with serving() as idle:
        assert status(idle, value) == 200
        update_secrets.revoke(secret, by=ann)
        # The first to come: only its own batch tells this process.
        assert status(idle, value) == 404
        assert status(idle, value) == 404


def test_the_plain_address_is_closed_by_ending_it(door: Door, ann: Operator) -> None:
    _, value = update_secrets.create("all", by=ann)
    assert status(door) == 200
    close_plain(ann)
    assert status(door) == 404
    assert status(door, value) == 200
    door.flush_rejections()
    assert RejectedRequest.objects.get().reason == "wrong_secret"


def test_one_of_a_group_is_for_that_group(door: Door, ann: Operator) -> None:
    _, value = update_secrets.create("berlin", by=ann, group=seeded_group("stable"))
    assert status(door, value) == 200
    nodes = Node.objects.count()
    other = door.post(check(track="beta"), f"/v1/update/{value}")
    assert other.status == 404
    assert Node.objects.count() == nodes
    door.flush_rejections()
    rejected = RejectedRequest.objects.get()
    assert rejected.reason == "wrong_group"
    assert value not in rejected.detail + rejected.sample


def test_strangers_cost_a_question_a_second_at_most(
    door: Door, ann: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    update_secrets.create("all", by=ann)
    asked = []
    real = gate.current_epoch
    monkeypatch.setattr(gate, "current_epoch", lambda: asked.append(1) or real())
    monkeypatch.setattr(gate, "ASK_SECONDS", 3600.0)
    for number in range(20):
        assert status(door, f"guess{number}") == 404
    assert len(asked) == 1


def test_its_last_use_is_written_now_and_then(door: Door, ann: Operator) -> None:
    secret, value = update_secrets.create("all", by=ann)
    for _ in range(5):
        status(door, value)
    secret.refresh_from_db()
    assert secret.last_used_at is None
    flush(door)
    secret.refresh_from_db()
    assert secret.last_used_at
    assert secret.last_used_from == "192.0.2.7"


def test_an_open_server_keeps_nothing_of_it(door: Door) -> None:
    status(door)
    flush(door)
    assert not UpdateSecret.objects.exists()
