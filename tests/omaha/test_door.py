"""The door around its protocol: paths and secrets, who is asking, what is refused and kept."""

import asyncio
import gzip
import importlib
from typing import Any

import pytest
from pytest_django import Settings

import fleet.asgi
from oemupdates.domain.node import State
from oemupdates.domain.reason import Why
from oemupdates.models import Event, Node, RejectedRequest
from oemupdates.omaha import endpoint
from oemupdates.services.checkins import read_reasons
from tests.omaha.door import Door, _scope, exchange, serving
from tests.omaha.messages import (
    APPLIED,
    BOOT,
    FLATCAR,
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

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)

OTHER = "b" * 32


class TestSecretPath:
    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/v1/update/first", 200),
            ("/v1/update/first/", 200),
            ("/v1/update/second/part", 200),
            ("/v1/update", 404),
            ("/v1/update/", 404),
            ("/v1/update/firs", 404),
            ("/v1/update/firstx", 404),
            ("/v1/update/FIRST", 404),
            ("/v1/update/second", 404),
            ("/v1/update/first/../first", 404),
            ("/v1/update/premi\u00e8re", 404),
            ("/v1/update/\ufffd", 404),
            ("/v1/update/" + "x" * 5000, 404),
        ],
    )
    def test_any_of_several_opens(
        self, transactional_db: None, settings: Settings, path: str, status: int
    ) -> None:
        settings.UPDATE_SECRETS = ["first", "/second/part/"]
        with serving() as door:
            answer = door.post(check(), path)
        assert answer.status == status
        assert Node.objects.count() == (status == 200)

    def test_a_wrong_one_is_counted_and_never_written_down(
        self, transactional_db: None, settings: Settings
    ) -> None:
        settings.UPDATE_SECRETS = ["first"]
        with serving() as door:
            answer = door.post(check(), "/v1/update/nearly-first")
        rejected = RejectedRequest.objects.get()
        assert rejected.reason == "wrong_secret"
        kept = rejected.detail + rejected.sample + answer.body.decode()
        assert "nearly" not in kept
        assert "first" not in kept

    def test_an_empty_secret_opens_nothing(
        self, transactional_db: None, settings: Settings
    ) -> None:
        settings.UPDATE_SECRETS = ["", "/", "first"]
        with serving() as door:
            assert door.post(check()).status == 404
            assert door.post(check(), "/v1/update/first").status == 200

    def test_without_secrets_only_the_plain_path_answers(self, door: Door) -> None:
        assert door.post(check(), "/v1/update/guess").status == 404
        door.flush_rejections()
        assert RejectedRequest.objects.get().reason == "wrong_path"

    @pytest.mark.parametrize("path", ["/v1/updates", "/v1/update.xml", "/v1", "/V1/update"])
    def test_other_paths_are_not_its_own(self, door: Door, path: str) -> None:
        """Django answers them, so nothing of the protocol does."""
        scope = _scope("POST", path, [("host", "testserver")], "192.0.2.7")
        answer = door.run(exchange(door.application, scope, [check()]))
        assert answer.status in {403, 404}
        assert not Node.objects.exists()


def _behind_proxies(settings: Settings, *networks: str) -> Any:
    settings.TRUSTED_PROXIES = list(networks)
    return importlib.reload(fleet.asgi).application


class TestAddress:
    @pytest.mark.parametrize(
        ("forwarded", "expected"),
        [
            ("203.0.113.9", "203.0.113.9"),
            ("198.51.100.1, 203.0.113.9", "203.0.113.9"),  # only the nearest is known to be true
            ("203.0.113.9, 192.0.2.7", "203.0.113.9"),  # through two of our own
            ("2001:db8::7", "2001:db8::7"),
            ("::ffff:203.0.113.9", "203.0.113.9"),
            ("unknown", None),
            ("203.0.113.9 OR 1=1", None),
            ("", "192.0.2.7"),
        ],
    )
    def test_a_trusted_proxy_says_whose_it_is(
        self, transactional_db: None, settings: Settings, forwarded: str, expected: str | None
    ) -> None:
        application = _behind_proxies(settings, "192.0.2.0/24")
        with serving(application) as door:
            answer = door.post(check(), headers=[("x-forwarded-for", forwarded)])
        assert answer.status == 200
        assert Node.objects.get().address == expected

    def test_nobody_else_may(self, transactional_db: None, settings: Settings) -> None:
        application = _behind_proxies(settings, "192.0.2.0/24")
        with serving(application) as door:
            door.post(
                check(), headers=[("x-forwarded-for", "203.0.113.9")], address="198.51.100.1"
            )
        assert Node.objects.get().address == "198.51.100.1"

    def test_by_default_there_is_no_proxy(self, door: Door) -> None:
        door.post(check(), headers=[("x-forwarded-for", "203.0.113.9")])
        assert Node.objects.get().address == "192.0.2.7"

    def test_an_address_that_changes_is_no_news(self, door: Door) -> None:
        door.post(check())
        door.post(check(), address="2001:db8::7")
        node = Node.objects.get()
        assert node.address == "2001:db8::7"
        assert node.intervals.count() == 1
        assert node.answers.count() == 1


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


class TestRefused:
    def test_is_kept_redacted(self, door: Door) -> None:
        sent = check(machinealias="rack 7") + b"<trailing/>"
        assert door.post(sent).status == 400
        door.flush_rejections()
        rejected = RejectedRequest.objects.get()
        assert (rejected.reason, rejected.source, rejected.times) == (
            "malformed_xml",
            "192.0.2.7",
            1,
        )
        assert MACHINE not in rejected.sample
        assert f'machineid="{MACHINE[:8]}…"' in rejected.sample
        assert f'bootid="{BOOT[:8]}' in rejected.sample
        assert 'machinealias="rack 7"' in rejected.sample
        assert rejected.detail

    def test_is_counted_by_reason_and_source(self, door: Door) -> None:
        for address in ("192.0.2.7", "192.0.2.8", "192.0.2.7"):
            door.post(b"<request>", address=address)
        door.post(b"<!DOCTYPE request><request/>")
        door.flush_rejections()
        door.post(b"<request>")
        door.flush_rejections()
        counts = RejectedRequest.objects.values_list("reason", "source", "times")
        assert set(counts) == {
            ("malformed_xml", "192.0.2.7", 3),
            ("malformed_xml", "192.0.2.8", 1),
            ("doctype", "192.0.2.7", 1),
        }

    def test_is_counted_at_the_servers_end_too(self, transactional_db: None) -> None:
        with serving() as door:
            door.post(b"<request>")
        assert RejectedRequest.objects.count() == 1

    def test_a_flood_from_everywhere_is_counted_in_little_room(self, door: Door) -> None:
        for number in range(700):
            door.post(b"<request>", address=f"10.1.{number // 250}.{number % 250}")
        held = door.application.updates.rejections._counts
        assert len(held) <= 501
        door.flush_rejections()
        assert not door.application.updates.rejections._counts
        assert sum(RejectedRequest.objects.values_list("times", flat=True)) == 700

    @pytest.mark.parametrize(
        ("sent", "reason"),
        [
            (b"", "malformed_xml"),
            (b" ", "malformed_xml"),
            (b"{}", "malformed_xml"),
            (b"<request", "malformed_xml"),
            (b"<request/>", "not_omaha"),
            (b"<response><app/></response>", "not_omaha"),
            (b"<request><os/></request>", "not_omaha"),
            (b"\x00" + check(), "malformed_xml"),
            (check().replace(b"node-7", b"node\x007"), "malformed_xml"),
            (check().replace(b"node-7", b"node&#0;7"), "malformed_xml"),
            (check().replace(b"node-7", b"node&#xD800;7"), "malformed_xml"),
            (check().replace(b"node-7", b"node\xff7"), "malformed_xml"),
            (check().replace(b"node-7", b"node&nbsp;7"), "malformed_xml"),
            (check().replace(b"node-7", b"node<7"), "malformed_xml"),
            (gzip.compress(check()), "malformed_xml"),
            (b"\n" + check(), "malformed_xml"),
            (check().decode().encode("utf-16"), "malformed_xml"),
            (check().replace(b"UTF-8", b"UTF-16"), "encoding"),
            (check().replace(b"UTF-8", b"UTF-7"), "encoding"),
            (check().replace(b"UTF-8", b"cp037"), "encoding"),
            (check().replace(b"UTF-8", b"x" * 5000), "encoding"),
            (check().replace(b"?>\n", b"?><!DOCTYPE r>\n", 1), "doctype"),
            (check().replace(b"?>\n", b"?><!doctype r>\n", 1), "malformed_xml"),
            (b"<request>" + b"<app>" * 20 + b"</app>" * 20 + b"</request>", "not_omaha"),
            (b"<request><app " + b" ".join(b'a%d=""' % n for n in range(65)) + b"/></request>",
             "not_omaha"),
            (check().replace(b"<app ", b'<app version="1.0.0" '), "malformed_xml"),
        ],
    )  # fmt: skip
    def test_says_why(self, door: Door, sent: bytes, reason: str) -> None:
        answer = door.post(sent)
        assert answer.status == 400
        door.flush_rejections()
        assert RejectedRequest.objects.get().reason == reason
        assert not Node.objects.exists()

    @pytest.mark.parametrize(
        "sent",
        [
            b"\xef\xbb\xbf" + check(),
            check().replace(b'<?xml version="1.0" encoding="UTF-8"?>\n', b""),
            check().replace(b'encoding="UTF-8"', b"encoding='us-ascii'"),
            check().replace(b"?>\n", b"?>\n<!-- from here -->\n", 1),
            check().replace(b'"', b"'"),
            check().replace(b"\n", b"\r\n"),
            check().replace(b"\n", b""),
            check().replace(b"<app ", b'<app requestid="1" installage="9" from_track="beta" '),
            check().replace(b"<updatecheck>", b'<updatecheck targetversionprefix="4593.">'),
            check().replace(b"<ping active", b'<ping a="-1" r="-1" active'),
            check().replace(b"<os ", b'<os arch="x64" '),
            check().replace(b'"3.0"', b'"3.1"'),
        ],
    )
    def test_but_not_what_other_clients_write(self, door: Door, sent: bytes) -> None:
        publish(NEW, "oem-azure.gz")
        assert door.post(sent).offered == NEW

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("machineid", ""),
            ("machineid", "x" * 65),
            ("version", "1" * 65),
            ("track", "x" * 257),
            ("oem", "x" * 65),
            ("oemversion", "x" * 129),
            ("alephversion", "x" * 65),
            ("bootid", "x" * 65),
            ("oem", "az\u0085ure"),
            ("track", "sta\u2028ble"),
            ("appid", "x" * 65),
            ("appid", "a\u0085b"),
        ],
    )
    def test_values_that_cannot_be_kept_are_a_quiet_no(
        self, door: Door, name: str, value: str
    ) -> None:
        """A node that hears an error adds one to each of its checks; this is not its fault."""
        answer = door.post(check(**{name: value}))
        assert answer.status == 200
        assert answer.root.find("app/updatecheck[@status='noupdate']") is not None
        assert not Node.objects.exists()
        door.flush_rejections()
        assert RejectedRequest.objects.get().reason == "bad_values"

    @pytest.mark.parametrize(
        "event",
        [
            '<event eventtype="4294967295" eventresult="1"/>',
            '<event eventtype="2147483648" eventresult="2147483648"/>',
            '<event eventtype="-2147483648" eventresult="-1"/>',
            '<event eventtype="99999999999999999999" eventresult="x"/>',
            '<event eventtype="" eventresult="" errorcode=""/>',
            '<event eventtype="٣" eventresult="1"/>',
            "<event/>",
            f'<event eventtype="3" eventresult="2" previousversion="{"9" * 500}"/>',
            '<event eventtype="3" eventresult="2" previousversion="4459&#10;.2.4"/>',
            '<event eventtype="3" eventresult="0" errorcode="-9999999999"/>',
        ],
    )
    def test_odd_events_are_taken_as_they_are(self, door: Door, event: str) -> None:
        door.post(check())
        assert door.post(tell(event)).status == 200
        assert Node.objects.get().check_in_count == 2
        for kept in Event.objects.all():
            assert len(kept.previous_version) <= 64
            assert kept.previous_version.isprintable()


class TestBody:
    def test_arrives_in_pieces(self, door: Door) -> None:
        sent = check()
        pieces = [sent[at : at + 100] for at in range(0, len(sent), 100)]
        assert door.send(pieces).status == 200
        assert door.send([b"", *pieces, b""]).status == 200

    @pytest.mark.parametrize(("size", "status"), [(64 * 1024, 200), (64 * 1024 + 1, 413)])
    @pytest.mark.parametrize("announced", [True, False])
    def test_has_a_largest_size(
        self, door: Door, size: int, status: int, announced: object
    ) -> None:
        sent = check()
        sent = sent.replace(b"?>\n", b"?>\n" + b" " * (size - len(sent)), 1)
        headers = [("content-length", str(len(sent)))] if announced else []
        assert len(sent) == size
        assert door.post(sent, headers=headers).status == status

    @pytest.mark.parametrize(("piece", "pieces"), [(30_000, 3), (64 * 1024, 2), (65_537, 1)])
    def test_is_not_read_to_its_end_when_it_is_too_large(
        self, door: Door, piece: int, pieces: int
    ) -> None:
        taken = []

        async def receive() -> dict[str, Any]:
            taken.append(1)
            return {"type": "http.request", "body": b"x" * piece, "more_body": True}

        sent: list[Any] = []

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = _scope("POST", "/v1/update", [], "192.0.2.7")
        door.run(asyncio.wait_for(door.application(scope, receive, send), 5))
        assert sent[0]["status"] == 413
        assert len(taken) == pieces

    @pytest.mark.parametrize("announced", ["x", "-5", "9" * 50, "1e9", "0"])
    def test_does_not_believe_what_is_announced(self, door: Door, announced: str) -> None:
        assert door.post(check(), headers=[("content-length", announced)]).status == 200

    def test_arrives_too_slowly(self, door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(endpoint, "BODY_SECONDS", 0.05)
        monkeypatch.setattr(endpoint, "_WATCH_SECONDS", 0.02)
        scope = _scope("POST", "/v1/update", [], "192.0.2.7")
        pieces = [bytes([byte]) for byte in check()[:50]]
        slow = door.run(exchange(door.application, scope, pieces, pause=0.01))
        assert slow.status == 408
        assert not Node.objects.exists()
        assert door.post(check()).status == 200

    def test_ends_before_it_is_whole(self, door: Door) -> None:
        messages = [
            {"type": "http.request", "body": check()[:300], "more_body": True},
            {"type": "http.disconnect"},
        ]

        async def receive() -> dict[str, Any]:
            return messages.pop(0)

        async def send(message: dict[str, Any]) -> None:
            pass

        scope = _scope("POST", "/v1/update", [], "192.0.2.7")
        door.run(asyncio.wait_for(door.application(scope, receive, send), 5))
        assert not Node.objects.exists()

    def test_an_appid_is_repeated_as_text(self, door: Door) -> None:
        odd = "<\"'&>]]>"
        assert door.post(check(appid=odd)).apps[0].get("appid") == odd
        assert door.post(check(appid=FLATCAR)).status == 200
