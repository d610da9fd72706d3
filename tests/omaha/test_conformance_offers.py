"""What a server must do, case by case: what an offer holds, who gets it, and when nobody does."""

import base64
import hashlib
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction
from pytest_django import Settings

from oemupdates.domain.node import State
from oemupdates.domain.policy import OS_PAYLOAD
from oemupdates.domain.reason import Reason, Why, sentence
from oemupdates.models import Channel, Node, NodeCount, RejectedRequest
from oemupdates.services import channels, releases
from oemupdates.services.checkins import read_reasons
from oemupdates.services.configuration import changing
from oemupdates.services.payload_files import BadPayload
from oemupdates.services.releases import Source, import_release
from tests import omaha_install
from tests.omaha.door import Answer, Door, serving
from tests.omaha.messages import (
    APPLIED,
    BOOT,
    FINISHED,
    MACHINE,
    NEW,
    OLD,
    STARTED,
    check,
    failed,
    ping,
    request,
    syncer,
    tell,
)
from tests.omaha.messages import app as node_app
from tests.omaha.policy import PAYLOADS, add_floor, aim, publish, publish_signed, shape
from tests.omaha_reader import Offer, read_as_ue_rs
from tests.services.makers import limit, make_release, seeded_channel, seeded_group

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

FOLDER = PAYLOADS / NEW


def the_node() -> Node:
    return Node.objects.get(machine_id=MACHINE)


def reasons() -> list[Reason]:
    return list(read_reasons(the_node().reasons))


def test_case_26_sends_the_plain_bytes_that_both_clients_read(door: Door) -> None:
    publish(NEW, "oem-azure.gz")
    answer = door.post(check(), headers=[("accept-encoding", "gzip, deflate, br")])
    assert answer.offered == NEW
    assert answer.body.startswith(b"<?xml")
    assert b"xmlns" not in answer.body
    assert "content-encoding" not in answer.headers
    assert len(answer.root.findall(".//manifest")) == 1
    assert all(url.attrib["codebase"].endswith("/") for url in answer.root.iter("url"))


@pytest.mark.parametrize(
    "codebase",
    [
        "https://cdn.example.net/flatcar/amd64-usr/4593.2.1/",
        "https://cdn.example.net/a?x=1&amp=2/",
        'https://cdn.example.net/<"quoted">/',
    ],
)
def test_case_26_escapes_what_operators_typed(door: Door, codebase: str) -> None:
    """The judge would refuse such URLs; here it is enough that they stay what they are."""
    publish(NEW, "oem-azure.gz", codebase=codebase)
    shape(updates_enabled=True)
    body = door.run(_raw(door, check()))
    assert Answer(200, {}, body).root.find(".//url").get("codebase") == codebase  # type: ignore[union-attr]


async def _raw(door: Door, body: bytes) -> bytes:
    from tests.omaha.door import _scope, exchange  # noqa: PLC0415 - past the judge, here alone

    scope = _scope("POST", "/v1/update", [], "192.0.2.7")
    return (await exchange(door.application, scope, [body])).body


def test_case_27_describes_every_package_in_full(door: Door) -> None:
    publish(NEW, "oem-azure.gz", "flatcar-python.gz")
    packages = list(door.post(check()).root.iter("package"))
    assert len(packages) == 3
    for package in packages:
        assert "/" not in package.attrib["name"]
        assert int(package.attrib["size"]) > 0
        assert package.attrib["required"] in {"true", "false"}
        assert "" not in package.attrib.values()
    assert [package.attrib["required"] for package in packages] == ["true", "false", "false"]


def test_case_28_has_the_hashes_of_the_bytes_that_it_serves(door: Door) -> None:
    publish_signed()
    answer = door.post(check())
    assert answer.package_names == [OS_PAYLOAD, "oem-azure.gz"]
    for package in answer.root.iter("package"):
        content = (FOLDER / package.attrib["name"]).read_bytes()
        sha1 = hashlib.sha1(content, usedforsecurity=False).digest()
        assert base64.b64decode(package.attrib["hash"]) == sha1
        assert int(package.attrib["size"]) == len(content)
    content = (FOLDER / "oem-azure.gz").read_bytes()
    assert package.attrib["hash_sha256"] == hashlib.sha256(content).hexdigest()
    os_sha256 = hashlib.sha256((FOLDER / OS_PAYLOAD).read_bytes()).digest()
    action = answer.root.find(".//action")
    assert action is not None
    assert base64.b64decode(action.attrib["sha256"]) == os_sha256


def test_case_28_lets_both_clients_install_what_it_offers(door: Door) -> None:
    """From the check to the last byte, over the server's own payload door."""
    publish_signed()
    answer = door.post(check())
    offer = answer.heard
    assert isinstance(offer, Offer)
    assert omaha_install.install(offer, door.fetch) == omaha_install.SUCCESS
    document = read_as_ue_rs(answer.body)
    found = omaha_install.extract(document, "oem-azure", door.fetch)
    assert found == (FOLDER / "oem-azure.gz").read_bytes()
    assert omaha_install.extract(document, "oem-gce", door.fetch) is None


def test_case_29_sends_one_action_with_words_for_booleans(door: Door) -> None:
    publish(NEW, "oem-azure.gz", "flatcar-python.gz")
    actions = list(door.post(check()).root.iter("action"))
    assert len(actions) == 1
    assert actions[0].attrib.keys() == {"event", "sha256", "DisablePayloadBackoff"}
    assert actions[0].attrib["event"] == "postinstall"
    assert actions[0].attrib["DisablePayloadBackoff"] in {"true", "false"}


ALL = ("oem-azure.gz", "oem-qemu.gz", "flatcar-python.gz")


def test_case_30_offers_every_oem_as_the_public_server_does(door: Door) -> None:
    publish(NEW, *ALL)
    names = door.post(check(oem="azure")).package_names
    assert names[0] == OS_PAYLOAD
    assert set(names) == {OS_PAYLOAD, *ALL}


@pytest.mark.parametrize(
    ("oem", "expected"),
    [
        ("azure", {"oem-azure.gz", "flatcar-python.gz"}),
        ("qemu", {"oem-qemu.gz", "flatcar-python.gz"}),
        ("", {"flatcar-python.gz"}),
        ("own-oem", {"flatcar-python.gz"}),
    ],
)
def test_case_30_or_only_the_nodes_own(door: Door, oem: str, expected: set[str]) -> None:
    publish(NEW, *ALL)
    shape(offers_own_oem_only=True)
    names = door.post(check(oem=oem)).package_names
    assert names[0] == OS_PAYLOAD
    assert set(names[1:]) == expected


def test_case_31_withholds_what_lacks_the_nodes_oem(door: Door) -> None:
    publish(NEW, "oem-qemu.gz")
    assert door.post(check()).offered == ""
    assert reasons() == [Reason(Why.NOT_READY, NEW, "oem-azure.gz")]
    assert door.post(check(oem="qemu")).offered == NEW


def test_case_31_or_offers_it_with_a_note(door: Door) -> None:
    publish(NEW)
    shape(needs_oem_payload=False)
    assert door.post(check()).offered == NEW
    assert Reason(Why.OEM_NOT_IN_RELEASE, NEW, "azure") in reasons()


def test_case_32_withholds_a_release_that_dropped_the_oem(door: Door) -> None:
    publish("4722.0.0", "oem-azure.gz")
    assert door.post(check(oem="packet")).offered == ""
    assert reasons() == [Reason(Why.OEM_DROPPED, "4722.0.0", "packet")]
    assert "packet" in sentence(reasons()[0])


def test_case_33_leads_a_node_over_its_floor(door: Door) -> None:
    add_floor("4515.2.0", "the new boot loader", "oem-azure.gz")
    publish(NEW, "oem-azure.gz")
    answer = door.post(check())
    assert answer.offered == "4515.2.0"
    assert len(answer.root.findall(".//manifest")) == 1
    assert Reason(Why.FLOOR, "4515.2.0", NEW) in reasons()
    assert door.post(check(version="4515.2.0", bootid="{boot-2}")).offered == NEW


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


def test_case_35_offers_nothing_of_another_architecture(door: Door) -> None:
    publish(NEW, "oem-azure.gz")
    publish("4628.2.0", "oem-azure.gz", architecture="arm64")
    assert door.post(check(board="arm64-usr")).offered == "4628.2.0"
    assert door.post(check(machineid="b" * 32)).offered == NEW


@pytest.mark.parametrize(
    ("board", "sp", "expected"),
    [
        (None, f"{OLD}_x86_64", NEW),
        ("", f"{OLD}_x86_64", NEW),
        (None, f"{OLD}_aarch64", "4628.2.0"),
        ("arm64-usr", f"{OLD}_x86_64", "4628.2.0"),  # the board is the one to rely on
        (None, OLD, ""),
        (None, "", ""),
        ("riscv64-usr", f"{OLD}_x86_64", ""),
    ],
)
def test_case_35_finds_the_architecture(
    door: Door, board: str | None, sp: str, expected: str
) -> None:
    publish(NEW, "oem-azure.gz")
    publish("4628.2.0", "oem-azure.gz", architecture="arm64")
    sent = request(node_app("<updatecheck></updatecheck>", board=board), sp=sp)
    assert door.post(sent).offered == expected
    assert (Why.UNKNOWN_ARCHITECTURE in {reason.why for reason in reasons()}) is (not expected)


@pytest.mark.parametrize(
    "values",
    [
        {"size": 0},
        {"sha256": ""},
        {"sha1": ""},
        {"sha256": "0" * 63},
        {"name": ""},
        {"name": "os/oem-azure.gz"},
    ],
)
def test_case_36_cannot_register_half_a_payload(values: dict[str, object]) -> None:
    release = make_release()
    whole = {"name": "oem-azure.gz", "size": 1, "sha1": "1" * 40, "sha256": "2" * 64}
    with pytest.raises(IntegrityError), transaction.atomic():
        release.payloads.create(**(whole | values))


def test_case_36_cannot_import_a_folder_that_lacks_the_os(tmp_path: Path) -> None:
    (tmp_path / "oem-azure.gz").write_bytes((FOLDER / "oem-azure.gz").read_bytes())
    with pytest.raises(BadPayload):
        import_release(Source(tmp_path, NEW), channel=seeded_channel(), by=None)
    assert Channel.objects.get(pk=seeded_channel().pk).target is None


def test_case_37_repeats_an_offer_byte_for_byte(door: Door) -> None:
    publish(NEW, *ALL)
    first = door.post(check())
    assert first.offered == NEW
    for between in (b"", tell(STARTED), tell(FINISHED), tell(failed(268435465))):
        if between:
            door.post(between)
        assert door.post(check()).body == first.body


def test_case_37_keeps_its_word_though_the_channel_moved(door: Door) -> None:
    publish(NEW, "oem-azure.gz")
    first = door.post(check())
    door.post(tell(STARTED))
    publish("4628.2.0", "oem-azure.gz")
    assert door.post(check()).body == first.body
    assert door.post(check(machineid="b" * 32)).offered == "4628.2.0"


def test_case_38_sends_the_interval_with_both_answers(door: Door) -> None:
    publish(NEW, "oem-azure.gz")
    shape(poll_interval_seconds=7200)
    for version in (OLD, NEW):
        answer = door.post(check(version=version))
        assert answer.heard.poll_seconds == 7200
        assert answer.root.find("app/updatecheck[@PollInterval='7200']") is not None


def test_case_38_asks_for_patience_while_its_queue_is_long(door: Door) -> None:
    shape(poll_interval_seconds=7200)
    door.post(check())
    batcher = door.application.updates.batcher
    batcher._strained_until = float("inf")
    assert door.post(check()).heard.poll_seconds == 14400


def _is_shed(answer: Answer) -> bool:
    assert answer.status == 503
    assert 1 <= int(answer.headers["retry-after"]) <= 600
    assert len(answer.body) < 300
    return True


def test_case_39_sheds_with_503_and_writes_nothing(
    transactional_db: None, settings: Settings
) -> None:
    settings.CHECKIN_SHED = True
    with serving() as door:
        assert all(_is_shed(door.post(sent)) for sent in (check(), ping(), tell(APPLIED)))
        assert _is_shed(door.post(b"no XML at all"))
        door.flush_rejections()
    assert not Node.objects.exists()
    assert not RejectedRequest.objects.exists()


def test_case_39_sheds_while_its_queue_is_full(transactional_db: None, settings: Settings) -> None:
    settings.CHECKIN_QUEUE_MAX = 0
    with serving() as door:
        assert _is_shed(door.post(check()))
    assert not Node.objects.exists()


def test_a_limit_withholds_and_says_so(door: Door) -> None:
    publish(NEW, "oem-azure.gz")
    with changing():
        limit(seeded_group(), 1)
    assert door.post(check(machineid="a" * 32)).offered == NEW
    assert door.post(check()).offered == ""
    assert reasons() == [Reason(Why.LIMIT, "1")]
    door.post(tell(APPLIED, machineid="a" * 32))
    assert door.post(check()).offered == ""  # it still has to boot
    door.post(check(version=NEW, machineid="a" * 32, bootid="{boot-2}"))
    assert door.post(check()).offered == NEW


def test_the_circuit_breaks_for_one_node_and_its_group_goes_on(door: Door) -> None:
    publish(NEW, "oem-azure.gz")
    for _ in range(3):
        assert door.post(check()).offered == NEW
        door.post(tell(STARTED))
        door.post(tell(failed(268435461)))
    assert door.post(check()).offered == ""
    assert the_node().state == State.FAILED
    assert reasons() == [Reason(Why.POSTINST_FAILURES, NEW, "3")]
    assert door.post(check(machineid="b" * 32)).offered == NEW
    aim(make_release("4628.2.0", payloads=(OS_PAYLOAD, "oem-azure.gz")))
    assert door.post(check(bootid=BOOT)).offered == "4628.2.0"
