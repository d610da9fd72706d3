"""Requests that are sent again, one after the other and at once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from oemupdates.models import Activity, DoneRequest, Group, Operator
from oemupdates.services.groups import groups
from oemupdates.services.server import history
from oemupdates.services.shared import idempotency
from tests.api.conftest import problem, send, session, somebody
from tests.services.makers import seeded_group

SAID = {"name": "berlin", "architecture": "amd64"}


class TestKey:
    def test_does_a_request_once(self, api: Client) -> None:
        first = send(api, "POST", "groups", SAID, Idempotency_Key="k1")
        again = send(api, "POST", "groups", SAID, Idempotency_Key="k1")
        assert (again.status_code, again.content) == (201, first.content)
        assert again.headers["ETag"] == first.headers["ETag"]
        assert again.headers["Content-Type"] == "application/json"
        assert "Idempotency-Replayed" not in first.headers
        assert again.headers["Idempotency-Replayed"] == "true"
        assert Activity.objects.filter(verb="group.created").count() == 1

    def test_is_for_one_request_alone(self, api: Client) -> None:
        send(api, "POST", "groups", SAID, Idempotency_Key="k1")
        other = send(api, "POST", "groups", SAID | {"name": "x"}, Idempotency_Key="k1")
        assert problem(other) == (422, "key-reused")

    def test_is_its_senders_own(self, api: Client) -> None:
        send(api, "POST", "groups", SAID, Idempotency_Key="k1")
        other = session(Operator.objects.create_superuser("other"))
        answer = send(other, "POST", "groups", SAID, Idempotency_Key="k1")
        assert problem(answer) == (409, "cannot-edit")

    def test_keeps_no_refusal(self, api: Client) -> None:
        path = f"groups/{seeded_group().pk}/updates"
        assert send(api, "POST", path, {"on": True}, Idempotency_Key="k").status_code == 409
        groups.switch_updates(seeded_group(), on=False, by=None)
        assert send(api, "POST", path, {"on": True}, Idempotency_Key="k").status_code == 200

    def test_is_forgotten_after_a_day(self, api: Client) -> None:
        path = f"groups/{seeded_group().pk}/updates"
        send(api, "POST", path, {"on": False}, Idempotency_Key="k1")
        DoneRequest.objects.update(at=timezone.now() - idempotency.LIFE - timedelta(seconds=1))
        again = send(api, "POST", path, {"on": False}, Idempotency_Key="k1")
        assert problem(again) == (409, "cannot-switch")
        history.forget(timezone.now())
        assert not DoneRequest.objects.exists()

    def test_seals_what_was_answered(self, api: Client) -> None:
        send(api, "POST", "groups", SAID, Idempotency_Key="k1")
        kept = DoneRequest.objects.get()
        assert b"berlin" not in bytes(kept.answer)
        assert "k1" not in kept.digest + kept.fingerprint

    def test_outlives_a_new_key_of_the_server(self, api: Client, settings: Any) -> None:
        send(api, "POST", "groups", SAID, Idempotency_Key="k1")
        with idempotency.once(caller="x", key="y", fingerprint="z") as record:
            record.keep(idempotency.Kept(200, {}, b"kept"))
        settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
        settings.SECRET_KEY = "another" * 10
        with idempotency.once(caller="x", key="y", fingerprint="z") as record:
            assert record.kept is not None
            assert record.kept.body == b"kept"

    @pytest.mark.parametrize("key", ["", "two words", "x" * 256, "é"])
    def test_is_a_word(self, api: Client, key: str) -> None:
        answer = send(api, "POST", "groups", SAID, Idempotency_Key=key)
        assert problem(answer) == (400, "invalid")
        assert answer.json()["errors"][0]["parameter"] == "Idempotency-Key"


def together(number: int, act: Callable[[], Any]) -> list[Any]:
    """Do something in some threads at once."""
    ready = threading.Barrier(number)

    def one() -> Any:
        try:
            ready.wait()
            return act()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(number) as threads:
        return [future.result() for future in [threads.submit(one) for _ in range(number)]]


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_of_one_key_are_done_once(self) -> None:
        clients = iter([session(somebody("ann"))] * 4)
        Operator.objects.update(is_superuser=True)
        answers = together(
            4, lambda: send(next(clients), "POST", "groups", SAID, Idempotency_Key="k1")
        )
        statuses = sorted(answer.status_code for answer in answers)
        assert set(statuses) <= {201, 409}
        assert 201 in statuses
        for answer in answers:
            if answer.status_code == 409:
                assert problem(answer) == (409, "key-under-way")
        assert Group.objects.filter(name="berlin").count() == 1
        assert Activity.objects.filter(verb="group.created").count() == 1

    def test_while_the_first_is_at_work_the_second_is_told_so(self) -> None:
        client = session(Operator.objects.create_superuser("ann"))

        def second() -> Any:
            return send(client, "POST", "groups", SAID, Idempotency_Key="k1")

        caller = f"{Operator.objects.get().pk}:session"
        with idempotency.once(caller=caller, key="k1", fingerprint="x"):
            (answer,) = together(1, second)
        assert problem(answer) == (409, "key-under-way")

    def test_between_processes_too(self) -> None:
        if connection.vendor != "postgresql":
            pytest.skip("on SQLite there is one web process")
        client = session(Operator.objects.create_superuser("ann"))
        caller = f"{Operator.objects.get().pk}:session"

        def second() -> Any:
            # Another process does not know what this one is at work on.
            idempotency._under_way.clear()
            return send(client, "POST", "groups", SAID, Idempotency_Key="k1")

        with idempotency.once(caller=caller, key="k1", fingerprint="x"):
            (answer,) = together(1, second)
        assert problem(answer) == (409, "key-under-way")

    def test_of_two_changes_lose_neither(self) -> None:
        client = session(Operator.objects.create_superuser("ann"))
        group = seeded_group()
        path = f"groups/{group.pk}"
        for number in range(5):
            read = client.get(f"/api/v1/{path}").headers["ETag"]
            words = iter([f"a{number}", f"b{number}"])
            answers = together(
                2,
                lambda words=words, read=read: send(
                    client, "PATCH", path, {"description": next(words)}, If_Match=read
                ),
            )
            assert sorted(answer.status_code for answer in answers) == [200, 412]
            (won,) = [answer for answer in answers if answer.status_code == 200]
            assert Group.objects.get(pk=group.pk).description == won.json()["description"]
