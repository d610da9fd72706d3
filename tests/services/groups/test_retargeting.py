"""What would follow a new target: as the decisions that come after it."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from oemupdates.domain.access import EVERYWHERE, Reach
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.domain.reason import Reason, Why
from oemupdates.models import Channel, DeadEnd, Floor, Group, Payload, Release
from oemupdates.services.groups.retargeting import Preview, preview
from oemupdates.services.releases import releases
from tests.services.makers import make_node, make_release, seeded_channel, seeded_group

pytestmark = pytest.mark.django_db


@pytest.fixture
def channel() -> Channel:
    found = seeded_channel()
    found.target = make_release("4459.2.1")
    found.save()
    return found


@pytest.fixture
def release() -> Release:
    return make_release("4593.2.1", payloads=(OS_PAYLOAD, "oem-azure.gz"))


def numbers(found: Preview) -> tuple[int, int, int, int]:
    (group,) = [one for one in found.groups if one.nodes]
    return group.direct, group.by_floor, group.there, group.stranded


def test_tells_apart_who_gets_it_now_later_and_never(channel: Channel, release: Release) -> None:
    floor = Floor.objects.create(channel=channel, release=make_release("4081.2.0"), reason="x")
    DeadEnd.objects.create(channel=channel, version="3510.2.0", reason="no way on")
    for version in ("4459.2.1", "4230.2.3", "3815.2.0", "4593.2.1", "4628.0.0", "3510.2.0"):
        make_node(version=version)
    make_node(oem="vmware")
    found = preview(channel, release, EVERYWHERE)
    assert numbers(found) == (2, 1, 2, 2)
    assert [(one.floor, one.nodes) for one in found.floors] == [(floor, 1)]
    assert {(one.oem, one.reason.why) for one in found.stranded} == {
        ("", Why.DEAD_END),
        ("vmware", Why.NOT_READY),
    }
    assert (found.nodes, found.gets, found.stranded_nodes) == (7, 3, 2)
    assert not found.obstacle


def test_says_what_the_next_check_in_hears(channel: Channel, release: Release) -> None:
    release = releases.block(release, by=None, because="broken")
    make_node()
    found = preview(channel, release, EVERYWHERE)
    assert found.obstacle == "4593.2.1 (amd64) is blocked: broken"
    assert [one.reason for one in found.stranded] == [Reason(Why.BLOCKED, "4593.2.1", "broken")]


def test_lists_what_is_not_verified(channel: Channel, release: Release) -> None:
    Payload.objects.filter(release=release, name="oem-azure.gz").update(is_verified=False)
    make_node(oem="azure")
    make_node(oem="ami", version="4593.2.1")
    found = preview(channel, release, EVERYWHERE)
    assert found.unverified == ["oem-azure.gz"]
    assert [one.reason.why for one in found.stranded] == [Why.NOT_VERIFIED]


def test_knows_a_way_back_from_a_way_on(channel: Channel, release: Release) -> None:
    assert not preview(channel, release, EVERYWHERE).is_older
    make_node()
    found = preview(channel, make_release("4230.2.3"), EVERYWHERE)
    assert found.is_older
    assert numbers(found) == (0, 0, 1, 0)


def test_without_a_target_nobody_gets_anything(channel: Channel) -> None:
    make_node()
    assert numbers(preview(channel, None, EVERYWHERE)) == (0, 0, 0, 1)


def test_counts_only_groups_within_reach(channel: Channel, release: Release) -> None:
    make_node()
    beta = seeded_group("beta")
    beta.channel = channel
    beta.save()
    make_node(group=beta)
    make_node(group=beta)
    mine = Reach(is_everywhere=False, groups=frozenset({beta.pk}))
    found = preview(channel, release, mine)
    assert [one.group for one in found.groups] == [beta]
    assert found.gets == 2


def test_tells_who_reported_a_need_that_the_release_lacks(
    channel: Channel, release: Release
) -> None:
    make_node(oem="azure", needs="oem-azure.gz")
    for needs in ("", "flatcar-python.gz", "flatcar-python.gz flatcar-zfs.gz"):
        make_node(needs=needs)
    make_node(oem="acme", needs=f"oem-acme.gz {' '.join(['flatcar-x.gz'] * 20)}")
    make_node(oem="acme")
    make_node(needs="flatcar-python.gz", is_archived=True)
    make_node(needs="flatcar-python.gz", version="4593.2.1")
    found = preview(channel, release, EVERYWHERE)
    assert numbers(found) == (3, 0, 1, 3)
    told = {(one.oem, one.lacks[:35], one.reason.why, one.reason.detail) for one in found.stranded}
    assert told == {
        ("", "flatcar-python.gz", Why.NOT_READY, "flatcar-python.gz"),
        ("", "flatcar-python.gz flatcar-zfs.gz", Why.NOT_READY, "flatcar-python.gz"),
        ("acme", "oem-acme.gz flatcar-x.gz flatcar-x.", Why.NOT_READY, "oem-acme.gz"),
    }
    Group.objects.update(needs_oem_payload=False)
    assert numbers(preview(channel, release, EVERYWHERE)) == (6, 0, 1, 0)


def test_reads_no_nodes_where_nothing_is_lacking(channel: Channel, release: Release) -> None:
    make_node(oem="azure", needs="oem-azure.gz")
    with CaptureQueriesContext(connection) as asked:
        preview(channel, release, EVERYWHERE)
    assert not [one for one in asked if "GROUP BY" in one["sql"] and '_node"' in one["sql"]]


def test_changes_nothing(channel: Channel, release: Release) -> None:
    make_node()
    preview(channel, release, EVERYWHERE)
    assert Channel.objects.get(pk=channel.pk).target != release
