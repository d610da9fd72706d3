import pytest
from django.db import DatabaseError, connection
from django.test import Client
from pytest_django import Settings

from oemupdates.services.server import health


def test_lives_without_a_log_in_or_a_database() -> None:
    answer = Client().get("/livez")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_is_ready_with_files_for_a_queue(settings: Settings) -> None:
    settings.REDIS_URL = ""
    answer = Client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["parts"] == {"database": "ok", "migrations": "ok", "broker": "ok"}


@pytest.mark.django_db
def test_sees_a_broker_that_answers(settings: Settings, valkey_url: str) -> None:
    settings.REDIS_URL = valkey_url
    assert Client().get("/readyz").json()["parts"]["broker"] == "ok"


@pytest.mark.django_db
def test_is_ready_with_a_dead_broker_and_says_so(settings: Settings) -> None:
    settings.REDIS_URL = "unix:///nowhere/at-all.sock"
    answer = Client().get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["parts"]["broker"] == "unreachable (ConnectionError)"


@pytest.mark.django_db
def test_is_not_ready_while_a_migration_is_pending() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM django_migrations WHERE name ="
            " (SELECT MAX(name) FROM django_migrations WHERE app = 'oemupdates')"
        )
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert "pending" in answer.json()["parts"]["migrations"]


class Broken:
    """A connection to a database that is away."""

    def cursor(self) -> None:
        raise DatabaseError("secret host name")


def test_is_not_ready_without_a_database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "connection", Broken())
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"]["database"] == "unreachable (DatabaseError)"
    assert "secret host name" not in answer.content.decode()


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_is_asked_by_get_only(path: str) -> None:
    assert Client().post(path).status_code == 405
