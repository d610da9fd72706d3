"""Who looks at the pages."""

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from oemupdates.domain.access import Role
from oemupdates.models import Group, Operator, RoleGrant
from oemupdates.services import heartbeats, proof, rates

PASSWORD = "correct horse battery"


def log_in(operator: Operator) -> Client:
    client = Client()
    client.force_login(operator)
    session = client.session
    proof.prove(session)
    session.save()
    return client


@pytest.fixture(autouse=True)
def _nothing_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test's operators see, and how often they tried, is not another's."""
    cache.clear()
    monkeypatch.setattr(rates, "_own", rates.Own())


@pytest.fixture
def heard(db: None) -> None:
    """A worker and a beat that work, or every page would rightly complain."""
    for name in (heartbeats.BEAT, heartbeats.WORKER):
        heartbeats.beat(name, timezone.now())


@pytest.fixture
def admin(heard: None) -> Operator:
    return Operator.objects.create_superuser("admin", password=PASSWORD)


@pytest.fixture
def viewer(heard: None) -> Operator:
    """Somebody who reads everything and may do nothing."""
    return permit(Operator.objects.create_user("viewer", password=PASSWORD), Role.VIEWER)


@pytest.fixture
def page(admin: Operator) -> Client:
    """The pages as somebody sees them who may do everything."""
    return log_in(admin)


def permit(operator: Operator, role: Role, group: Group | None = None) -> Operator:
    """Give an operator a role, everywhere or in a group; as read anew, since it is cached."""
    RoleGrant.objects.create(operator=operator, role=role, group=group)
    return Operator.objects.get(pk=operator.pk)
