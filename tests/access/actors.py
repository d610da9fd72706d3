"""Who asks: every role, in every place that it may be held."""

from dataclasses import dataclass

from django.test import Client

from oemupdates.domain.access import ROLES, Permission, Role
from oemupdates.models import Operator, RoleGrant
from oemupdates.services.access import proof
from tests.access.routes import Line
from tests.services.makers import seeded_group


@dataclass
class Actor:
    """Somebody who asks."""

    name: str
    client: Client
    grants: tuple[tuple[Role, str], ...] = ()
    is_logged_in: bool = True
    operator: Operator | None = None

    def may(self, line: Line) -> bool:
        """What the table promises, read without any code of the server but the roles' table."""
        if line.who in {"everybody", "strangers"}:
            return True
        if line.who == "somebody":
            return self.is_logged_in
        if line.who == "prometheus":
            return False
        permission = Permission(line.who)
        places = {place for role, place in self.grants if permission in ROLES[role]}
        return bool(places & PLACES[line.where])


# Where a role must be held so that a permission is there: everywhere, in the group, in another.
PLACES = {
    "somewhere": {"everywhere", "here", "elsewhere"},
    "here": {"everywhere", "here"},
    "everywhere": {"everywhere"},
}


def logged_in(operator: Operator) -> Client:
    """A browser of somebody who logged in just now."""
    client = Client(raise_request_exception=False)
    client.force_login(operator)
    session = client.session
    proof.prove(session)
    session.save()
    return client


def actor(name: str, *grants: tuple[Role, str]) -> Actor:
    operator = Operator.objects.create_user(name, password="x")
    groups = {
        "everywhere": None,
        "here": seeded_group("stable"),
        "elsewhere": seeded_group("beta"),
    }
    for role, place in grants:
        RoleGrant.objects.create(operator=operator, role=role, group=groups[place])
    client = logged_in(operator)
    return Actor(name, client, grants, operator=operator)


def everybody() -> list[Actor]:
    """Somebody of each kind, the first account and a stranger before them."""
    stranger = Actor("nobody", Client(raise_request_exception=False), is_logged_in=False)
    superuser = logged_in(first())
    return [
        Actor("first", superuser, ((Role.ADMIN, "everywhere"),), operator=first()),
        stranger,
        actor("without-role"),
        *[actor(role, (role, "everywhere")) for role in Role],
        *[actor(f"{role}-here", (role, "here")) for role in Role],
        *[actor(f"{role}-elsewhere", (role, "elsewhere")) for role in Role],
    ]


def first() -> Operator:
    """The first account of a server, which may do everything."""
    known = Operator.objects.filter(username="first").first()
    return known or Operator.objects.create_superuser("first", password="x")
