"""Every sequence of events that the client can send, from offer to reboot."""

import pytest

from oemupdates.management.simulation.habits import Fate
from oemupdates.management.simulation.step import Digests, Fetched
from tests.management.simulation.answers import OEM, OS, noupdate, offer
from tests.management.simulation.story import ROUTINE, make_node, play, wait_of

pytestmark = pytest.mark.once


class TestSequences:
    def test_success(self) -> None:
        node = make_node(Fate.SUCCESS)
        before = node.facts.boot_id
        assert play(node, offer(), *[None] * 6) == [
            ROUTINE,
            "event 13/1",
            "GET flatcar_production_update.gz",
            "event 14/1",
            "GET oem-azure.gz",
            "event 3/1",
            "check 3/2 from 4459.2.4",
        ]
        assert node.facts.version == "4593.2.1"
        assert node.facts.boot_id != before
        assert node.facts.oem_version == "2.9.1.1-r4"  # a birth version, whatever is merged
        assert node.score == {"offered": 1, "updated": 1}

    def test_pings_while_it_waits_for_its_reboot(self) -> None:
        node = make_node(Fate.SUCCESS, reboots_after=(6000, 6000))
        play(node, offer(), *[None] * 5)
        waits = []
        for expected in ("ping", "ping", "check 3/2 from 4459.2.4"):
            waits.append(wait_of(node))
            assert play(node, None) == [expected]
        assert node.facts.version == "4593.2.1"
        # The reboot after 6000 s, the first check of the new system 2 to 12 minutes later.
        assert 6120 <= sum(waits) <= 6720

    def test_a_node_without_oem_downloads_none(self) -> None:
        story = play(make_node(Fate.SUCCESS, oem=""), offer(), *[None] * 5)
        assert story[3:] == ["event 14/1", "event 3/1", "check 3/2 from 4459.2.4"]

    def test_payload_not_found(self) -> None:
        node = make_node(Fate.NOT_FOUND)
        assert play(node, offer(), None, None, noupdate()) == [
            ROUTINE,
            "event 13/1",
            "event 3/0 custom 9",
            ROUTINE,
        ]
        assert node.facts.version == "4459.2.4"

    def test_payload_of_a_host_that_answers_404(self) -> None:
        story = play(make_node(Fate.SUCCESS), offer(), None, Fetched(404), None)
        assert story[2:] == ["GET flatcar_production_update.gz", "event 3/0 custom 9"]

    def test_hash_mismatch(self) -> None:
        assert play(make_node(Fate.HASH_MISMATCH), offer(), *[None] * 3) == [
            ROUTINE,
            "event 13/1",
            "GET flatcar_production_update.gz",
            "event 3/0 custom 10",
        ]

    def test_hash_mismatch_of_the_bytes_themselves(self) -> None:
        wrong = Digests()
        wrong.update(OS[:-1])
        story = play(make_node(Fate.SUCCESS), offer(), None, Fetched(200, wrong), None)
        assert story[-1] == "event 3/0 custom 10"

    def test_right_bytes_are_taken(self) -> None:
        right, oem = Digests(), Digests()
        right.update(OS)
        oem.update(OEM)
        story = play(
            make_node(Fate.SUCCESS),
            *(offer(), None, Fetched(200, right), None, Fetched(200, oem), None),
        )
        assert story[-1] == "event 3/1"

    def test_postinst_failure_repeats_the_whole_download(self) -> None:
        node = make_node(Fate.POSTINST, Fate.POSTINST)
        once = [ROUTINE, "event 13/1", "GET flatcar_production_update.gz", "event 14/1"]
        once.append("event 3/0 custom 5")
        assert play(node, offer(), *[None] * 4, offer(), *[None] * 4) == once + once

    def test_a_missing_oem_payload_fails_in_postinst(self) -> None:
        story = play(make_node(Fate.SUCCESS), offer(oem="gce"), *[None] * 4)
        assert story[-2:] == ["event 14/1", "event 3/0 custom 5"]

    def test_an_oem_payload_is_tried_twenty_times(self) -> None:
        wrong = Digests()
        wrong.update(b"another image")
        story = play(
            make_node(Fate.SUCCESS), offer(), *[None] * 3, *[Fetched(200, wrong)] * 20, None
        )
        assert story.count("GET oem-azure.gz") == 20
        assert story[-1] == "event 3/0 custom 5"

    def test_grub_falls_back(self) -> None:
        node = make_node(Fate.FALLBACK)
        before = node.facts.boot_id
        story = play(node, offer(), *[None] * 6)
        assert story[-2:] == ["event 3/1", "check 3/0 44"]
        assert node.facts.version == "4459.2.4"
        assert node.facts.boot_id != before

    def test_a_rollback_by_hand_tells_no_event(self) -> None:
        node = make_node(Fate.ROLLBACK)
        play(node, offer(), *[None] * 5)
        seen = []
        for _ in range(8):
            before = (node.facts.version, node.facts.boot_id)
            assert play(node, noupdate())[0].startswith("check 3/2")
            seen.append(before)
        versions = [version for version, _ in seen]
        assert versions[0] == "4593.2.1"
        assert versions[-1] == "4459.2.4"
        assert versions == sorted(versions, reverse=True)
        assert len({boot for _, boot in seen}) == 2

    def test_an_interrupted_download_is_resumed(self) -> None:
        node = make_node(Fate.INTERRUPTED, Fate.SUCCESS)
        boot = node.facts.boot_id
        half = len(OS) // 2
        assert play(node, offer(), *[None] * 2, offer(), *[None] * 6) == [
            ROUTINE,
            "event 13/1",
            "GET flatcar_production_update.gz",
            ROUTINE,
            "event 13/1",
            "GET flatcar_production_update.gz bytes=0-684",
            f"GET flatcar_production_update.gz bytes={half}-",
            "event 14/1",
            "GET oem-azure.gz",
            "event 3/1",
        ]
        assert node.facts.version == "4593.2.1"
        assert node.facts.boot_id != boot
        assert node.score["interrupted"] == 1

    def test_a_host_that_ignores_ranges_fails_the_resumed_download(self) -> None:
        node = make_node(Fate.INTERRUPTED, Fate.SUCCESS)
        story = play(node, offer(), None, None, offer(), None, Fetched(200), None)
        assert story[-1] == "event 3/0 custom resumed 9"

    def test_another_offer_begins_the_download_anew(self) -> None:
        node = make_node(Fate.INTERRUPTED, Fate.SUCCESS)
        other = offer("4628.2.0")
        story = play(node, offer(), None, None, other, None, None, None)
        assert story[-2:] == ["GET flatcar_production_update.gz", "event 14/1"]


class TestBeacon:
    def test_tells_what_is_merged_now(self) -> None:
        node = make_node(Fate.SUCCESS, oem_builds={"4593.2.1": "2.12.0.4-r2"})
        assert node.facts.oem_version == "sysext/4459.2.4/-"
        play(node, offer(), *[None] * 5)
        assert node.facts.oem_version == "sysext/4593.2.1/2.12.0.4-r2"

    def test_tells_that_none_is(self) -> None:
        assert make_node(version="3510.3.2", oem_builds={}).facts.oem_version == "sysext/none"
