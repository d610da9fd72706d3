"""From where nodes are told to get payloads, as their group says: through the door."""

import pytest
from pytest_django import Settings

from oemupdates.models import Node
from oemupdates.services.hosting import node_urls
from tests.omaha.door import Answer, Door
from tests.omaha.messages import MACHINE, NEW, STARTED, check, tell
from tests.omaha.policy import publish, shape

pytestmark = pytest.mark.django_db(transaction=True)

FOLDER = f"amd64-usr/{NEW}"
HERE = f"http://testserver/payloads/{FOLDER}/"
THERE = f"https://there.example/{FOLDER}/"


def urls(answer: Answer) -> list[str]:
    """The codebases of an offer, which the door has put to the strict reader."""
    assert answer.offered == NEW
    return [url.attrib["codebase"] for url in answer.root.iter("url")]


def own(number: int = 0) -> str:
    """The URL that one of the nodes is sent to."""
    node = Node.objects.order_by("pk")[number]
    return f"http://testserver/payloads/n/{node_urls.token(node.pk, FOLDER)}/{FOLDER}/"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("mirror", [HERE]),
        ("mirror_first", [HERE, THERE]),
        ("origin", [THERE]),
        ("origin_first", [THERE, HERE]),
    ],
)
def test_each_source_has_its_urls_in_order(door: Door, source: str, found: list[str]) -> None:
    publish(NEW, "oem-azure.gz", origins=[THERE])
    shape(payload_source=source)
    assert urls(door.post(check())) == found


def test_case_37_gives_each_node_urls_of_its_own_that_stay(door: Door) -> None:
    publish(NEW, "oem-azure.gz", origins=[THERE])
    shape(payload_source="mirror_first", has_node_urls=True)
    first = door.post(check())
    assert urls(first) == [own(), THERE]
    door.post(tell(STARTED))
    assert door.post(check()).body == first.body
    other = door.post(check(machineid="b" * 32))
    assert urls(other) == [own(1), THERE]
    assert own() != own(1)


def test_a_former_key_still_tells_whose_a_url_is(door: Door, settings: Settings) -> None:
    publish(NEW, "oem-azure.gz")
    shape(has_node_urls=True)
    (url,) = urls(door.post(check()))
    said = url.split("/")[5]
    node = Node.objects.get(machine_id=MACHINE)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key of fifty or more characters, as random as it is"
    assert node_urls.node_of(said, FOLDER) == node.pk
    settings.SECRET_KEY_FALLBACKS = []
    assert node_urls.node_of(said, FOLDER) is None
