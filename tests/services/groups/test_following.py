import pytest

from oemupdates.domain.access import EVERYWHERE, Reach
from oemupdates.models import Channel
from oemupdates.services.groups import channels
from oemupdates.services.groups.following import following
from tests.services.makers import (
    make_node,
    make_operator,
    make_release,
    seeded_channel,
    seeded_group,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def channel() -> Channel:
    channel, release = seeded_channel(), make_release("4593.2.1")
    return channels.set_target(channel, release, by=make_operator(), why="a week in beta")


def test_counts_the_nodes_of_all_groups_that_follow(channel: Channel) -> None:
    beta = seeded_group("beta")
    beta.channel = channel
    beta.save()
    make_node(version="4593.2.1")
    make_node(version="4459.2.1", state="downloading", group=beta)
    make_node(version="4459.2.1", state="waiting", group=beta)
    found = following([channel], EVERYWHERE)[channel.pk]
    numbers = found.numbers
    assert (numbers.on_target, numbers.in_progress, numbers.behind) == (1, 1, 1)
    mine = Reach(is_everywhere=False, groups=frozenset({beta.pk}))
    limited = following([channel], mine)[channel.pk]
    assert (limited.keys, limited.numbers.nodes) == ([beta.pk], 2)


def test_knows_who_set_the_target_and_when(channel: Channel) -> None:
    release = make_release("4628.0.0")
    channels.add_floor(channel, make_release("4459.2.1"), by=None, because="x")
    channels.set_target(seeded_channel("beta"), release, by=None)
    move = following([channel], EVERYWHERE)[channel.pk].move
    assert move is not None
    assert move.actor is not None
    assert (move.actor.username, move.why) == ("ann", "a week in beta")
    channels.clear_target(channel, by=None)
    move = following([channel], EVERYWHERE)[channel.pk].move
    assert move is not None
    assert move.actor is None


def test_asks_the_same_number_of_questions_of_many(
    channel: Channel, django_assert_num_queries: object
) -> None:
    some = list(Channel.objects.select_related("target"))
    assert len(some) > 3
    with django_assert_num_queries(3):  # type: ignore[operator]
        following(some, EVERYWHERE)
