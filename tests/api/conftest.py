"""Who calls the API."""

import json
from typing import Any

import pytest
from django.test import Client

from oemupdates.domain.access import Role
from oemupdates.models import Operator, RoleGrant
from oemupdates.services.access import proof, strangers
from oemupdates.services.shared import rates

PASSWORD = "correct horse battery"


def somebody(username: str, role: Role | None = None, **grant: Any) -> Operator:
    operator = Operator.objects.create_user(username)
    if role is not None:
        RoleGrant.objects.create(operator=operator, role=role, **grant)
    return operator


def session(operator: Operator) -> Client:
    client = Client()
    client.force_login(operator)
    kept = client.session
    proof.prove(kept)
    kept.save()
    return client


@pytest.fixture
def admin(db: None) -> Operator:
    return somebody("admin", Role.ADMIN)


@pytest.fixture
def api(admin: Operator) -> Client:
    """The API as somebody calls it who may do everything."""
    return session(admin)


@pytest.fixture
def viewer(db: None) -> Client:
    return session(somebody("viewer", Role.VIEWER))


def send(client: Client, method: str, path: str, said: object = None, **headers: str) -> Any:
    """Send JSON to the API; headers are named as in `If_Match`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    data = b"" if said is None else json.dumps(said).encode()
    return client.generic(
        method, f"/api/v1/{path}", data, content_type="application/json", headers=named
    )


def etag(client: Client, path: str) -> str:
    return str(client.get(f"/api/v1/{path}").headers["ETag"])


def problem(answer: Any) -> tuple[int, str]:
    """The status and kind of a problem document."""
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code
    return answer.status_code, answer.json()["type"].removeprefix("/api/problems/")


@pytest.fixture(autouse=True)
def _fresh_rates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Begin with full buckets: rows of another test had the same keys."""
    monkeypatch.setattr(rates, "_own", rates.Own())
    monkeypatch.setattr(rates, "_away_until", 0.0)
    rates._script.cache_clear()
    strangers._waiting.clear()
