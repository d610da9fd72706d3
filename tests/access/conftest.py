"""One fleet and one cast for all who walk the routes: making them takes longer than asking."""

from collections.abc import Iterator
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.db import transaction
from pytest_django import DjangoDbBlocker

from tests.access.actors import Actor, everybody
from tests.access.things import GITHUB, everything

METRICS_TOKEN = "of-prometheus"


@pytest.fixture(scope="module")
def _kept(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A transaction around those of the tests of a module; what they share is undone with it."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def cast(_kept: None) -> list[Actor]:
    return everybody()


@pytest.fixture(scope="module")
def fleet(_kept: None) -> dict[str, Any]:
    return everything()


@pytest.fixture
def actors(cast: list[Actor], db: None) -> Iterator[list[Actor]]:
    """Everybody, with the log-ins that they began with."""
    began = [SimpleCookie(one.client.cookies) for one in cast]
    yield cast
    for one, cookies in zip(cast, began, strict=True):
        one.client.cookies = cookies


@pytest.fixture
def things(fleet: dict[str, Any], db: None) -> dict[str, Any]:
    """What stands in addresses: by `route.argument`, or by the argument alone."""
    return fleet


@pytest.fixture(autouse=True)
def _all_doors_are_there(settings: Any) -> None:
    settings.STYLE_GUIDE = True
    settings.METRICS_TOKEN = METRICS_TOKEN
    settings.LOGIN_PROVIDERS = (GITHUB,)
    settings.API_REQUESTS_A_MINUTE = 0
