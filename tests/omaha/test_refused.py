"""What the door refuses, what it lets pass, and what it keeps of a refusal."""

import gzip
import re

import pytest

from oemupdates.models import Event, Node, RejectedRequest
from tests.omaha.door import Door, serving
from tests.omaha.messages import (
    ATTRIBUTES,
    BOOT,
    MACHINE,
    NEW,
    check,
    tell,
)
from tests.omaha.policy import publish

pytestmark = pytest.mark.django_db(transaction=True)


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
            re.sub(rb" *<os .*</os>\n", b"", check()),
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
            # As wide as PostgreSQL's integer; SQLite would take any.
            assert min(kept.type, kept.result) >= -(2**31)
            assert max(kept.type, kept.result) < 2**31

    @pytest.mark.parametrize(("deep", "status"), [(16, 200), (17, 400)])
    def test_how_deep_elements_may_stand(self, door: Door, deep: int, status: int) -> None:
        inside = b"<x>" * (deep - 2) + b"</x>" * (deep - 2)
        sent = check().replace(b"<updatecheck>", inside + b"<updatecheck>")
        assert door.post(sent).status == status

    @pytest.mark.parametrize(("number", "status"), [(64, 200), (65, 400)])
    def test_how_many_attributes_an_element_may_have(
        self, door: Door, number: int, status: int
    ) -> None:
        more = {f"a{index}": "" for index in range(number - len(ATTRIBUTES))}
        assert door.post(check(**more)).status == status
