"""The overview, as its tests bring it about and read it."""

from django.test import Client

from oemupdates.domain.access import Role
from oemupdates.models import Channel, Operator
from tests.dashboard.conftest import PASSWORD, log_in, permit
from tests.services.makers import make_release, seeded_group


def text(page: Client, path: str = "/") -> str:
    return " ".join(page.get(path).content.decode().split())


def aim(channel: Channel, version: str) -> None:
    channel.target = make_release(version)
    channel.save()


def limited(name: str) -> Client:
    somebody = Operator.objects.create_user(f"for-{name}", password=PASSWORD)
    return log_in(permit(somebody, Role.VIEWER, seeded_group(name)))
