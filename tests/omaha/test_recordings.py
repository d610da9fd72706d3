"""What the real client sent, byte for byte, and what becomes of each."""

from pathlib import Path
from typing import NamedTuple

import pytest

from oemupdates.domain.node import State
from oemupdates.models import Event, Node, RejectedRequest
from oemupdates.omaha.xml import parse_any, parse_stock
from tests.omaha import messages
from tests.omaha.door import Door
from tests.omaha.policy import publish

FOLDER = Path(__file__).parent.parent / "wire" / "update_engine-0.4.10"
MACHINE = "3d1219c7c4c5404aaa1f6d2a48adfda4"
NEW = "4593.2.1"


def recorded(name: str) -> bytes:
    return (FOLDER / f"{name}.request.xml").read_bytes()


class Outcome(NamedTuple):
    """What the node hears, where it stands afterwards, and the events that were worth a row."""

    offered: str
    state: State
    events: tuple[str, ...] = ()
    code: int = 0


CHECK = Outcome(NEW, State.OFFERED)
UNASSIGNED = Outcome("", State.UNASSIGNED)
# Each by itself, on a server that has never heard of the node and has 4593.2.1 for stable.
OUTCOMES = {
    "arm64-nightly-utf8-alias.01": Outcome("", State.WAITING),
    "etc-oem-release-beacon-changed-at-runtime.01": UNASSIGNED,
    "etc-oem-release-beacon.01": UNASSIGNED,
    "first-check-after-reboot-into-new.01": Outcome("", State.UP_TO_DATE, ("updated",)),
    "first-check-noupdate.01": CHECK,
    "hash-mismatch.01": CHECK,
    "hash-mismatch.02": Outcome("", State.DOWNLOADING, ("download_started",)),
    "hash-mismatch.04": Outcome("", State.FAILED, ("failed",), 10),
    "invalid-status.01": CHECK,
    "invalid-status.02": Outcome("", State.NEW, ("check_failed",), 34),
    "no-oem-bare-metal.01": UNASSIGNED,
    "payload-404.01": CHECK,
    "payload-404.02": Outcome("", State.DOWNLOADING, ("download_started",)),
    "payload-404.04": Outcome("", State.FAILED, ("failed",), 9),
    "rollback-check.01": Outcome(NEW, State.OFFERED, ("rolled_back",), 44),
    "rollback-update.01": CHECK,
    "rollback-update.02": Outcome("", State.DOWNLOADING, ("download_started",)),
    "rollback-update.04": Outcome("", State.DOWNLOADED, ("download_finished",)),
    "rollback-update.05": Outcome("", State.REBOOT_PENDING, ("applied",)),
    "routine-check-noupdate.01": CHECK,
    "server-503.01": CHECK,
    "server-503.02": Outcome("", State.NEW, ("check_failed",), 2503),
    "update-success.01": CHECK,
    "update-success.02": Outcome("", State.DOWNLOADING, ("download_started",)),
    "update-success.04": Outcome("", State.DOWNLOADED, ("download_finished",)),
    "update-success.05": Outcome("", State.REBOOT_PENDING, ("applied",)),
}
MALFORMED = "malformed-quote-in-alias.01"
NAMES = sorted(path.name.removesuffix(".request.xml") for path in FOLDER.glob("*.xml"))


def test_each_recording_is_here() -> None:
    assert sorted([*OUTCOMES, MALFORMED]) == NAMES
    assert len(NAMES) == 27


SLOW = "arm64-nightly-utf8-alias.01"  # its references need a real parser


@pytest.mark.parametrize("name", [name for name in OUTCOMES if name != SLOW])
def test_both_parsers_read_the_same(name: str) -> None:
    assert parse_stock(recorded(name)) == parse_any(recorded(name))


def test_the_fast_path_leaves_the_rest_to_the_other() -> None:
    assert parse_stock(recorded(SLOW)) is None
    assert parse_stock(recorded(MALFORMED)) is None


def test_tests_speak_as_the_client_does() -> None:
    """`messages` prints what was recorded, so that no test proves something about itself."""
    boot = "{0afc72a3-4de1-4095-a9eb-76ef2317d90a}"
    old = {"version": "4459.2.1", "alephversion": "4459.2.1"}
    node = {"machineid": MACHINE, "bootid": boot} | old
    first = messages.app(messages.PING, messages.UPDATECHECK, messages.FIRST, **node)
    ours = messages.request(first, sp="4459.2.1_x86_64")
    theirs = recorded("first-check-noupdate.01").replace(b'"ondemandupdate"', b'"scheduler"')
    assert ours == theirs


@pytest.mark.django_db(transaction=True)
class TestReplayed:
    @pytest.mark.parametrize(("name", "outcome"), OUTCOMES.items())
    def test_alone(self, door: Door, name: str, outcome: Outcome) -> None:
        publish(NEW, "oem-azure.gz")
        answer = door.post(recorded(name))
        assert answer.status == 200
        if answer.root.find("app/updatecheck") is not None:
            assert answer.offered == outcome.offered
        else:
            assert not outcome.offered
        node = Node.objects.get()
        assert (node.machine_id, node.state) == (MACHINE, outcome.state)
        events = Event.objects.all()
        assert tuple(event.meaning for event in events) == outcome.events
        assert sum(event.code for event in events) == outcome.code

    def test_the_malformed_one(self, door: Door) -> None:
        answer = door.post(recorded(MALFORMED))
        assert answer.status == 400
        door.flush_rejections()
        assert RejectedRequest.objects.get().reason == "malformed_xml"
        assert not Node.objects.exists()

    def test_an_update_from_its_check_to_its_reboot(self, door: Door) -> None:
        publish(NEW, "oem-azure.gz")
        states = []
        for number in ("01", "02", "04", "05"):
            door.post(recorded(f"update-success.{number}"))
            states.append(Node.objects.get().state)
        door.post(recorded("first-check-after-reboot-into-new.01"))
        states.append(Node.objects.get().state)
        assert states == [
            State.OFFERED,
            State.DOWNLOADING,
            State.DOWNLOADED,
            State.REBOOT_PENDING,
            State.UP_TO_DATE,
        ]
        assert [event.meaning for event in Event.objects.order_by("id")] == [
            "download_started",
            "download_finished",
            "applied",
            "updated",
        ]

    @pytest.mark.parametrize(("story", "code"), [("hash-mismatch", 10), ("payload-404", 9)])
    def test_a_failed_download(self, door: Door, story: str, code: int) -> None:
        publish(NEW, "oem-azure.gz")
        for number in ("01", "02", "04"):
            door.post(recorded(f"{story}.{number}"))
        node = Node.objects.get()
        assert (node.state, node.download_failures, node.last_error_code) == (
            State.FAILED,
            1,
            code,
        )

    def test_a_reset_that_reports_44_without_a_boot(self, door: Door) -> None:
        publish(NEW, "oem-azure.gz")
        for name in ("update.01", "update.02", "update.04", "update.05", "check.01"):
            door.post(recorded(f"rollback-{name}"))
        assert Node.objects.get().rolled_back_version == ""
        assert Event.objects.filter(meaning="status_reset").count() == 1

    @pytest.mark.parametrize(
        ("name", "basis", "version", "birth"),
        [
            ("first-check-noupdate.01", "derived", "4459.2.1", "2.9.1.1-r4"),
            ("no-oem-bare-metal.01", "", "", ""),
            # Not in the beacon's own form: it might as well have been written at the birth.
            ("etc-oem-release-beacon.01", "derived", NEW, NEW),
            ("etc-oem-release-beacon-changed-at-runtime.01", "derived", NEW, f"{NEW}+2.13.0"),
        ],
    )
    def test_what_is_said_of_its_oem(
        self, door: Door, name: str, basis: str, version: str, birth: str
    ) -> None:
        door.post(recorded(name))
        node = Node.objects.get()
        assert (node.oem_basis, node.oem_version, node.birth_version) == (basis, version, birth)

    def test_an_alias_with_references_and_an_old_group(self, door: Door) -> None:
        door.post(recorded("arm64-nightly-utf8-alias.01"))
        node = Node.objects.get()
        assert node.alias == "bär<1>&2"
        assert node.architecture == "arm64"
        assert node.version == "4593.2.0+nightly-20260821-2100"
        assert str(node.group) == "stable (arm64)"  # by the UUID of an older server
