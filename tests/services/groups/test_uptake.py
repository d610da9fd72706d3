"""How soon a group's nodes ran what they were to run."""

from datetime import datetime, timedelta

import pytest

from oemupdates.models import Activity, Channel, Dimension, Group, Sample
from oemupdates.services.groups.uptake import uptakes
from tests.services.makers import NOW, make_activity, seeded_channel, seeded_group

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


def aim(version: str | None, at: datetime, channel: Channel | None = None) -> Activity:
    """A channel's target, set at a time of the past."""
    channel = channel or seeded_channel()
    verb = "channel.target_set" if version else "channel.target_cleared"
    about = {"subject_kind": "channel", "subject_id": channel.pk, "after": {"target": version}}
    return make_activity(verb=verb, at=at, **about)


def ran(at: datetime, group: Group | None = None, *, first: bool = True, **nodes: int) -> None:
    """A sample of a group: how many nodes ran which version, `v4593_2_1` for 4593.2.1."""
    counts = {name.removeprefix("v").replace("_", "."): number for name, number in nodes.items()}
    key = (group or seeded_group()).pk
    Sample.objects.create(
        at=at, group=key, dimension=Dimension.VERSION, counts=counts, is_first_of_day=first
    )


def told(now: datetime = NOW) -> list[tuple[str, dict[int, str]]]:
    """Each target, and by days how many of how many nodes ran it."""
    return [
        (one.version, {at.days: f"{at.reached}/{at.nodes}" for at in one.after})
        for one in uptakes(seeded_group(), now)
    ]


def test_counts_who_ran_a_target_or_something_newer_so_many_days_after() -> None:
    aim("4593.2.1", NOW - 8 * DAY)
    ran(NOW - 8 * DAY, v4459_2_1=10)
    ran(NOW - 7 * DAY, v4459_2_1=6, v4593_2_1=3, v4628_0_0=1)
    ran(NOW - 1 * DAY, v4459_2_1=1, v4593_2_1=11, others=2)
    ran(NOW, v4593_2_1=14)
    (one,) = uptakes(seeded_group(), NOW)
    assert (one.version, one.since, one.until) == ("4593.2.1", NOW - 8 * DAY, None)
    assert [(at.days, at.reached, at.nodes, at.unknown) for at in one.after] == [
        (1, 4, 10, 0),
        (7, 11, 14, 2),
    ]


def test_takes_the_hour_or_else_the_day_before_and_nothing_older() -> None:
    aim("4593.2.1", NOW - 20 * DAY - timedelta(minutes=10))
    ran(NOW - 19 * DAY - timedelta(hours=1), first=False, v4593_2_1=1)
    ran(NOW - 19 * DAY - timedelta(hours=9), v4593_2_1=9)
    ran(NOW - 13 * DAY - timedelta(hours=9), v4593_2_1=2)
    ran(NOW - 13 * DAY, v4593_2_1=5)  # too late by ten minutes
    ran(NOW - 8 * DAY, v4593_2_1=8)  # two days before the fourteenth
    assert told() == [("4593.2.1", {1: "1/1", 7: "2/2"})]


def test_knows_each_target_from_when_to_when() -> None:
    aim("4459.2.1", NOW - 9 * DAY)
    aim(None, NOW - 6 * DAY)
    aim("4593.2.1", NOW - 5 * DAY)
    aim("4628.0.0", NOW - 5 * DAY, seeded_channel("beta"))
    spans = [(one.version, one.since, one.until) for one in uptakes(seeded_group(), NOW)]
    assert spans == [
        ("4593.2.1", NOW - 5 * DAY, None),
        ("4459.2.1", NOW - 9 * DAY, NOW - 6 * DAY),
    ]


def test_begins_when_the_group_followed_the_channel() -> None:
    aim("4081.2.0", NOW - 30 * DAY)
    aim("4459.2.1", NOW - 20 * DAY)
    about = {"subject_kind": "group", "subject_id": seeded_group().pk}
    make_activity(verb="group.edited", at=NOW - 9 * DAY, after={"channel": "stable"}, **about)
    make_activity(verb="group.edited", at=NOW - 4 * DAY, after={"max_under_way": 3}, **about)
    aim("4593.2.1", NOW - 2 * DAY)
    spans = [(one.version, one.since) for one in uptakes(seeded_group(), NOW)]
    assert spans == [("4593.2.1", NOW - 2 * DAY), ("4459.2.1", NOW - 9 * DAY)]


def test_of_other_groups_is_not_counted() -> None:
    aim("4593.2.1", NOW - 2 * DAY)
    ran(NOW - DAY, seeded_group("beta"), v4593_2_1=7)
    assert told() == [("4593.2.1", {})]


def test_is_nothing_without_a_channel_or_a_target() -> None:
    assert told() == []
    aim("4593.2.1", NOW)
    Group.objects.filter(pk=seeded_group().pk).update(channel=None)
    assert told() == []


def test_asks_no_more_for_many_targets(django_assert_max_num_queries: object) -> None:
    for number in range(12):
        aim(f"4593.2.{number}", NOW - (40 - number) * DAY)
    group = seeded_group()
    with django_assert_max_num_queries(3):  # type: ignore[operator]
        assert len(uptakes(group, NOW)) == 10
