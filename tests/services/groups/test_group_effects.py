"""What a policy does to the nodes that a group has."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from oemupdates.domain.reason import Why
from oemupdates.models import Channel, Component, ComponentWant, Group
from oemupdates.services.groups import channels
from oemupdates.services.groups.group_effects import Effect, effect
from tests.services.makers import NOW, make_node, make_release, seeded_channel, seeded_group

pytestmark = pytest.mark.django_db


@pytest.fixture
def stable() -> Channel:
    """A channel that aims at 4593.2.1, past a floor, with a dead end behind it."""
    channel = channels.set_target(seeded_channel(), make_release("4593.2.1"), by=None)
    channels.add_floor(channel, make_release("4459.2.4"), by=None, because="Migrates the OEM")
    channels.add_dead_end(channel, "3510.2.0", by=None, because="Reads no new payloads")
    return channel


class TestEffect:
    def test_asks_no_more_for_a_group_that_wants_more(self, stable: Channel) -> None:
        group, asked = seeded_group(), []
        for number in range(3):
            component = Component.objects.create(name=f"tool{number}", added_at=NOW)
            ComponentWant.objects.create(group=group, component=component)
            with CaptureQueriesContext(connection) as queries:
                effect(seeded_group())
            asked.append(len(queries))
        assert asked[0] == asked[-1]

    def test_counts_who_would_get_what(self, stable: Channel) -> None:
        for version in ("4593.2.1", "4600.0.0", "4459.2.4", "4230.2.0", "4230.2.0", "3510.2.0"):
            make_node(version=version)
        found = effect(seeded_group())
        assert found.offers == {"4593.2.1": 1, "4459.2.4": 2}
        assert found.there == 2
        assert {reason.why: nodes for reason, nodes in found.stays.items()} == {Why.DEAD_END: 1}
        assert found.nodes == 6

    def test_is_of_values_that_are_not_saved(self, stable: Channel) -> None:
        make_node(version="4459.2.4")
        group = seeded_group()
        group.channel = seeded_channel("beta")
        assert [reason.why for reason in effect(group).stays] == [Why.NO_TARGET]
        assert effect(seeded_group()).offers == {"4593.2.1": 1}

    def test_weighs_the_payload_of_an_oem_by_what_the_group_asks(self, stable: Channel) -> None:
        make_node(version="4459.2.4", oem="azure")
        group = seeded_group()
        assert [reason.why for reason in effect(group).stays] == [Why.NOT_READY]
        group.needs_oem_payload = False
        assert effect(group).offers == {"4593.2.1": 1}

    def test_leaves_switches_and_limits_out(self, stable: Channel) -> None:
        make_node(version="4459.2.4")
        group = seeded_group()
        group.updates_enabled, group.max_under_way = False, 1
        assert effect(group).offers == {"4593.2.1": 1}

    def test_is_nothing_for_a_group_without_nodes(self, stable: Channel) -> None:
        assert effect(seeded_group()) == Effect()
        assert effect(Group(architecture="amd64")) == Effect()
