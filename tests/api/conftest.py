"""Who calls the API."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from oemupdates.domain.access import Role
from oemupdates.models import Operator, RoleGrant

Caller = Callable[..., Any]


def somebody(username: str, role: Role | None = None, **grant: Any) -> Operator:
    operator = Operator.objects.create_user(username)
    if role is not None:
        RoleGrant.objects.create(operator=operator, role=role, **grant)
    return operator


def session(operator: Operator) -> Client:
    client = Client()
    client.force_login(operator)
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
