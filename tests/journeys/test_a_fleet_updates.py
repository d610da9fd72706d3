"""Two hundred nodes: first check-in, an update with its OEM payloads, failures, and rollbacks.

Everything goes through the doors: nodes by Omaha and payload downloads, operators by their verbs,
and what they see by the counters and rows that pages read.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from django.utils import timezone

from oemupdates.domain.node import State
from oemupdates.management.simulation.habits import Fate, Habits
from oemupdates.management.simulation.request import Facts
from oemupdates.management.simulation.stock import StockNode
from oemupdates.models import Answer, Event, Node, VersionInterval
from oemupdates.services.counters import counters
from oemupdates.services.groups import groups
from oemupdates.services.nodes import nodes
from tests.journeys.fleet import Fleet, publish
from tests.omaha.door import Door, serving
from tests.services.makers import counted, recounted, seeded_channel, seeded_group

pytestmark = pytest.mark.django_db(transaction=True)

OLD, NEW = "4459.2.4", "4593.2.1"
FILES = ("flatcar_production_update.gz", "oem-azure.gz", "oem-ami.gz", "flatcar-python.gz")
HOUR = 3600.0
# How many nodes meet which fate at their first attempt; all later attempts succeed.
FATES = {
    Fate.SUCCESS: 140,
    Fate.NOT_FOUND: 14,
    Fate.HASH_MISMATCH: 10,
    Fate.INTERRUPTED: 8,
    Fate.FALLBACK: 8,
}
# Post-install fails at every attempt, as it does when a payload is missing on the node.
CURSED = 12
# These apply the update and then never reboot.
STUCK = 8


@pytest.fixture
def door(tmp_path: Path, settings: object) -> Iterator[Door]:
    settings.PAYLOAD_DIR = tmp_path / "payloads"  # type: ignore[attr-defined]
    with serving() as opened:
        yield opened


class TestAFleet:
    def test_updates_fails_rolls_back_and_every_count_says_so(
        self, door: Door, tmp_path: Path
    ) -> None:
        channel, group = seeded_channel(), seeded_group()
        publish(tmp_path, OLD, channel, FILES)
        fleet = Fleet(door, make_fleet())

        # Everybody runs the channel's target already.
        fleet.until(HOUR)
        assert Node.objects.count() == 200
        assert states() == {State.UP_TO_DATE: 200}

        # A release appears while the group's updates are switched off: a clean "not now".
        groups.switch_updates(group, on=False, by=None)
        publish(tmp_path, NEW, channel, FILES)
        fleet.until(2.2 * HOUR)
        assert states() == {State.WAITING: 200}
        assert all('"updates_off"' in node.reasons for node in Node.objects.all())

        # Five may be under way at once, whoever asks first.
        groups.edit(group, by=None, max_under_way=5)
        groups.switch_updates(group, on=True, by=None)
        fleet.until(3.5 * HOUR)
        assert Node.objects.filter(state__in=counters.UNDER_WAY).count() <= 5
        assert Node.objects.filter(reasons__contains="group_limit").exists()
        assert budget_is_true()

        # Then all of them.
        groups.edit(group, by=None, max_under_way=None)
        fleet.until(14 * HOUR)
        assert counted() == recounted()
        self.check_the_cursed()
        self.check_the_rolled_back()
        self.check_the_stuck()
        self.check_the_rest()

        # An operator retries one that rolled back: it is offered the same again, and takes it.
        came_back = Node.objects.filter(state=State.ROLLED_BACK).first()
        assert came_back is not None
        nodes.retry(came_back, by=None)
        fleet.until(20 * HOUR)
        came_back.refresh_from_db()
        assert (came_back.state, came_back.version) == (State.UP_TO_DATE, NEW)
        assert counted() == recounted()
        assert counters.repair() == 0

    def check_the_cursed(self) -> None:
        """Three post-install failures open the circuit; the rest of the group goes on."""
        failed = Node.objects.filter(state=State.FAILED)
        assert failed.count() == CURSED
        for node in failed:
            assert node.version == OLD
            assert node.postinst_failures == 3
            assert "too_many_postinst_failures" in node.reasons
            assert node.events.filter(meaning="failed", code=5).count() == 3

    def check_the_rolled_back(self) -> None:
        """A boot into the old version is a rollback, and the same is not offered by itself."""
        rolled_back = Node.objects.filter(state=State.ROLLED_BACK)
        assert rolled_back.count() == FATES[Fate.FALLBACK]
        for node in rolled_back:
            assert (node.version, node.rolled_back_version) == (OLD, NEW)
            assert node.events.filter(meaning="rolled_back").count() == 1
            assert node.answer == "noupdate"

    def check_the_stuck(self) -> None:
        """Who waits for a reboot says so; who falls silent is dark, and counted all the same."""
        pending = Node.objects.filter(state=State.REBOOT_PENDING)
        assert pending.count() == STUCK
        counters.mark_dark(timezone.now() + timedelta(hours=7))
        assert Node.objects.filter(is_dark=True).count() == 200
        assert counted() == recounted()

    def check_the_rest(self) -> None:
        """Everybody else runs the new version with the OEM sysext that was built for it."""
        updated = Node.objects.filter(version=NEW)
        assert updated.count() == 200 - CURSED - STUCK - FATES[Fate.FALLBACK]
        assert set(updated.values_list("state", flat=True)) == {State.UP_TO_DATE}
        assert set(updated.exclude(oem="").values_list("oem_version", "oem_basis")) == {
            (NEW, "derived")
        }
        # What was interrupted or failed to download came through at a later attempt.
        assert Event.objects.filter(meaning="failed", code=9).count() >= FATES[Fate.NOT_FOUND]
        assert Event.objects.filter(meaning="failed", code=10).count() >= 10
        for node in updated.prefetch_related("intervals")[:20]:
            new, old = node.intervals.all()
            assert (old.version, new.version) == (OLD, NEW)
            assert (old.ended_at, new.ended_at) == (new.started_at, None)
        assert VersionInterval.objects.filter(ended_at=None).count() == 200
        assert Answer.objects.filter(answer=f"offer {NEW}").exists()


def make_fleet() -> list[StockNode]:
    """The same two hundred nodes at every run, of three OEMs and none."""
    fates = [fate for fate, number in FATES.items() for _ in range(number)]
    lives = [*((fate,) for fate in fates), *([(Fate.POSTINST,) * 10] * CURSED), *([()] * STUCK)]
    oems = ("azure", "ami", "")
    return [
        StockNode(
            Facts(
                machine_id=f"{number:032x}",
                version=OLD,
                track="stable",
                boot_id=f"{number:08x}-0000-4000-8000-000000000000",
                oem=oems[number % len(oems)],
                oem_version="2.9.1.1-r4" if number % len(oems) == 0 else "",
                aleph_version=OLD,
                alias=f"node-{number}",
                board="amd64-usr",
                machine="x86_64",
            ),
            Random(number),  # noqa: S311 - the same fleet at every run
            habits=Habits(is_new=True, reboots_after=waits_for_reboot(is_stuck=not fates)),
            fates=fates,
        )
        for number, fates in enumerate(lives)
    ]


def waits_for_reboot(*, is_stuck: bool) -> tuple[float, float]:
    return (1e9, 1e9) if is_stuck else (300, 3 * HOUR)


def states() -> Counter[str]:
    return Counter(Node.objects.values_list("state", flat=True))


def budget_is_true() -> bool:
    return not counters._budget_drift()
