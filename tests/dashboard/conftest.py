"""Who looks at the pages."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from oemupdates.domain.access import Role
from oemupdates.domain.provider import Kind, Provider
from oemupdates.models import Group, Operator, RoleGrant
from oemupdates.services.access import proof
from oemupdates.services.shared import heartbeats, rates
from oemupdates.upstream import openid
from tests.identity_servers import CLIENT, SECRET, GitHubServer, OpenIdServer

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
    monkeypatch.setattr(rates, "_own", rates.Own())
    monkeypatch.setattr(openid, "_remembered", {})


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


@pytest.fixture
def server() -> Iterator[OpenIdServer]:
    """An OpenID Connect provider in which ann is logged in."""
    server = OpenIdServer()
    yield server
    server.close()


@pytest.fixture
def corp(server: OpenIdServer, settings: Any, heard: None) -> Provider:
    """The provider by which people log in here."""
    found = Provider(
        id="corp",
        name="Example Corp",
        kind=Kind.OPENID,
        address=server.url,
        client_id=CLIENT,
        secret=SECRET,
        roles={"ops": ("operator@stable",), "all": ("viewer",), "bosses": ("admin",)},
        scopes=("openid", "profile"),
    )
    settings.LOGIN_PROVIDERS = (found,)
    return found


@pytest.fixture
def github(settings: Any, heard: None) -> Iterator[GitHubServer]:
    """A GitHub Enterprise Server by which people log in here."""
    server = GitHubServer()
    found = Provider(
        id="github",
        name="GitHub",
        kind=Kind.GITHUB,
        address=server.url,
        api=f"{server.url}/api/v3",
        client_id=CLIENT,
        secret=SECRET,
        roles={"example/ops": ("operator",), "example": ("viewer",)},
        scopes=("read:user", "read:org"),
    )
    settings.LOGIN_PROVIDERS = (found,)
    yield server
    server.close()


def permit(operator: Operator, role: Role, group: Group | None = None) -> Operator:
    """Give an operator a role, everywhere or in a group; as read anew, since it is cached."""
    RoleGrant.objects.create(operator=operator, role=role, group=group)
    return Operator.objects.get(pk=operator.pk)
