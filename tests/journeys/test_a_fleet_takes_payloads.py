"""A fleet updates from this server, and its nodes' timelines say which payload each took."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.utils import timezone

from oemupdates.dashboard.nodes.timeline import timeline
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.management.simulation.habits import Habits
from oemupdates.management.simulation.request import Facts
from oemupdates.management.simulation.stock import StockNode
from oemupdates.models import DownloadCount, Node, NodeDownload, Payload, Release
from oemupdates.models.download import Taken
from oemupdates.services.groups import groups
from oemupdates.services.releases import origins
from oemupdates.services.shared import heartbeats
from oemupdates.services.upkeep import fallbacks
from tests.journeys.fleet import Fleet, publish
from tests.omaha.door import Door, serving
from tests.services.makers import seeded_channel, seeded_group

pytestmark = pytest.mark.django_db(transaction=True)

OLD, NEW = "4459.2.4", "4593.2.1"
OEM = "oem-azure.gz"
HOUR = 3600.0
ORIGIN = f"https://there.example/amd64-usr/{NEW}/"
# Nodes by what they are: of the OEM, of it but with an updater that takes nothing of the offer,
# of no OEM, and those of a group that is sent to where this server got the release.
FROM_HERE, FROM_PUBLIC_HOST, PLAIN, FROM_ORIGIN = range(4), range(4, 6), range(6, 9), range(9, 11)


@pytest.fixture
def door(tmp_path: Path, settings: Any) -> Iterator[Door]:
    settings.PAYLOAD_DIR = tmp_path / "payloads"
    with serving() as opened:
        yield opened


def make_node(number: int) -> StockNode:
    return StockNode(
        Facts(
            machine_id=f"{number:032x}",
            version=OLD,
            track="edge" if number in FROM_ORIGIN else "stable",
            boot_id=f"{number:08x}-0000-4000-8000-000000000000",
            oem="" if number in PLAIN else "azure",
            oem_version="" if number in PLAIN else "2.9.1.1-r4",
            aleph_version=OLD,
            alias=f"node-{number}",
            board="amd64-usr",
            machine="x86_64",
        ),
        Random(number),  # noqa: S311 - the same fleet at every run
        habits=Habits(is_new=True, uses_public_host=number in FROM_PUBLIC_HOST),
    )


def titles(number: int) -> list[str]:
    """What stands on a node's timeline of its download, the first first."""
    node = Node.objects.select_related("group").get(alias=f"node-{number}")
    words = ("Download", "Took", "Used", "Update applied", "Began")
    found = [entry.title for entry in timeline(node, before=None, entries=100).entries]
    return [title for title in reversed(found) if title.startswith(words)]


def test_a_fleet_takes_payloads_and_each_timeline_says_which(door: Door, tmp_path: Path) -> None:
    channel = seeded_channel()
    groups.edit(seeded_group(), by=None, payload_source="mirror_first", has_node_urls=True)
    edge = {"channel": channel, "payload_source": "origin", "has_node_urls": True}
    groups.edit(seeded_group("edge"), by=None, **edge)
    publish(tmp_path, OLD, channel, (OS_PAYLOAD, OEM))
    nodes = [*FROM_HERE, *FROM_PUBLIC_HOST, *PLAIN, *FROM_ORIGIN]
    fleet = Fleet(door, [make_node(number) for number in nodes])
    fleet.until(HOUR)
    publish(tmp_path, NEW, channel, (OS_PAYLOAD, OEM))
    release = Release.objects.get(version=NEW)
    origins.remember(release, [ORIGIN], by=None)
    fleet.until(12 * HOUR)
    assert set(Node.objects.values_list("version", flat=True)) == {NEW}

    # Last, a node boots whose OEM was lost from its disk: its initrd asks without saying who.
    door.get(f"/payloads/amd64-usr/{NEW}/{OEM}")
    door.run(door.application.payloads.takings.flush())

    size = dict(Payload.objects.filter(release=release).values_list("name", "size"))
    here = len(FROM_HERE) + len(FROM_PUBLIC_HOST) + len(PLAIN)
    azure = len(FROM_HERE) + 1
    assert sorted(DownloadCount.objects.of(release).taken()) == [
        Taken(OS_PAYLOAD, here, 0, 0, here * size[OS_PAYLOAD], 0),
        Taken(OEM, azure, 0, 0, azure * size[OEM], 1),
    ]
    rows = NodeDownload.objects.filter(version=NEW).values_list("node__alias", "name", "size")
    assert sorted(rows) == sorted(
        (f"node-{number}", name, size[name])
        for numbers, names in (
            (FROM_HERE, (OS_PAYLOAD, OEM)),
            (FROM_PUBLIC_HOST, (OS_PAYLOAD,)),
            (PLAIN, (OS_PAYLOAD,)),
        )
        for number in numbers
        for name in names
    )
    started, finished = "Download started", "Download finished and verified"
    applied = "Update applied, waiting for the reboot"
    took_os, took_oem = (f"Took {name} from this server" for name in (OS_PAYLOAD, OEM))
    for number in FROM_HERE:
        assert titles(number) == [started, took_os, finished, took_oem, applied]
    for number in FROM_PUBLIC_HOST:
        used = f"Used the public host for {OEM}"
        assert titles(number) == [started, took_os, finished, applied, used]
    for number in PLAIN:
        assert titles(number) == [started, took_os, finished, applied]
    for number in FROM_ORIGIN:
        assert titles(number) == [started, finished, applied]

    # What the timelines tell is drift, too, once the clock has looked.
    now = timezone.now()
    heartbeats.beat("measure_drift", now - timedelta(days=1))
    fallen = fallbacks.look(now + fallbacks.SETTLES, "measure_drift")
    assert fallen == len(FROM_PUBLIC_HOST)
    found = Node.objects.filter(drift__contains="public_fallback").values_list("alias", flat=True)
    assert set(found) == {f"node-{number}" for number in FROM_PUBLIC_HOST}
