"""`POST /v1/sysext-report` as anybody may call it."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from oemupdates.domain.report import load
from oemupdates.models import FLATCAR, Node, RejectedRequest, SysextReport, UpdateSecret
from oemupdates.reports import endpoint
from oemupdates.services.access import update_secrets
from oemupdates.services.checkins.passes import PLAIN
from oemupdates.services.drift import reports
from tests.domain.test_report import DOCUMENT, report
from tests.omaha.door import Answer, Door, exchange
from tests.omaha.messages import MACHINE, NEW, check
from tests.omaha.policy import publish
from tests.services.makers import make_node, make_operator, seeded_group

pytestmark = pytest.mark.django_db(transaction=True)
PATH = endpoint.PATH


@pytest.fixture
def node(transactional_db: None) -> Node:
    return make_node(machine_id=DOCUMENT["machineid"], oem="azure", version="4593.2.1")


def post(door: Door, body: bytes | None = None, path: str = PATH, **given: Any) -> Answer:
    return door.post(report() if body is None else body, path, **given)


class TestAReport:
    def test_is_kept_with_its_node(self, door: Door, node: Node) -> None:
        answer = post(door)
        assert (answer.status, answer.body) == (204, b"")
        row = SysextReport.objects.get()
        assert (row.node, row.boot_id, row.os_version) == (node, DOCUMENT["bootid"], "4593.2.1")
        assert (row.address, row.changed_at) == ("192.0.2.7", row.received_at)
        assert load(row.content).oem_extension is not None

    def test_again_changes_nothing_but_its_time(self, door: Door, node: Node) -> None:
        post(door)
        first = SysextReport.objects.get()
        post(door, report(), f"{PATH}/")
        again = SysextReport.objects.get()
        assert (again.pk, again.changed_at, again.content) == (
            first.pk,
            first.changed_at,
            first.content,
        )
        assert again.received_at > first.received_at

    def test_that_says_something_else_takes_its_place(self, door: Door, node: Node) -> None:
        post(door)
        first = SysextReport.objects.get()
        post(door, report(bootid="another-boot"))
        row = SysextReport.objects.get()
        assert (row.boot_id, row.digest != first.digest) == ("another-boot", True)
        assert row.changed_at == row.received_at > first.changed_at

    def test_many_at_once_are_one_row(self, door: Door, node: Node) -> None:
        async def all_at_once() -> list[Answer]:
            scope = _scope()
            bodies = [report(os_version=f"4593.2.{number % 2}") for number in range(6)]
            posts = (exchange(door.application, dict(scope), [body]) for body in bodies)
            return await asyncio.gather(*posts)

        assert {answer.status for answer in door.run(all_at_once())} == {204}
        assert SysextReport.objects.count() == 1

    def test_changes_nothing_of_what_check_ins_say(self, door: Door, node: Node) -> None:
        before = Node.objects.values().get()
        post(door)
        after = Node.objects.values().get()
        assert after["needs"] == "oem-azure.gz flatcar-python.gz"
        changed = {name for name, value in after.items() if value != before[name]}
        by_drift = {"drift", "drift_basis", "drift_at"}
        assert changed == {"needs", "reported", *by_drift}

    def test_is_of_another_application_only_if_it_says_so(self, door: Door, node: Node) -> None:
        other = make_node(machine_id=node.machine_id, application="other-os", group=None)
        post(door, report(application=""))
        assert SysextReport.objects.get().node == node
        post(door, report(application="other-os"))
        assert set(SysextReport.objects.values_list("node", flat=True)) == {node.pk, other.pk}
        assert node.application == str(FLATCAR)


class TestWhatIsNotTaken:
    def test_of_a_machine_that_never_checked_in(self, door: Door, node: Node) -> None:
        answer = post(door, report(machineid="f" * 32))
        assert (answer.status, b"never checked in" in answer.body) == (404, True)
        assert not SysextReport.objects.exists()
        door.flush_rejections()
        assert not RejectedRequest.objects.exists()

    @pytest.mark.parametrize("body", [b"", b"[" * 50_000, report(schema=7)])
    def test_what_is_no_report(self, door: Door, node: Node, body: bytes) -> None:
        assert post(door, body).status == 400
        door.flush_rejections()
        assert RejectedRequest.objects.get().reason == "bad_report"
        assert not SysextReport.objects.exists()

    def test_what_is_too_large(self, door: Door, node: Node) -> None:
        answer = door.send([b" " * 40_000] * 2, PATH)
        assert (answer.status, answer.headers["connection"]) == (413, "close")

    def test_what_takes_too_long(
        self, door: Door, node: Node, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(endpoint, "BODY_SECONDS", 0.05)
        dripping = exchange(door.application, _scope(), [b"{", b" ", b"}"], pause=0.04)
        assert door.run(dripping).status == 408

    @pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
    def test_another_verb(self, door: Door, method: str) -> None:
        answer = door.send([b""], PATH, method=method)
        assert (answer.status, answer.headers["allow"]) == (405, "POST")

    def test_another_path_is_djangos(self, door: Door) -> None:
        assert post(door, path=f"{PATH}s").status in {403, 404}

    def test_too_many_of_one_machine(self, door: Door, node: Node) -> None:
        answers = [post(door) for _ in range(7)]
        assert [answer.status for answer in answers] == [204] * 6 + [429]
        assert 0 < int(answers[-1].headers["retry-after"]) <= 60

    def test_too_many_of_one_address(self, door: Door, node: Node, settings: Any) -> None:
        settings.REPORTS_A_MINUTE = 2
        bodies = [report(machineid=f"{number:032x}") for number in range(3)]
        assert [post(door, body).status for body in bodies] == [404, 404, 429]
        assert post(door, address="192.0.2.8").status == 204
        settings.REPORTS_A_MINUTE = 0
        assert post(door).status == 204

    def test_more_at_once_than_there_is_room_for(
        self, door: Door, node: Node, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(endpoint, "_UNDER_WAY", 0)
        answer = post(door)
        assert (answer.status, int(answer.headers["retry-after"]) >= 60) == (503, True)


class TestASecret:
    @pytest.fixture
    def secret(self, door: Door, node: Node) -> str:
        return update_secrets.create("all", by=make_operator()).value

    def test_of_the_fleet_lets_any_node_in(self, door: Door, secret: str) -> None:
        assert post(door, path=f"{PATH}/{secret}").status == 204
        assert post(door, path=f"{PATH}/{secret}/").status == 204

    def test_that_nobody_has_lets_nobody_in(self, door: Door, secret: str) -> None:
        assert post(door, path=f"{PATH}/wrong").status == 404
        door.flush_rejections()
        assert RejectedRequest.objects.get().reason == "wrong_secret"

    def test_is_needed_once_the_plain_address_is_closed(self, door: Door, secret: str) -> None:
        assert post(door).status == 204
        plain = UpdateSecret.objects.get(digest=PLAIN)
        update_secrets.revoke(plain, by=make_operator("bob"))
        assert post(door).status == 404
        assert post(door, path=f"{PATH}/{secret}").status == 204

    def test_of_a_group_is_for_its_nodes_alone(self, door: Door, node: Node) -> None:
        by = make_operator()
        theirs = update_secrets.create("theirs", by=by, group=seeded_group("beta")).value
        ours = update_secrets.create("ours", by=by, group=seeded_group()).value
        assert post(door, path=f"{PATH}/{theirs}").status == 404
        assert not SysextReport.objects.exists()
        assert post(door, path=f"{PATH}/{ours}").status == 204


class TestAnOffer:
    def offered(self, door: Door) -> str:
        return door.post(check(machineid=MACHINE)).offered

    def said(self, **changes: Any) -> bytes:
        return report(machineid=MACHINE, **changes)

    def test_is_withheld_when_the_node_needs_what_the_release_lacks(self, door: Door) -> None:
        publish(NEW, "oem-azure.gz")
        assert self.offered(door) == NEW
        assert post(door, self.said()).status == 204
        assert self.offered(door) == ""
        assert f'["payload_missing","{NEW}","flatcar-python.gz"]' in Node.objects.get().reasons
        assert post(door, self.said(enabled_sysext=[])).status == 204
        assert self.offered(door) == NEW

    def test_is_withheld_from_a_custom_oem_in_use(self, door: Door) -> None:
        publish(NEW, "oem-azure.gz")
        custom = check(machineid=MACHINE, oem="acme")
        assert door.post(custom).offered == NEW
        post(door, self.said(oem="acme", enabled_sysext=[]))
        assert door.post(custom).offered == ""
        post(door, self.said(oem="acme", oem_flag_active=False, enabled_sysext=[]))
        assert door.post(custom).offered == NEW

    def test_is_never_caused(self, door: Door) -> None:
        publish(NEW)
        assert self.offered(door) == ""
        everything_is_fine = self.said(oem_flag_active=False, enabled_sysext=[], oem="")
        assert post(door, everything_is_fine).status == 204
        assert self.offered(door) == ""


def _scope() -> dict[str, Any]:
    return {
        "type": "http",
        "method": "POST",
        "path": PATH,
        "headers": [],
        "query_string": b"",
        "client": ("192.0.2.7", 40000),
    }


def test_what_was_reported_long_ago_withholds_nothing(door: Door, node: Node) -> None:
    post(door)
    at = SysextReport.objects.get().received_at
    assert reports.forget_old(at + reports.BELIEVED_FOR) == 0
    assert Node.objects.get().needs
    assert reports.forget_old(at + reports.BELIEVED_FOR + timedelta(seconds=1)) == 1
    assert Node.objects.get().needs == ""
    assert SysextReport.objects.exists()
