"""Who is asking: strangers, several at once, and other update servers."""

import pytest

from oemupdates.domain.node import State
from oemupdates.domain.reason import Why
from oemupdates.models import Event, Node, RejectedRequest
from oemupdates.services.checkins.kept import read_reasons
from tests.omaha.door import Door
from tests.omaha.messages import (
    APPLIED,
    MACHINE,
    NEW,
    PING,
    ROUTINE,
    UPDATECHECK,
    app,
    check,
    pxe_stub,
    request,
    syncer,
    tell,
)
from tests.omaha.policy import publish

pytestmark = pytest.mark.django_db(transaction=True)

OTHER = "b" * 32


class TestUnassigned:
    """No machine that ever called is invisible."""

    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"track": "nowhere"}, Why.UNKNOWN_TRACK),
            ({"track": ""}, Why.UNKNOWN_TRACK),
            ({"board": "riscv64-usr"}, Why.UNKNOWN_ARCHITECTURE),
            ({"appid": "{11111111-2222-3333-4444-555555555555}"}, Why.UNKNOWN_APPLICATION),
            ({"appid": "io.example.os"}, Why.UNKNOWN_APPLICATION),
            ({"appid": ""}, Why.UNKNOWN_APPLICATION),
        ],
    )
    def test_is_kept_with_what_it_asked_for(
        self, door: Door, changes: dict[str, str], why: Why
    ) -> None:
        assert door.post(check(**changes)).status == 200
        node = Node.objects.get()
        assert (node.machine_id, node.state, node.group) == (MACHINE, State.UNASSIGNED, None)
        assert [reason.why for reason in read_reasons(node.reasons)] == [why]

    def test_is_kept_though_it_asks_for_nothing(self, door: Door) -> None:
        door.post(pxe_stub(track="nowhere"))
        assert Node.objects.get().state == State.UNASSIGNED

    def test_comes_home_when_its_track_is_known(self, door: Door) -> None:
        door.post(check(track="nowhere"))
        door.post(check())
        node = Node.objects.get()
        assert node.group is not None
        assert node.state != State.UNASSIGNED


class TestSeveralApplications:
    def test_one_that_is_bad_leaves_the_others_their_answers(self, door: Door) -> None:
        publish(NEW, "oem-azure.gz")
        answer = door.post(
            request(
                app(PING, UPDATECHECK, ROUTINE, machineid="not a machine id"),
                app(PING, UPDATECHECK, ROUTINE),
                app(UPDATECHECK, appid="unheard-of"),
                app(UPDATECHECK, version="x" * 65, machineid=OTHER),
            )
        )
        statuses = [each.get("status") for each in answer.apps]
        assert statuses == [
            "error-invalidArguments",
            "ok",
            "error-unknownApplication",
            "error-invalidArguments",
        ]
        assert answer.apps[1].find("updatecheck/manifest") is not None
        assert set(Node.objects.values_list("machine_id", flat=True)) == {MACHINE}
        door.flush_rejections()
        rejected = RejectedRequest.objects.get()
        assert (rejected.reason, rejected.times) == ("bad_values", 2)

    def test_the_same_node_twice_in_one_request(self, door: Door) -> None:
        publish(NEW, "oem-azure.gz")
        answer = door.post(request(app(UPDATECHECK, ROUTINE), app(APPLIED)))
        assert answer.status == 200
        node = Node.objects.get()
        assert (node.check_in_count, node.state) == (2, State.REBOOT_PENDING)

    def test_a_syncer_beside_a_node(self, door: Door) -> None:
        publish(NEW, "oem-azure.gz")
        answer = door.post(
            request(app(UPDATECHECK, multi_manifest_ok="true"), app(UPDATECHECK, machineid=OTHER))
        )
        assert len(answer.root.findall(".//manifest")) == 2
        assert Node.objects.get().machine_id == OTHER

    @pytest.mark.parametrize(("apps", "status"), [(0, 400), (1, 200), (16, 200), (17, 400)])
    def test_as_many_as_anybody_could_mean(self, door: Door, apps: int, status: int) -> None:
        sent = request(*(app(PING, machineid=f"{number:032x}") for number in range(apps)))
        assert door.post(sent).status == status

    @pytest.mark.parametrize(("events", "status"), [(32, 200), (33, 400)])
    def test_and_as_many_events(self, door: Door, events: int, status: int) -> None:
        assert door.post(request(app(*[APPLIED] * events))).status == status


class TestSyncer:
    def test_is_never_a_node_nor_an_event(self, door: Door) -> None:
        publish(NEW, "oem-azure.gz")
        door.post(syncer())
        door.post(tell(APPLIED, multi_manifest_ok="true"))
        assert not Node.objects.exists()
        assert not Event.objects.exists()

    def test_asks_for_an_application_that_nobody_knows(self, door: Door) -> None:
        answer = door.post(syncer(appid="unheard-of"))
        assert answer.apps[0].get("status") == "error-unknownApplication"

    def test_hears_what_was_committed_last(self, door: Door) -> None:
        for version in (NEW, "4628.2.0"):
            publish(version, "oem-azure.gz")
            answer = door.post(syncer())
            manifest = answer.root.find(".//manifest[@is_target='true']")
            assert manifest is not None
            assert manifest.get("version") == version
