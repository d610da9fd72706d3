"""The ways of a channel's nodes over the API; how they are walked is the page's test."""

import pytest
from django.test import Client

from oemupdates.domain.access import Role
from oemupdates.models import Channel, DeadEnd, Floor
from tests.api.conftest import session, somebody
from tests.services.makers import make_node, make_release, seeded_channel, seeded_group


@pytest.fixture
def channel(db: None) -> Channel:
    found = seeded_channel()
    found.target = make_release("4593.2.1")
    found.save()
    Floor.objects.create(channel=found, release=make_release("3815.2.0"), reason="a new layout")
    DeadEnd.objects.create(channel=found, version="3033.2.0", reason="too old")
    return found


def test_are_walked_for_every_version(api: Client, channel: Channel) -> None:
    for version in ("3510.2.0", "3033.2.0", "4593.2.1"):
        make_node(version=version)
    found = api.get(f"/api/v1/channels/{channel.pk}/paths").json()
    stops = {stop["version"]: stop for stop in found["stops"]}
    assert list(stops) == ["4593.2.1", "3815.2.0", "3510.2.0", "3033.2.0"]
    assert stops["4593.2.1"]["is_target"]
    assert stops["3815.2.0"]["floor"] == "a new layout"
    assert (stops["3510.2.0"]["next"], stops["3510.2.0"]["distance"]) == ("3815.2.0", "2 updates")
    assert (stops["3033.2.0"]["stranded"], stops["3033.2.0"]["dead_end"]) == (1, "too old")
    (stranded,) = found["stranded"]
    assert (stranded["versions"], stranded["nodes"]) == (["3033.2.0"], 1)
    assert stranded["reason"].endswith(".")


def test_are_those_of_ones_groups(channel: Channel) -> None:
    make_node(version="3510.2.0")
    caller = session(somebody("bob", Role.VIEWER, group=seeded_group("beta")))
    found = caller.get(f"/api/v1/channels/{channel.pk}/paths").json()
    assert found == {"stranded": [], "stops": []}
