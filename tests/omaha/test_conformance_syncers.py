"""What a server must do, case by case: for other update servers, which are no nodes."""

import base64
import hashlib
from pathlib import Path

import pytest

from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.domain.reason import Reason
from oemupdates.models import Node, NodeCount
from oemupdates.services.checkins.kept import read_reasons
from oemupdates.services.groups import channels, groups
from oemupdates.services.releases import releases
from oemupdates.services.releases.releases import Source, import_release
from tests.omaha.door import Answer, Door
from tests.omaha.messages import (
    MACHINE,
    NEW,
    check,
    syncer,
)
from tests.omaha.policy import PAYLOADS, add_floor, aim, publish, publish_signed, shape
from tests.services.makers import make_release, seeded_channel, seeded_group

pytestmark = pytest.mark.django_db(transaction=True)

FOLDER = PAYLOADS / NEW


def the_node() -> Node:
    return Node.objects.get(machine_id=MACHINE)


def reasons() -> list[Reason]:
    return list(read_reasons(the_node().reasons))


def test_case_34_gives_a_syncer_every_floor_and_the_target(door: Door) -> None:
    add_floor("4515.2.0", "the new boot loader", "oem-azure.gz")
    publish(NEW, "oem-azure.gz")
    manifests = list(door.post(syncer()).root.iter("manifest"))
    assert [manifest.attrib["version"] for manifest in manifests] == ["4515.2.0", NEW]
    floor, target = manifests
    assert floor.attrib["is_floor"] == "true"
    assert floor.attrib["floor_reason"] == "the new boot loader"
    assert "is_target" not in floor.attrib
    assert target.attrib["is_target"] == "true"
    assert "is_floor" not in target.attrib
    assert not Node.objects.exists()
    assert not NodeCount.objects.exists()


def test_case_34_leads_a_syncer_to_the_payloads_of_each(door: Door, tmp_path: Path) -> None:
    small = (PAYLOADS / "4757.1.0" / "oem-vmware.gz").read_bytes()
    (tmp_path / OS_PAYLOAD).write_bytes(small)
    floor = import_release(Source(tmp_path, "4515.2.0"), channel=seeded_channel(), by=None)
    channels.add_floor(seeded_channel(), floor.release, by=None, because="the new boot loader")
    publish_signed()
    root = door.post(syncer()).root
    found = {}
    for manifest in root.iter("manifest"):
        url = manifest.find("urls/url")
        assert url is not None
        for package in manifest.iter("package"):
            content = door.fetch(url.attrib["codebase"] + package.attrib["name"])
            assert content is not None
            sha1 = hashlib.sha1(content, usedforsecurity=False).digest()
            assert base64.b64decode(package.attrib["hash"]) == sha1
            found[manifest.attrib["version"], package.attrib["name"]] = len(content)
    assert found == {
        ("4515.2.0", OS_PAYLOAD): len(small),
        (NEW, OS_PAYLOAD): (FOLDER / OS_PAYLOAD).stat().st_size,
        (NEW, "oem-azure.gz"): (FOLDER / "oem-azure.gz").stat().st_size,
    }
    # What looks above the manifests for its URL finds the target's.
    target = root.find(".//manifest[@is_target='true']/urls/url")
    above = root.find("app/updatecheck/urls/url")
    assert target is not None
    assert above is not None
    assert above.attrib == target.attrib


@pytest.mark.parametrize(
    ("version", "track", "expected"),
    [
        (NEW, "stable", []),
        ("4515.2.0", "stable", [NEW]),
        ("4628.0.0", "stable", []),
        ("no version", "stable", ["4515.2.0", NEW]),
        ("0.0.0", "beta", []),
        ("0.0.0", "nowhere", []),
    ],
)
def test_case_34_gives_a_syncer_only_what_it_lacks(
    door: Door, version: str, track: str, expected: list[str]
) -> None:
    add_floor("4515.2.0", "the new boot loader", "oem-azure.gz")
    publish(NEW, "oem-azure.gz")
    assert _versions(door.post(syncer(version, track=track))) == expected


def test_case_34_leads_no_syncer_past_what_is_blocked(door: Door) -> None:
    """Nodes behind it would skip a floor that they must pass."""
    add_floor("4500.2.0", "the new boot loader", "oem-azure.gz")
    floor = add_floor("4515.2.0", "the newer boot loader", "oem-azure.gz")
    target = publish(NEW, "oem-azure.gz")
    releases.block(target, by=None, because="it does not boot")
    assert _versions(door.post(syncer())) == ["4500.2.0", "4515.2.0"]
    releases.unblock(target, by=None)
    releases.block(floor, by=None, because="it does not boot")
    answer = door.post(syncer())
    assert _versions(answer) == ["4500.2.0"]
    above, own = answer.root.iter("url")
    assert above.attrib == own.attrib
    assert _versions(door.post(syncer("4500.2.0"))) == []


def test_case_34_marks_a_target_that_is_a_floor_as_both(door: Door) -> None:
    aim(add_floor(NEW, "the new boot loader", "oem-azure.gz"))
    (manifest,) = door.post(syncer()).root.iter("manifest")
    assert (manifest.attrib["is_floor"], manifest.attrib["is_target"]) == ("true", "true")


def _versions(answer: Answer) -> list[str]:
    return [manifest.attrib["version"] for manifest in answer.root.iter("manifest")]


def test_case_34_never_two_manifests_for_a_node(door: Door) -> None:
    add_floor("4515.2.0", "the new boot loader", "oem-azure.gz")
    publish(NEW, "oem-azure.gz")
    for wish in ("false", "TRUE", "1", ""):
        answer = door.post(check(multi_manifest_ok=wish))
        assert len(answer.root.findall(".//manifest")) == 1


def test_case_34_has_nothing_for_a_syncer_where_there_is_nothing(door: Door) -> None:
    publish(NEW, "oem-azure.gz")
    shape(channel=None)
    assert _versions(door.post(syncer())) == []


def test_case_34_offers_no_syncer_a_release_without_an_os(door: Door) -> None:
    release = make_release(payloads=("oem-azure.gz",))
    aim(release)
    assert _versions(door.post(syncer())) == []


def test_case_34_gives_a_syncer_nothing_while_updates_are_off(door: Door) -> None:
    publish(NEW, "oem-azure.gz")
    groups.switch_updates(seeded_group(), on=False, by=None)
    assert door.post(syncer()).root.find("app/updatecheck").attrib["status"] == "noupdate"
